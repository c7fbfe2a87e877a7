"""onnxport against torch.onnx.export, on one seeded BERT-base: the export, and the graph that comes of it.

    make bench-python        (PyTorch and Transformers go into .venv-bench)

Exports are whole processes, as a user starts them; time and peak resident memory, the fastest of ROUNDS, in turn. Graphs run in one
process on one thread, in turn. Nothing here is part of the test suite.
"""
import json, os, shutil, subprocess, sys, tempfile, time

BUILD = os.path.abspath(sys.argv[1])
ROUNDS = int(os.environ.get("ROUNDS", "3"))
EXPORT = """
import sys, torch, transformers
model = transformers.BertModel.from_pretrained(sys.argv[1], add_pooling_layer=False).eval()
ids = torch.ones(2, 8, dtype=torch.long)
names = ["input_ids", "attention_mask", "token_type_ids"]
inputs = (ids, ids, ids * 0)
if sys.argv[3] == "dynamo":
    axes = {0: torch.export.Dim("batch", min=2, max=64), 1: torch.export.Dim("sequence", min=2, max=512)}
    torch.onnx.export(model, inputs, sys.argv[2], input_names=names, output_names=["last_hidden_state"], opset_version=18,
                      dynamo=True, external_data=False, dynamic_shapes={n: axes for n in names})
else:
    axes = {n: {0: "batch", 1: "sequence"} for n in names + ["last_hidden_state"]}
    torch.onnx.export(model, inputs, sys.argv[2], input_names=names, output_names=["last_hidden_state"], opset_version=17,
                      dynamo=False, dynamic_axes=axes)
"""

MODEL = """
import sys, torch, transformers
torch.manual_seed(0)
transformers.BertModel(transformers.BertConfig(), add_pooling_layer=False).save_pretrained(sys.argv[1])
"""


def timed(command):  # before this process grows: a child's peak starts at its parent's size
    start = time.perf_counter()
    p = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    _, status, usage = os.wait4(p.pid, 0)
    return (time.perf_counter() - start, usage.ru_maxrss / 1024) if status == 0 else None


def main(work):
    model = os.path.join(work, "model")
    subprocess.run([sys.executable, "-c", MODEL, model], check=True)
    script = os.path.join(work, "export.py")
    open(script, "w").write(EXPORT)
    ways = {
        "onnxport, opset 17": lambda out: [f"{BUILD}/onnxport", "-m", model, "--opset", "17", "--no-validate", "-q", out],
        "onnxport, opset 23": lambda out: [f"{BUILD}/onnxport", "-m", model, "--opset", "23", "--no-validate", "-q", out],
        "torch.onnx.export, TorchScript": lambda out: [sys.executable, script, model, out, "script"],
        "torch.onnx.export, dynamo": lambda out: [sys.executable, script, model, out, "dynamo"],
    }
    best, sessions, rows = {}, {}, {}
    for _ in range(ROUNDS):
        for i, (name, command) in enumerate(ways.items()):
            out = os.path.join(work, f"{i}.onnx")
            got = timed(command(out))
            if got:
                best[name] = min(best.get(name, got), got)
    import numpy as np, onnx, onnxruntime as ort

    ort.set_default_logger_severity(3)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    for i, name in enumerate(ways):
        path = os.path.join(work, f"{i}.onnx")
        if name in best:
            sessions[name] = ort.InferenceSession(path, options)
            rows[name] = (len(onnx.load(path, load_external_data=False).graph.node), os.path.getsize(path) / 1e6)
    latency = {n: {} for n in sessions}
    for batch, length in ((1, 128), (8, 128)):
        rng = np.random.default_rng(0)
        inputs = {"input_ids": rng.integers(0, 30522, (batch, length)), "attention_mask": np.ones((batch, length), np.int64),
                  "token_type_ids": np.zeros((batch, length), np.int64)}
        for _ in range(8):
            for name, session in sessions.items():
                start = time.perf_counter()
                session.run(None, inputs)
                took = time.perf_counter() - start
                latency[name][batch] = min(latency[name].get(batch, took), took)
    print("| | export | peak memory | nodes | file | 1 × 128 | 8 × 128 |\n|---|---|---|---|---|---|---|")
    for name in sessions:
        print(f"| {name} | {best[name][0]:.2f} s | {best[name][1]:.0f} MiB | {rows[name][0]} | {rows[name][1]:.0f} MB "
              f"| {latency[name][1] * 1e3:.0f} ms | {latency[name][8] * 1e3:.0f} ms |")


folder = tempfile.mkdtemp(prefix="onnxport-bench-")
try:
    main(folder)
finally:
    shutil.rmtree(folder)
