"""Export against a plain copy of the weights: time, peak anonymous memory, bytes written.

    python bench/export.py BUILD        (make bench)

Every round runs cp and each form of export once, in turn; what is reported is the fastest round of each, as a ratio to cp's. The
weights are seeded, made by BUILD/seed. Validation is left out: it is not part of writing a file.
"""
import json, os, shutil, subprocess, sys, tempfile, time

BUILD = os.path.abspath(sys.argv[1])
ROUNDS = int(os.environ.get("ROUNDS", "7"))
FORMS = {"inline": [], "external": ["--weights", "external"], "link": ["--weights", "link"]}


def linear(name, o, i):
    return [f"{name}.weight {o} {i}", f"{name}.bias {o}"]


def norm(name, width=768, more=()):
    return [f"{name}.{part} {width}" for part in ("weight", "bias", *more)]


def bert():
    e = "bert.embeddings"
    out = [f"{e}.word_embeddings.weight 30522 768", f"{e}.position_embeddings.weight 512 768", f"{e}.token_type_embeddings.weight 2 768",
           *norm(f"{e}.LayerNorm")]
    for i in range(12):
        s = f"bert.encoder.layer.{i}"
        for part in ("query", "key", "value"):
            out += linear(f"{s}.attention.self.{part}", 768, 768)
        out += linear(f"{s}.attention.output.dense", 768, 768) + norm(f"{s}.attention.output.LayerNorm")
        out += linear(f"{s}.intermediate.dense", 3072, 768) + linear(f"{s}.output.dense", 768, 3072) + norm(f"{s}.output.LayerNorm")
    p = "cls.predictions"
    return out + [f"{p}.bias 30522", *linear(f"{p}.transform.dense", 768, 768), *norm(f"{p}.transform.LayerNorm")]


def gpt2():
    out = ["transformer.wte.weight 50257 768", "transformer.wpe.weight 1024 768", *norm("transformer.ln_f")]
    for i in range(12):
        s = f"transformer.h.{i}"
        out += norm(f"{s}.ln_1") + norm(f"{s}.ln_2")
        for part, o, n in (("attn.c_attn", 768, 2304), ("attn.c_proj", 768, 768), ("mlp.c_fc", 768, 3072), ("mlp.c_proj", 3072, 768)):
            out += [f"{s}.{part}.weight {o} {n}", f"{s}.{part}.bias {n}"]
    return out


def resnet():
    def conv_norm(name, o, i, size):
        return [f"resnet.{name}.convolution.weight {o} {i} {size} {size}",
                *norm(f"resnet.{name}.normalization", o, ("running_mean", "running_var"))]

    out, width = conv_norm("embedder.embedder", 64, 3, 7), 64
    for stage, (wide, depth) in enumerate(((256, 3), (512, 4), (1024, 6), (2048, 3))):
        for k in range(depth):
            s = f"encoder.stages.{stage}.layers.{k}"
            if k == 0:
                out += conv_norm(f"{s}.shortcut", wide, width, 1)
            out += conv_norm(f"{s}.layer.0", wide // 4, width, 1) + conv_norm(f"{s}.layer.1", wide // 4, wide // 4, 3)
            out += conv_norm(f"{s}.layer.2", wide, wide // 4, 1)
            width = wide
    return out + linear("classifier.1", 2, 2048)


MODELS = {  # configuration, tensors, feature, the forms beside FORMS
    "bert-base": ({"model_type": "bert"}, bert(), "masked-lm", {"inline, --linear matmul": ["--linear", "matmul"],
                                                                "inline, --dtype fp16": ["--dtype", "fp16"], "inline, --dtype bf16": ["--dtype", "bf16"]}),
    "gpt2": ({"model_type": "gpt2"}, gpt2(), "causal-lm-with-past", {}),
    "resnet-50": ({"model_type": "resnet"}, resnet(), "image-classification", {"inline, --batch-norm keep": ["--batch-norm", "keep"]}),
}


def anonymous(pid):
    try:
        with open(f"/proc/{pid}/status") as f:
            return next(int(line.split()[1]) for line in f if line.startswith("RssAnon"))
    except (OSError, StopIteration):
        return 0


def measure(command):
    start = time.perf_counter()
    p = subprocess.Popen(command)
    peak = 0
    while p.poll() is None:
        peak = max(peak, anonymous(p.pid))
        time.sleep(0.0005)
    took = time.perf_counter() - start
    assert p.returncode == 0, command
    return took, peak


def written(folder):
    seen, total = set(), 0
    for name in os.listdir(folder):
        s = os.lstat(os.path.join(folder, name))
        if s.st_nlink == 1 and s.st_ino not in seen:
            total += s.st_size
        seen.add(s.st_ino)
    return total


def bench(name, work):
    config, tensors, feature, more = MODELS[name]
    forms = {**FORMS, **more}
    model = os.path.join(work, name)
    os.makedirs(model)
    with open(os.path.join(model, "config.json"), "w") as f:
        json.dump(config, f)
    with open(os.path.join(work, "names"), "w") as f:
        f.write("\n".join(tensors) + "\n")
    weights = os.path.join(model, "model.safetensors")
    subprocess.run([f"{BUILD}/seed", os.path.join(work, "names"), weights], check=True)
    best = {}
    for _ in range(ROUNDS):
        for form in ["cp", *forms]:
            out = os.path.join(work, "out")
            shutil.rmtree(out, ignore_errors=True)
            os.makedirs(out)
            command = ["cp", weights, out] if form == "cp" else [
                f"{BUILD}/onnxport", "-m", model, "--feature", feature, "--opset", "17", "--no-validate", "-q", *forms[form], out]
            took, peak = measure(command)
            old = best.get(form, (took, 0, 0))
            best[form] = (min(took, old[0]), max(peak, old[1]), written(out))
    print(f"\n{name}: {os.path.getsize(weights) / 1e6:.0f} MB of weights; cp takes {best['cp'][0] * 1e3:.0f} ms")
    print("| export | time / cp | peak anonymous memory | written |\n|---|---|---|---|")
    for form in forms:
        took, peak, size_out = best[form]
        print(f"| {form} | {took / best['cp'][0]:.2f} | {peak / 1024:.1f} MiB | {size_out / 1e6:.2f} MB |", flush=True)
    shutil.rmtree(model)


def bench_bloom(work):
    """The largest checkpoint, sparse: there is nothing to copy, so time and memory stand alone."""
    model, out, best, most = os.path.join(work, "bloom"), os.path.join(work, "out"), 1e9, 0
    tool = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "tools", "bloom.py")
    subprocess.run([sys.executable, tool, model], check=True)
    for _ in range(ROUNDS):
        shutil.rmtree(out, ignore_errors=True)
        took, peak = measure([f"{BUILD}/onnxport", "-m", model, "--feature", "causal-lm-with-past", "--opset", "17", "--weights", "link",
                              "--no-validate", "-q", out])
        best, most = min(best, took), max(most, peak)
    print(f"BLOOM-176B, linked: {best:.3f} s, peak anonymous memory {most / 1024:.1f} MiB, {written(out) / 1e6:.2f} MB written")


work = tempfile.mkdtemp(prefix="onnxport-bench-", dir=os.environ.get("BENCH_DIR"))
try:
    for name in MODELS:
        bench(name, work)
    bench_bloom(work)
finally:
    shutil.rmtree(work)
