"""What the tests of the command line share.

A program of tests takes ONNXPORT MINILM_FOLDER [FILTER] and ends with main(), which prints a line for each test
that fails and "N passed, N failed".
"""
import glob, hashlib, json, os, shutil, struct, subprocess, sys, tempfile
import numpy as np
import onnx
import onnxruntime as ort

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
ONNXPORT = os.path.abspath(sys.argv[1])
MINILM = sys.argv[2]
FILTER = sys.argv[3] if len(sys.argv) > 3 else ""
TABLE = json.load(open(os.path.join(HERE, "..", "golden", "table.json")))
TINY = os.path.join(DATA, "tiny")
LIBRARY = os.environ.get("ONNXPORT_ORT") or glob.glob(os.path.join(os.path.dirname(ort.__file__), "capi", "libonnxruntime.so.*"))[0]
NEWEST = 28
BROWSER = shutil.which("chromium") or "chromium"
ort.set_default_logger_severity(3)
tests = []


def test(f):
    tests.append(f)
    return f


class Result:
    def __init__(self, p):
        self.code, self.out, self.err = p.returncode, p.stdout, p.stderr


def run(*args, env=None, **kw):
    e = {**os.environ, "ONNXPORT_ORT": LIBRARY, **(env or {})}
    e = {k: v for k, v in e.items() if v is not None}
    return Result(subprocess.run([ONNXPORT, *map(str, args)], capture_output=True, text=True, env=e, timeout=300, **kw))


def good(*args, **kw):
    r = run(*args, **kw)
    assert r.code == 0, f"{args}: exit code {r.code}: {r.err}"
    return r


def bad(*args, says, code=1, **kw):
    r = run(*args, **kw)
    assert r.code == code, f"{args}: exit code {r.code}, expected {code}: {r.err}"
    for s in [says] if isinstance(says, str) else says:
        assert s in r.err, f"{args}: {s!r} is not in: {r.err}"
    return r


def read_safetensors(path):
    data = open(path, "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + n])
    kinds = {"F32": np.float32, "I64": np.int64}
    return {k: np.frombuffer(data[8 + n :][slice(*v["data_offsets"])], kinds[v["dtype"]]).reshape(v["shape"])
            for k, v in header.items() if k != "__metadata__"}


def write_safetensors(path, tensors, kind="F32"):
    header, blobs, at = {}, [], 0
    for k, v in tensors.items():
        blob = convert(v, kind)
        header[k] = {"dtype": kind, "shape": list(v.shape), "data_offsets": [at, at + len(blob)]}
        at += len(blob)
        blobs.append(blob)
    text = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def convert(v, kind):
    if kind == "F16":
        return v.astype(np.float16).tobytes()
    if kind == "BF16":
        return (v.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16).tobytes()
    return v.astype({"F32": np.float32, "F64": np.float64}[kind]).tobytes()


def copy_tiny(to, weights=True, **config):
    os.makedirs(to, exist_ok=True)
    c = json.load(open(os.path.join(TINY, "config.json")))
    c.update(config)
    json.dump({k: v for k, v in c.items() if v != "DELETE"}, open(os.path.join(to, "config.json"), "w"))
    if weights:
        shutil.copy(os.path.join(TINY, "model.safetensors"), to)
    return to


def seeded(t, case):
    """A golden case's configuration with seeded weights, as a checkpoint's folder."""
    folder, source = os.path.join(t, "seeded"), os.path.join(HERE, "..", "golden", case)
    os.makedirs(folder)
    shutil.copy(f"{source}/config.json", folder)
    subprocess.run([os.path.join(os.path.dirname(ONNXPORT), "seed"), f"{source}/names.txt", f"{folder}/model.safetensors"], check=True)
    return folder


def tiny_weights():
    return read_safetensors(os.path.join(TINY, "model.safetensors"))


def session_outputs(model, io_path, rename=None):
    """Runs every stored input set; yields (name, found, expected)."""
    io = read_safetensors(io_path)
    s = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    names = [i.name for i in s.get_inputs()]
    for i in range(100):
        if f"{i}.{names[0]}" not in io:
            assert i
            return
        for o, found in zip(s.get_outputs(), s.run(None, {n: io[f"{i}.{n}"] for n in names})):
            yield o.name, found, io[f"{i}.{o.name}"]


def assert_right(model, io_path=os.path.join(TINY, "io.safetensors"), atol=1e-5):
    onnx.checker.check_model(model, full_check=True)
    for name, found, expected in session_outputs(model, io_path):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=atol, err_msg=name)


def digest(path):
    return hashlib.sha256(open(path, "rb").read()).hexdigest()


def empty(folder):
    return not os.path.isdir(folder) or not os.listdir(folder)


def main():
    passed = failed = 0
    for f in tests:
        if FILTER not in f.__name__:
            continue
        t = tempfile.mkdtemp(prefix="onnxport-test-")
        try:
            f(t)
            passed += 1
        except Exception as why:
            failed += 1
            print(f"not ok {f.__name__}: {type(why).__name__}: {str(why)[:2000]}")
        finally:
            shutil.rmtree(t, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0

