"""The graphs that onnxport writes against those of torch.onnx.export (TorchScript and dynamo), of the same seeded models.

    make bench-graphs        (PyTorch and Transformers go into .venv-bench)
    .venv-bench/bin/python bench/graphs.py BUILD [CASE …] [--rounds N] [--json FILE]

All graphs of a case run in one process on ONNX Runtime, in turn, on the same inputs: on one thread and on as many as ONNX Runtime
takes, with a batch of 1 and of 8. A latency is the median of all runs; a ratio is to the faster one of the other two. Outputs
are compared too. KEEP=FOLDER keeps PyTorch's graphs for the next time. Nothing here is part of the test suite.
"""
import argparse, json, os, shutil, statistics, subprocess, sys, tempfile, time

os.environ["HF_HUB_OFFLINE"] = "1"
OPSET = 18  # the least that the dynamo exporter writes
OURS = {"onnxport": [], f"onnxport, opset {OPSET}": ["--opset", str(OPSET)]}  # the first with each feature's own opset
THREADS, BATCHES = (1, 0), (1, 8)  # 0: as many as ONNX Runtime takes

# name: class, whose configuration's defaults are the model; feature, lengths, runs per round
CASES = {
    "bert-base": ("BertModel", "default", {"sequence": 128}, 1),
    "gpt2, prompt": ("GPT2LMHeadModel", "causal-lm", {"sequence": 128}, 1),
    "gpt2, step": ("GPT2LMHeadModel", "causal-lm-with-past", {"sequence": 1, "past": 128}, 5),
    "t5-small": ("T5ForConditionalGeneration", "seq2seq-lm", {"sequence": 128, "decoder": 32}, 2),
    "vit-base": ("ViTForImageClassification", "image-classification", {}, 1),
    "resnet-50": ("ResNetForImageClassification", "image-classification", {}, 1),
    "resnet-50, fixed size": ("ResNetForImageClassification", "image-classification", {}, 1),
}
FIXED = {"resnet-50, fixed size": {"height": 224, "width": 224}}  # axes that the session is told, of the same files


def build(name):
    """The seeded model of a case. Norms with statistics and biases other than the ones of a new model."""
    import torch, transformers

    torch.manual_seed(0)
    cls = getattr(transformers, CASES[name][0])
    model = cls(cls.config_class()).eval()
    for p in model.parameters():
        if p.dim() == 1:
            p.data.add_(torch.randn_like(p) * 0.02)
    for n, b in model.named_buffers():
        if n.endswith("running_mean"):
            b.normal_(0, 0.1)
        if n.endswith("running_var"):
            b.uniform_(0.5, 1.5)
    return model


def example(name, batch, config):
    """Inputs by name, as numpy arrays, in the order of the model's forward."""
    import numpy as np

    rng = np.random.default_rng(0)
    feature, n = CASES[name][1:3]
    if "image" in feature:
        return {"pixel_values": rng.standard_normal((batch, 3, 224, 224), dtype=np.float32)}
    past = n.get("past", 0)
    ids = rng.integers(0, config.vocab_size, (batch, n["sequence"]))
    inputs = {"input_ids": ids, "attention_mask": np.ones((batch, n["sequence"] + past), np.int64)}
    if name == "bert-base":
        inputs["token_type_ids"] = np.zeros_like(ids)
    if "decoder" in n:
        inputs["decoder_input_ids"] = rng.integers(0, config.vocab_size, (batch, n["decoder"]))
        inputs["decoder_attention_mask"] = np.ones((batch, n["decoder"]), np.int64)
    if past:
        for i in range(config.n_layer):
            for part in ("key", "value"):
                inputs[f"past_key_values.{i}.{part}"] = rng.standard_normal((batch, config.n_head, past, config.n_embd // config.n_head), dtype=np.float32)
    return inputs


def as_module(name, model, names):
    """The model with plain tensors for inputs and outputs, as both exporters want it."""
    import torch, transformers

    feature = CASES[name][1]
    outputs = {"bert-base": ["last_hidden_state", "pooler_output"], "t5-small": ["logits", "encoder_last_hidden_state"]}.get(name, ["logits"])
    if feature.endswith("with-past"):
        outputs = outputs + [n.replace("past_key_values", "present") for n in names if n.startswith("past")]

    class Plain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, *x):
            plain = {n: t for n, t in zip(names, x) if not n.startswith("past")}
            past = x[len(plain):]
            if past:
                plain["past_key_values"] = transformers.DynamicCache.from_legacy_cache([past[i : i + 2] for i in range(0, len(past), 2)])
                got = self.model(**plain, use_cache=True)
                return (got.logits, *[t for layer in got.past_key_values.to_legacy_cache() for t in layer])
            if name.startswith(("gpt2", "t5")):
                plain["use_cache"] = False
            got = self.model(**plain)
            return tuple(got[n] for n in outputs)

    return Plain().eval(), outputs


def axes_of(name, input):
    if input == "pixel_values":  # as our files have them
        return {0: "batch", 2: "height", 3: "width"} if name.startswith("resnet") else {0: "batch"}
    if input.startswith("past"):
        return {0: "batch", 2: "past"}
    if input == "attention_mask" and "past" in CASES[name][2]:
        return {0: "batch", 1: "all"}
    return {0: "batch", 1: "decoder" if input.startswith("decoder") else "sequence"}


def without_vmap(model):
    """TorchScript cannot trace how GPT-2's mask is made; Transformers has another way, for ExecuTorch."""
    from transformers.integrations.executorch import sdpa_mask_without_vmap
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_MASK_ATTENTION_FUNCTIONS.register("plain", sdpa_mask_without_vmap)
    ALL_ATTENTION_FUNCTIONS.register("plain", ALL_ATTENTION_FUNCTIONS["sdpa"])
    model.set_attn_implementation("plain")


def export(name, how, path):
    """One export by PyTorch, in a process of its own."""
    import torch

    model = build(name)
    if how == "script" and name.startswith("gpt2"):
        without_vmap(model)
    inputs = example(name, 2, model.config)
    module, outputs = as_module(name, model, list(inputs))
    axes = {n: axes_of(name, n) for n in inputs}
    tensors = tuple(torch.from_numpy(x) for x in inputs.values())
    if how == "dynamo":
        shapes = tuple({k: torch.export.Dim.AUTO for k in a} for a in axes.values())
        torch.onnx.export(module, tensors, path, input_names=list(inputs), output_names=outputs, opset_version=OPSET, dynamo=True,
                          external_data=False, dynamic_shapes=(shapes,))
    else:
        torch.onnx.export(module, tensors, path, input_names=list(inputs), output_names=outputs, opset_version=OPSET, dynamo=False,
                          dynamic_axes={**axes, **{n: {0: "batch"} for n in outputs}})


def measure(name, files, rounds):
    """Per graph its figures and latencies {(threads, batch): seconds}."""
    import numpy as np, onnx, onnxruntime as ort, transformers

    ort.set_default_logger_severity(3)
    config = getattr(transformers, CASES[name][0]).config_class()
    rows = {n: {"nodes": len(onnx.load(p, load_external_data=False).graph.node), "bytes": os.path.getsize(p), "session": 1e9, "latency": {}}
            for n, p in files.items()}
    for threads in THREADS:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        for axis, length in FIXED.get(name, {}).items():
            options.add_free_dimension_override_by_name(axis, length)
        sessions = {}
        for n, p in files.items():
            start = time.perf_counter()
            sessions[n] = ort.InferenceSession(p, options, providers=["CPUExecutionProvider"])
            rows[n]["session"] = min(rows[n]["session"], time.perf_counter() - start)
        for batch in BATCHES:
            inputs = example(name, batch, config)
            want = None
            for n, s in sessions.items():  # the outputs, which also warms the sessions up
                got = s.run(["logits" if "logits" in [o.name for o in s.get_outputs()] else "last_hidden_state"], {i.name: inputs[i.name] for i in s.get_inputs()})[0]
                want = got if want is None else want
                rows[n]["difference"] = max(rows[n].get("difference", 0), float(np.abs(got - want).max()))
            order = list(sessions)
            for r in range(rounds):
                for n in order[r % len(order):] + order[: r % len(order)]:
                    s, feed = sessions[n], {i.name: inputs[i.name] for i in sessions[n].get_inputs()}
                    for _ in range(CASES[name][3]):
                        start = time.perf_counter()
                        s.run(None, feed)
                        took = time.perf_counter() - start
                        key = f"{threads or 'all'} × {batch}"
                        rows[n]["latency"].setdefault(key, []).append(took)
    for row in rows.values():
        row["latency"] = {k: statistics.median(v) for k, v in row["latency"].items()}
    return rows


def run_case(name, build_folder, work, rounds):
    model = os.path.join(work, "model")
    build(name).save_pretrained(model)
    files = {}
    for label, more in OURS.items():
        files[label] = os.path.join(work, f"{len(files)}.onnx")
        subprocess.run([f"{build_folder}/onnxport", "-m", model, "--feature", CASES[name][1], *more, "--no-validate", "-q", files[label]], check=True)
    for how in ("script", "dynamo"):
        path = os.path.join(work, f"{how}.onnx")
        kept = os.path.join(os.environ["KEEP"], f"{name.split(', fixed')[0]}-{how}.onnx") if "KEEP" in os.environ else None
        if kept and os.path.exists(kept):
            files[how] = kept
            continue
        got = subprocess.run([sys.executable, os.path.abspath(__file__), "--export", name, how, path], capture_output=True, text=True)
        if got.returncode == 0 and os.path.exists(path):
            if kept:
                shutil.copy(path, kept)
            files[how] = path
        else:
            print(f"{name}: {how} failed: {got.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
    return measure(name, files, rounds)


def main():
    a = argparse.ArgumentParser()
    a.add_argument("build")
    a.add_argument("cases", nargs="*")
    a.add_argument("--rounds", type=int, default=15)
    a.add_argument("--json")
    a = a.parse_args()
    all_rows = {}
    for name in a.cases or CASES:
        work = tempfile.mkdtemp(prefix="onnxport-bench-")
        try:
            rows = all_rows[name] = run_case(name, os.path.abspath(a.build), work, a.rounds)
        finally:
            shutil.rmtree(work)
        print(f"\n{name}")
        keys = list(next(iter(rows.values()))["latency"])
        theirs = {k: min(r["latency"][k] for n, r in rows.items() if n not in OURS) for k in keys}
        for n, r in rows.items():
            print(f"  {n:24s} nodes {r['nodes']:5d}  {r['bytes'] / 1e6:6.1f} MB  session {r['session']:5.2f} s  differs {r['difference']:.1e}  "
                  + "  ".join(f"{k}: {r['latency'][k] * 1e3:7.2f} ms ({r['latency'][k] / theirs[k]:.3f})" for k in keys), flush=True)
    if a.json:
        json.dump(all_rows, open(a.json, "w"), indent=1)


if len(sys.argv) == 5 and sys.argv[1] == "--export":
    export(*sys.argv[2:])
else:
    main()
