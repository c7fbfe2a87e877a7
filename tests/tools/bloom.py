"""Writes a checkpoint with BLOOM's geometry and no content: sparse files, so that zeros cost nothing on the disk.

    python tests/tools/bloom.py FOLDER [--layers 70] [--hidden 14336] [--heads 112] [--vocab 250880] [--dtype BF16]

The defaults are BLOOM-176B: 352 GB in 72 shards, the embeddings first, a layer in each of the next, the last norm at the end.
"""
import argparse, json, os, struct

SIZE = {"BF16": 2, "F16": 2, "F32": 4}


def layer(hidden):
    """A block's tensors, in the order of BLOOM's own files."""
    norm = lambda name: [(f"{name}.weight", [hidden]), (f"{name}.bias", [hidden])]
    linear = lambda name, out, into: [(f"{name}.weight", [out, into]), (f"{name}.bias", [out])]
    return [*norm("input_layernorm"), *linear("self_attention.query_key_value", 3 * hidden, hidden),
            *linear("self_attention.dense", hidden, hidden), *norm("post_attention_layernorm"),
            *linear("mlp.dense_h_to_4h", 4 * hidden, hidden), *linear("mlp.dense_4h_to_h", hidden, 4 * hidden)]


def write_shard(path, tensors, dtype):
    header, end = {}, 0
    for name, shape in tensors:
        n = SIZE[dtype]
        for d in shape:
            n *= d
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [end, end + n]}
        end += n
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.truncate(8 + len(text) + end)
    return end


def main():
    p = argparse.ArgumentParser()
    p.add_argument("folder")
    for name, value in (("layers", 70), ("hidden", 14336), ("heads", 112), ("vocab", 250880)):
        p.add_argument(f"--{name}", type=int, default=value)
    p.add_argument("--dtype", choices=SIZE, default="BF16")
    a = p.parse_args()
    os.makedirs(a.folder, exist_ok=True)
    norm = lambda name: [(f"{name}.weight", [a.hidden]), (f"{name}.bias", [a.hidden])]
    shards = [[("word_embeddings.weight", [a.vocab, a.hidden]), *norm("word_embeddings_layernorm")]]
    shards += [[(f"h.{i}.{name}", shape) for name, shape in layer(a.hidden)] for i in range(a.layers)]
    shards += [norm("ln_f")]
    where, total = {}, 0
    for i, tensors in enumerate(shards, 1):
        name = f"model-{i:05}-of-{len(shards):05}.safetensors"
        total += write_shard(f"{a.folder}/{name}", tensors, a.dtype)
        where.update({t: name for t, _ in tensors})
    json.dump({"metadata": {"total_size": total}, "weight_map": where}, open(f"{a.folder}/model.safetensors.index.json", "w"))
    json.dump({"model_type": "bloom", "architectures": ["BloomForCausalLM"], "hidden_size": a.hidden, "n_layer": a.layers, "n_head": a.heads,
               "vocab_size": a.vocab, "layer_norm_epsilon": 1e-5}, open(f"{a.folder}/config.json", "w"))
    print(f"{a.folder}: {total / 1e9:.1f} GB in {len(shards)} shards")


if __name__ == "__main__":
    main()
