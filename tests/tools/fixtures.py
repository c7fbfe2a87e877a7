"""Writes tests/data: one tiny BERT in the forms that only PyTorch writes, and what PyTorch gives for it.

    python tests/tools/fixtures.py MINILM_FOLDER     (torch 2.13.0, transformers 4.57.6)

tiny/            config.json, model.safetensors, io.safetensors (a masked language model)
tiny-bin/        the same weights as pytorch_model.bin, tied weights sharing their storage
tiny-bin-shards/ the same as two .bin shards with their index
minilm.safetensors  inputs and outputs of the real all-MiniLM-L6-v2
"""
import json, os, shutil, sys
import numpy as np
import torch
from safetensors.numpy import save_file
from transformers import AutoModel, BertConfig, BertForMaskedLM

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")


def fresh(name):
    path = os.path.join(DATA, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def io(model, vocab, types, shapes):
    rng = np.random.default_rng(7)
    tensors = {}
    for i, (batch, length) in enumerate(shapes):
        inputs = dict(input_ids=rng.integers(0, vocab, (batch, length)), attention_mask=np.ones((batch, length), np.int64),
                      token_type_ids=rng.integers(0, types, (batch, length)))
        inputs["attention_mask"][0, max(1, length // 2):] = 0
        with torch.no_grad():
            out = model(**{k: torch.from_numpy(v) for k, v in inputs.items()})
        tensors.update({f"{i}.{k}": v for k, v in inputs.items()})
        tensors[f"{i}.{list(out.keys())[0]}"] = out[0].numpy()
    return tensors


torch.manual_seed(3)
model = BertForMaskedLM(BertConfig(vocab_size=13, hidden_size=6, num_hidden_layers=1, num_attention_heads=2, intermediate_size=5,
                                   max_position_embeddings=9, type_vocab_size=2)).eval()
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.randn_like(p) * 0.5)
model.config.architectures = ["BertForMaskedLM"]
save = fresh("tiny")
model.save_pretrained(save)
save_file(io(model, 13, 2, [(2, 5), (1, 1)]), os.path.join(save, "io.safetensors"))
state = model.state_dict()
one = fresh("tiny-bin")
torch.save(state, os.path.join(one, "pytorch_model.bin"))
two = fresh("tiny-bin-shards")
names = list(state)
half = len(names) // 2
index = {"metadata": {}, "weight_map": {}}
for i, part in enumerate((names[:half], names[half:])):
    shard = f"pytorch_model-{i + 1:05}-of-00002.bin"
    torch.save({n: state[n] for n in part}, os.path.join(two, shard))
    index["weight_map"].update({n: shard for n in part})
json.dump(index, open(os.path.join(two, "pytorch_model.bin.index.json"), "w"), indent=1)
for folder in (one, two):
    shutil.copy(os.path.join(save, "config.json"), folder)
minilm = AutoModel.from_pretrained(sys.argv[1]).eval()
save_file(io(minilm, 30522, 2, [(2, 12), (1, 3)]), os.path.join(DATA, "minilm.safetensors"))

# The example's architecture, which onnxport does not have: seeded weights as in golden.py.
sys.argv = [sys.argv[0], "/dev/null"]
import importlib.util
spec = importlib.util.spec_from_file_location("golden", os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.py"))
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)
from transformers import SplinterConfig
config = SplinterConfig(vocab_size=97, hidden_size=30, num_hidden_layers=2, num_attention_heads=3, intermediate_size=37,
                        max_position_embeddings=41, type_vocab_size=3, layer_norm_eps=1e-5, hidden_act="gelu_new")
row = {"inputs": {k: {} for k in ("input_ids", "attention_mask", "token_type_ids")}, "outputs": {"last_hidden_state": {}}}
golden.write_case(os.path.join(DATA, "..", "..", "examples", "splinter"), "SplinterModel", config, row, np.random.default_rng(5))
