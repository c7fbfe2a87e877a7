"""Writes the golden data: what PyTorch gives for small, awkward models.

    pip install torch==2.13.0 transformers==4.57.6 safetensors
    python tests/tools/golden.py features.json [TYPE ...]

For every (type, feature) and configuration a folder tests/golden/TYPE/FEATURE-N with
  config.json     as save_pretrained writes it
  names.txt       the checkpoint's tensors: a name and its dimensions per line
  io.safetensors  "0.input_ids", …, "0.logits", … for every input set
Weights are not stored: fill() below and fill_values() in src/weights/tensor.c give the same.
"""
import json, math, os, shutil, sys
import numpy as np
import torch
import transformers
from safetensors.numpy import save_file

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
MASK64 = (1 << 64) - 1


def fnv(name):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK64
    return h


def fill(name, shape):
    n = int(np.prod(shape)) if len(shape) else 1
    with np.errstate(over="ignore"):
        x = np.uint64(fnv(name)) + np.arange(n, dtype=np.uint64)
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    u = (x >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1
    scale, middle = 0.5, 0.0
    if len(shape) > 1:
        scale = math.sqrt(3.0 / max(1, int(np.prod(shape[1:]))))
    elif name.endswith((".weight", ".running_var")):
        middle = 1.0
    return (middle + scale * u).astype(np.float32).reshape(shape)


ACTS = ["gelu_new", "relu", "gelu_10", "gelu_fast", "gelu_python", "gelu_pytorch_tanh", "gelu_python_tanh",
        "gelu_accurate", "laplace", "leaky_relu", "linear", "mish", "prelu", "quick_gelu", "relu2", "relu6",
        "sigmoid", "silu", "swish", "tanh"]

# Two configurations or more per type; the later ones differ in everything that changes the graph.
PLAIN = dict(vocab_size=97, hidden_size=30, num_hidden_layers=2, num_attention_heads=3, intermediate_size=37,
             max_position_embeddings=41, type_vocab_size=3, layer_norm_eps=1e-5, num_labels=5)
RELATIVE = dict(vocab_size=89, hidden_size=28, num_hidden_layers=3, num_attention_heads=7, intermediate_size=50,
                max_position_embeddings=23, type_vocab_size=1, layer_norm_eps=1e-3, num_labels=3,
                position_embedding_type="relative_key_query", is_decoder=True, tie_word_embeddings=False)
KEY = dict(vocab_size=61, hidden_size=36, num_hidden_layers=1, num_attention_heads=2, intermediate_size=19,
           max_position_embeddings=29, type_vocab_size=2, num_labels=4, position_embedding_type="relative_key")
CAUSAL = dict(PLAIN, is_decoder=True, num_attention_heads=5, hidden_size=35, num_labels=7)
ROBERTA = dict(PLAIN, pad_token_id=1, max_position_embeddings=43)
ROBERTA2 = dict(RELATIVE, pad_token_id=4, max_position_embeddings=33)
ROBERTA3 = dict(CAUSAL, pad_token_id=0, type_vocab_size=1)
DISTIL = dict(vocab_size=97, dim=30, n_layers=2, n_heads=3, hidden_dim=37, max_position_embeddings=41, num_labels=5)
DISTIL2 = dict(vocab_size=53, dim=42, n_layers=1, n_heads=7, hidden_dim=29, max_position_embeddings=19, num_labels=3,
               tie_word_embeddings=False, sinusoidal_pos_embds=True)
ALBERT = dict(PLAIN, embedding_size=17, num_hidden_layers=5, num_hidden_groups=2)
ALBERT2 = dict(RELATIVE, embedding_size=31, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2, is_decoder=False)
ALBERT3 = dict(KEY, embedding_size=36, num_hidden_layers=3)
CONFIGS = {
    "bert": [PLAIN, RELATIVE, KEY, CAUSAL],
    "ernie": [PLAIN, dict(RELATIVE, use_task_id=True, task_type_vocab_size=4), dict(PLAIN, use_task_id=True)],
    "roberta": [ROBERTA, ROBERTA2, ROBERTA3],
    "camembert": [ROBERTA, ROBERTA2],
    "xlm-roberta": [ROBERTA2, ROBERTA3],
    "xlm-roberta-xl": [ROBERTA, ROBERTA2, ROBERTA3],
    "data2vec-text": [ROBERTA, ROBERTA2],
    "electra": [dict(PLAIN, embedding_size=13), dict(RELATIVE, embedding_size=28, summary_type="mean", summary_activation=None),
                dict(CAUSAL, embedding_size=9, summary_type="last", summary_use_proj=False, summary_activation="tanh"),
                dict(KEY, embedding_size=11, summary_type="cls_index", summary_activation="relu")],
    "albert": [ALBERT, ALBERT2, ALBERT3],
    "distilbert": [DISTIL, DISTIL2],
}
CONFIG_CLASS = {"bert": "BertConfig", "ernie": "ErnieConfig", "roberta": "RobertaConfig", "camembert": "CamembertConfig",
                "xlm-roberta": "XLMRobertaConfig", "xlm-roberta-xl": "XLMRobertaXLConfig",
                "data2vec-text": "Data2VecTextConfig", "electra": "ElectraConfig", "albert": "AlbertConfig",
                "distilbert": "DistilBertConfig"}
# batch, sequence, choices, padding
SETS = [(3, 7, 2, "right"), (2, 11, 3, "left"), (1, 1, 1, "none"), (4, 5, 2, "holes")]


def text_inputs(names, config, rng, batch, length, choices, padding, multiple):
    shape = (batch, choices, length) if multiple else (batch, length)
    out = {}
    for name in names:
        if name == "attention_mask":
            rows = np.ones((int(np.prod(shape[:-1])), length), dtype=np.int64)
            for row in rows:
                zeros = int(rng.integers(0, length))
                if padding == "right" and zeros:
                    row[-zeros:] = 0
                elif padding == "left":
                    row[:zeros] = 0
                elif padding == "holes":
                    row[1:] = rng.integers(0, 2, length - 1)
            out[name] = rows.reshape(shape)
        else:
            most = {"input_ids": config.vocab_size, "token_type_ids": getattr(config, "type_vocab_size", 1),
                    "task_type_ids": getattr(config, "task_type_vocab_size", 1)}[name]
            out[name] = rng.integers(0, most, shape, dtype=np.int64)
    return out


def write_case(folder, model_class, config, row, rng):
    torch.manual_seed(0)
    model = getattr(transformers, model_class)(config).eval()
    model.config.use_cache = False  # as the original exporter sets it for features without a past
    names, seen = [], set()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.data_ptr() in seen and tensor.numel():
                continue
            seen.add(tensor.data_ptr())
            names.append(name + "".join(f" {n}" for n in tensor.shape))
            tensor.copy_(torch.from_numpy(fill(name, tuple(tensor.shape))))
    tensors = {}
    multiple = "ForMultipleChoice" in model_class
    for i, (batch, length, choices, padding) in enumerate(SETS):
        inputs = text_inputs(list(row["inputs"]), config, rng, batch, length, choices, padding, multiple)
        with torch.no_grad():
            outputs = model(**{k: torch.from_numpy(v) for k, v in inputs.items()})
        for k, v in inputs.items():
            tensors[f"{i}.{k}"] = v
        for k in row["outputs"]:
            tensors[f"{i}.{k}"] = outputs[k].contiguous().numpy()
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    config.architectures = [model_class]
    config.save_pretrained(folder)
    with open(os.path.join(folder, "names.txt"), "w") as f:
        f.write("\n".join(names) + "\n")
    save_file(tensors, os.path.join(folder, "io.safetensors"))


def main():
    table = json.load(open(sys.argv[1]))
    known = os.path.join(GOLDEN, "table.json")
    kept = json.load(open(known)) if os.path.exists(known) else {}
    acts = 0
    for kind in sys.argv[2:] or CONFIGS:
        kept[kind] = table[kind]
        shutil.rmtree(os.path.join(GOLDEN, kind), ignore_errors=True)
        for feature, row in table[kind].items():
            for n, settings in enumerate(CONFIGS[kind]):
                settings = dict(settings)
                key = "activation" if kind == "distilbert" else "hidden_act"
                if n:  # every activation's turn comes
                    settings[key] = ACTS[acts % len(ACTS)]
                    acts += 1
                if feature == "question-answering":
                    settings["num_labels"] = 2
                if kind == "ernie" and feature == "multiple-choice":
                    settings["use_task_id"] = False  # the class does not flatten task_type_ids and fails
                config = getattr(transformers, CONFIG_CLASS[kind])(**settings)
                rng = np.random.default_rng([n, fnv(kind + feature) % 1000003])
                write_case(os.path.join(GOLDEN, kind, f"{feature}-{n}"), row["model_class"], config, row, rng)
        print(kind)
    with open(known, "w") as f:
        json.dump(kept, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
