"""Export against a plain copy of the weights: time, peak anonymous memory, bytes written.

    python bench/export.py BUILD        (make bench)

Every round runs cp and each form of export once, in turn; what is reported is the fastest round of each, as a ratio to cp's. The
weights are seeded, made by BUILD/seed. Validation is left out: it is not part of writing a file.
"""
import json, os, shutil, subprocess, sys, tempfile, time

BUILD = os.path.abspath(sys.argv[1])
ROUNDS = int(os.environ.get("ROUNDS", "7"))
SIZES = {  # the geometry of BERT-base and of GPT-2 (its vocabulary, positions, widths and depth), as masked language models
    "bert-base": dict(vocab_size=30522, max_position_embeddings=512, type_vocab_size=2),
    "gpt2-size": dict(vocab_size=50257, max_position_embeddings=1024, type_vocab_size=1),
}
FORMS = {"inline": [], "external": ["--weights", "external"], "link": ["--weights", "link"], "matmul": ["--linear", "matmul"]}


def names(c, hidden=768, layers=12, inner=3072):
    def linear(name, o, i):
        return [f"{name}.weight {o} {i}", f"{name}.bias {o}"]

    def norm(name):
        return [f"{name}.weight {hidden}", f"{name}.bias {hidden}"]

    e = "bert.embeddings"
    out = [f"{e}.word_embeddings.weight {c['vocab_size']} {hidden}", f"{e}.position_embeddings.weight {c['max_position_embeddings']} {hidden}",
           f"{e}.token_type_embeddings.weight {c['type_vocab_size']} {hidden}", *norm(f"{e}.LayerNorm")]
    for i in range(layers):
        s = f"bert.encoder.layer.{i}"
        for part in ("query", "key", "value"):
            out += linear(f"{s}.attention.self.{part}", hidden, hidden)
        out += linear(f"{s}.attention.output.dense", hidden, hidden) + norm(f"{s}.attention.output.LayerNorm")
        out += linear(f"{s}.intermediate.dense", inner, hidden) + linear(f"{s}.output.dense", hidden, inner) + norm(f"{s}.output.LayerNorm")
    p = "cls.predictions"
    return out + [f"{p}.bias {c['vocab_size']}", *linear(f"{p}.transform.dense", hidden, hidden), *norm(f"{p}.transform.LayerNorm")]


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


def bench(size, config, work):
    model = os.path.join(work, size)
    os.makedirs(model)
    with open(os.path.join(model, "config.json"), "w") as f:
        json.dump(dict(config, model_type="bert"), f)
    with open(os.path.join(work, "names"), "w") as f:
        f.write("\n".join(names(config)) + "\n")
    weights = os.path.join(model, "model.safetensors")
    subprocess.run([f"{BUILD}/seed", os.path.join(work, "names"), weights], check=True)
    best = {}
    for _ in range(ROUNDS):
        for form in ["cp", *FORMS]:
            out = os.path.join(work, "out")
            shutil.rmtree(out, ignore_errors=True)
            os.makedirs(out)
            command = ["cp", weights, out] if form == "cp" else [
                f"{BUILD}/onnxport", "-m", model, "--feature", "masked-lm", "--opset", "17", "--no-validate", "-q", *FORMS[form], out]
            took, peak = measure(command)
            old = best.get(form, (took, 0, 0))
            best[form] = (min(took, old[0]), max(peak, old[1]), written(out))
    print(f"\n{size}: {os.path.getsize(weights) / 1e6:.0f} MB of weights; cp takes {best['cp'][0] * 1e3:.0f} ms")
    print("| export | time / cp | peak anonymous memory | written |\n|---|---|---|---|")
    for form in FORMS:
        took, peak, size_out = best[form]
        print(f"| {form} | {took / best['cp'][0]:.2f} | {peak / 1024:.1f} MiB | {size_out / 1e6:.2f} MB |")
    shutil.rmtree(model)


work = tempfile.mkdtemp(prefix="onnxport-bench-", dir=os.environ.get("BENCH_DIR"))
try:
    for size, config in SIZES.items():
        bench(size, config, work)
finally:
    shutil.rmtree(work)
