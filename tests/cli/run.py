"""The command line, tried as a user would: every option, every error message.

    python tests/cli/run.py ONNXPORT MINILM_FOLDER [FILTER]
"""
import html.parser, io, pickle, re, resource, signal, time, zipfile
from onnx.reference import ReferenceEvaluator
from harness import *

# ---- The main job ----


@test
def minilm_is_right_against_pytorch(t):
    for opset in (11, 14, 17, 20, 23, NEWEST):
        good("-m", MINILM, "--opset", opset, t)
        assert_right(f"{t}/model.onnx", os.path.join(DATA, "minilm.safetensors"))


@test
def minilm_log_in_the_original_words(t):
    r = good("--model", MINILM, f"{t}/x/y.onnx")
    lines = r.out.splitlines()
    assert lines[:5] == ["Validating ONNX model...",
                         "\t-[✓] ONNX model output names match reference model ({'last_hidden_state'})",
                         "\t- Validating ONNX Model output \"last_hidden_state\":",
                         "\t\t-[✓] (3, 9, 384) matches (3, 9, 384)",
                         "\t\t-[✓] all values close (atol: 1e-05)"], lines[:5]
    assert lines[-1] == f"All good, model saved at: {t}/x/y.onnx"
    assert os.listdir(f"{t}/x") == ["y.onnx"], "nothing but the model is left"


@test
def bert_base_node_counts(t):
    config = dict(vocab_size=13, hidden_size=24, num_hidden_layers=12, num_attention_heads=12, intermediate_size=5)
    copy_tiny(f"{t}/m", weights=False, **config)
    write_safetensors(f"{t}/m/model.safetensors", {})
    counts = {}
    for opset in (11, 17, 20, 23):
        r = good("-m", f"{t}/m", "--allow-missing", "--opset", opset, "--no-validate", f"{t}/o", "--json")
        counts[opset] = json.loads(r.out)["nodes"]
        graph = onnx.load(f"{t}/o/model.onnx").graph
        assert len(graph.node) == counts[opset]
        kinds = [n.op_type for n in graph.node]
        assert kinds.count("Shape") <= 1, kinds.count("Shape")
        assert len({n.name for n in graph.node}) == len(graph.node)
    assert counts[17] <= 280, counts


@test
def initializers_are_the_checkpoints_bytes(t):
    good("-m", TINY, "--feature", "masked-lm", t)
    weights = tiny_weights()
    found = {i.name: onnx.numpy_helper.to_array(i) for i in onnx.load(f"{t}/model.onnx").graph.initializer}
    named = [n for n in found if n in weights]
    assert len(named) == len(weights), set(weights) - set(named)  # tied weights once, none renamed
    for n in named:
        assert found[n].tobytes() == weights[n].tobytes(), n
    names = [n.name for n in onnx.load(f"{t}/model.onnx").graph.node]
    assert "/encoder/layer.0/attention/self/query/Gemm" in names, names


@test
def reproducible(t):
    for i in range(2):
        good("-m", TINY, "--feature", "masked-lm", "--opset", 17, f"{t}/{i}")
    assert digest(f"{t}/0/model.onnx") == digest(f"{t}/1/model.onnx")
    good("-m", ".", "--feature", "masked-lm", "--opset", 17, f"{t}/2", cwd=TINY)
    good("-m", f"{TINY}//", "--feature", "masked-lm", "--opset", 17, "here.onnx", cwd=t)
    assert digest(f"{t}/0/model.onnx") == digest(f"{t}/2/model.onnx") == digest(f"{t}/here.onnx")
    meta = {p.key: p.value for p in onnx.load(f"{t}/0/model.onnx").metadata_props}
    assert meta["source"] == "tiny" and meta["feature"] == "masked-lm" and meta["onnxport_version"], meta


# ---- Options ----


@test
def opsets_and_ir_versions(t):
    for opset in range(11, NEWEST + 1):
        good("-m", TINY, "--feature", "masked-lm", "--opset", opset, t)
        m = onnx.load(f"{t}/model.onnx")
        assert m.opset_import[0].version == opset
        least = onnx.helper.find_min_ir_version_for([onnx.helper.make_opsetid("", opset)], True)
        assert m.ir_version == least, (opset, m.ir_version, least)
        assert_right(f"{t}/model.onnx")
        io = read_safetensors(os.path.join(TINY, "io.safetensors"))  # and by ONNX's own evaluator
        names = ("input_ids", "attention_mask", "token_type_ids")
        found = ReferenceEvaluator(f"{t}/model.onnx").run(None, {n: io[f"0.{n}"] for n in names})[0]
        np.testing.assert_allclose(found, io["0.logits"], rtol=1e-5, atol=1e-5)
    assert onnx.defs.onnx_opset_version() >= NEWEST
    bad("-m", TINY, "--opset", 10, t, says="Opset 10 is not sufficient to export bert. At least  11 is required.")
    bad("-m", TINY, "--opset", NEWEST + 1, t, says=f"expected 11 to {NEWEST}")


@test
def weights_external(t):
    good("-m", TINY, "--feature", "masked-lm", "--weights", "external", t)
    assert sorted(os.listdir(t)) == ["model.onnx"], "every tensor is small here"
    good("-m", MINILM, "--weights", "external", "--opset", 17, t)
    assert sorted(os.listdir(t)) == ["model.onnx", "model.onnx_data"]
    assert os.path.getsize(f"{t}/model.onnx") < 200_000
    assert_right(f"{t}/model.onnx", os.path.join(DATA, "minilm.safetensors"))
    good("-m", MINILM, "--weights", "external", f"{t}/name.onnx")
    assert os.path.exists(f"{t}/name.onnx_data")


@test
def weights_link(t):
    shutil.copytree(MINILM, f"{t}/m")
    before = digest(f"{t}/m/model.safetensors")
    good("-m", f"{t}/m", "--weights", "link", f"{t}/m/bert.onnx")  # beside the checkpoint: nothing to link
    assert_right(f"{t}/m/bert.onnx", os.path.join(DATA, "minilm.safetensors"))
    good("-m", f"{t}/m", "--weights", "link", f"{t}/o")
    assert sorted(os.listdir(f"{t}/o")) == ["model.onnx", "model.safetensors"]
    for name, found, expected in session_outputs(f"{t}/o/model.onnx", os.path.join(DATA, "minilm.safetensors")):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    good("-m", f"{t}/m", "--weights", "link", f"{t}/o")  # again, over the first
    assert digest(f"{t}/m/model.safetensors") == before == digest(f"{t}/o/model.safetensors")
    os.makedirs(f"{t}/p")
    open(f"{t}/p/model.safetensors", "w").write("mine")
    bad("-m", f"{t}/m", "--weights", "link", f"{t}/p", says="is in the way of the linked weights")
    assert os.listdir(f"{t}/p") == ["model.safetensors"] and open(f"{t}/p/model.safetensors").read() == "mine"


@test
def weights_of_sixteen_bits(t):
    def stored(path):
        return {i.name: i for i in onnx.load(path).graph.initializer}

    def bf16(x):
        bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
        return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)

    w = tiny_weights()
    for kind, number in (("fp16", onnx.TensorProto.FLOAT16), ("bf16", onnx.TensorProto.BFLOAT16)):
        for opset in (13, 17, NEWEST):
            good("-m", TINY, "-f", "masked-lm", "--dtype", kind, "--opset", opset, f"{t}/{kind}")
            onnx.checker.check_model(f"{t}/{kind}/model.onnx", full_check=True)
            for name, i in stored(f"{t}/{kind}/model.onnx").items():
                if name in w:
                    assert i.data_type == number, name
                    expected = w[name].astype(np.float16).tobytes() if kind == "fp16" else bf16(w[name]).tobytes()
                    assert i.raw_data == expected, name
        good("-m", TINY, "-f", "masked-lm", "--dtype", kind, "--opset", 17, "--runtime", "builtin", f"{t}/{kind}-builtin")
        good("-m", TINY, "-f", "masked-lm", "--dtype", kind, "--opset", 17, "--linear", "matmul", "--report", f"{t}/r.html", f"{t}/{kind}-matmul")
        # what PyTorch gives is as far away as the rounding, and no farther
        found = list(session_outputs(f"{t}/{kind}/model.onnx", f"{TINY}/io.safetensors"))
        worst = max(np.abs(a - b).max() for _, a, b in found)
        assert 1e-6 < worst < (5e-3 if kind == "fp16" else 5e-2), worst
        good("-m", seeded(f"{t}/{kind}", "resnet/image-classification-0"), "-f", "image-classification", "--dtype", kind, "--opset", 17, f"{t}/{kind}/r")
        assert any(n.op_type == "BatchNormalization" for n in onnx.load(f"{t}/{kind}/r/model.onnx").graph.node)
    bad("-m", TINY, "--dtype", "bf16", "--opset", 11, f"{t}/o", says="bfloat16, which opset 11 cannot take")
    for kind, number in (("F16", onnx.TensorProto.FLOAT16), ("BF16", onnx.TensorProto.BFLOAT16), ("F32", onnx.TensorProto.FLOAT), ("F64", onnx.TensorProto.FLOAT)):
        copy_tiny(f"{t}/{kind}", weights=False)
        write_safetensors(f"{t}/{kind}/model.safetensors", w, kind)
        good("-m", f"{t}/{kind}", "-f", "masked-lm", "--dtype", "keep", "--opset", 17, f"{t}/{kind}-keep")
        good("-m", f"{t}/{kind}", "-f", "masked-lm", "--dtype", "fp32", "--opset", 17, "--weights", "link", f"{t}/{kind}-fp32")
        kept, wide = stored(f"{t}/{kind}-keep/model.onnx"), stored(f"{t}/{kind}-fp32/model.onnx")
        for name in w:
            if name in kept:
                assert kept[name].data_type == number and wide[name].data_type == onnx.TensorProto.FLOAT, name
                assert kind == "F64" or kept[name].raw_data == convert(w[name], kind), name
        a, b = ([found for _, found, _ in session_outputs(f"{t}/{kind}-{how}/model.onnx", f"{TINY}/io.safetensors")] for how in ("keep", "fp32"))
        for x, y in zip(a, b):
            np.testing.assert_allclose(x, y, rtol=1e-6, atol=1e-6)


@test
def a_weight_beyond_the_range(t):
    w = dict(tiny_weights())
    name = "bert.encoder.layer.0.output.dense.weight"
    for value, kind, says in ((65504, "fp16", None), (65519.99, "fp16", None), (65520, "fp16", "65504"), (-70000, "fp16", "bf16 or fp32"),
                              (70000, "bf16", None), (3.4e38, "bf16", "3.39e38"), (np.inf, "fp16", None), (1e-9, "fp16", None)):
        x = w[name].copy()
        x[1, 2] = value
        write_safetensors(f"{copy_tiny(f'{t}/m')}/model.safetensors", {**w, name: x})
        args = ("-m", f"{t}/m", "-f", "masked-lm", "--dtype", kind, "--opset", 17, "--no-validate")
        if says is None:
            good(*args, f"{t}/ok")
        else:
            bad(*args, f"{t}/o", says=[name, "is beyond the range of", says])
    assert empty(f"{t}/o")


@test
def the_largest_checkpoint(t):
    """BLOOM-176B's geometry, linked: seconds, kilobytes, and little memory; then a small one that fits a machine."""
    bloom = os.path.join(HERE, "..", "tools", "bloom.py")
    subprocess.run([sys.executable, bloom, f"{t}/m"], check=True, capture_output=True)
    limits = {} if "asan" in ONNXPORT else {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_DATA, (64 << 20, 64 << 20))}
    r = good("-m", f"{t}/m", "-f", "causal-lm-with-past", "--opset", 17, "--weights", "link", "--no-validate", "--json", f"{t}/o", **limits)
    assert json.loads(r.out)["bytes"] < 4 << 20 and len(glob.glob(f"{t}/o/*.safetensors")) == 72
    m = onnx.load(f"{t}/o/model.onnx", load_external_data=False)
    kept = {i.name: i for i in m.graph.initializer}["word_embeddings.weight"]
    assert (list(kept.dims), kept.data_type, kept.data_location) == ([250880, 14336], onnx.TensorProto.BFLOAT16, onnx.TensorProto.EXTERNAL)
    assert len(m.graph.input) == 2 + 2 * 70
    shutil.rmtree(f"{t}/o")
    subprocess.run([sys.executable, bloom, f"{t}/s", "--layers", "2", "--hidden", "256", "--heads", "8", "--vocab", "1000"], check=True, capture_output=True)
    for weights in ("link", "external"):
        good("-m", f"{t}/s", "-f", "causal-lm", "--opset", 17, "--weights", weights, "--dtype", "keep", f"{t}/{weights}")
        session = ort.InferenceSession(f"{t}/{weights}/model.onnx")
        out = session.run(None, dict(input_ids=np.ones((2, 5), np.int64), attention_mask=np.ones((2, 5), np.int64)))[0]
        assert out.shape == (2, 5, 1000) and not out.any()


@test
def weights_link_keeps_half_precision(t):
    # large enough that tensors leave the model
    big = {k: v for k, v in tiny_weights().items()}
    for kind in ("F16", "BF16"):
        copy_tiny(f"{t}/{kind}", weights=False, vocab_size=400)
        w = dict(big)
        for k in ("bert.embeddings.word_embeddings.weight", "cls.predictions.bias"):
            w[k] = np.resize(w[k], (400,) + w[k].shape[1:])
        write_safetensors(f"{t}/{kind}/model.safetensors", w, kind)
        good("-m", f"{t}/{kind}", "--feature", "masked-lm", "--opset", 17, "--weights", "link", f"{t}/{kind}/m.onnx")
        good("-m", f"{t}/{kind}", "--feature", "masked-lm", "--opset", 17, f"{t}/{kind}-inline")
        m = onnx.load(f"{t}/{kind}/m.onnx", load_external_data=False)
        assert any(i.data_location == onnx.TensorProto.EXTERNAL for i in m.graph.initializer)
        onnx.checker.check_model(f"{t}/{kind}/m.onnx", full_check=True)
        x = dict(input_ids=np.array([[1, 5, 399]]), attention_mask=np.ones((1, 3), np.int64), token_type_ids=np.zeros((1, 3), np.int64))
        a, b = [ort.InferenceSession(p).run(None, x)[0] for p in (f"{t}/{kind}/m.onnx", f"{t}/{kind}-inline/model.onnx")]
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)
    bad("-m", f"{t}/BF16", "--opset", 11, "--weights", "link", f"{t}/o", says="bfloat16, which opset 11 cannot take")
    bad("-m", TINY, "--weights", "somewhere", t, code=2, says="expected one of auto inline external link")


@test
def weights_above_two_gib(t):
    # sparse, so that it costs no disk; written as link so that it costs no time
    folder = copy_tiny(f"{t}/m", weights=False, vocab_size=1 << 20, hidden_size=640, num_hidden_layers=1, num_attention_heads=2)
    header = {"bert.embeddings.word_embeddings.weight": {"dtype": "F32", "shape": [1 << 20, 640], "data_offsets": [0, (1 << 20) * 640 * 4]}}
    text = json.dumps(header).encode()
    with open(f"{folder}/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.truncate(8 + len(text) + (1 << 20) * 640 * 4)
    bad("-m", folder, "--allow-missing", "--no-validate", "--weights", "inline", f"{t}/o", says="over the 2 GiB that a single ONNX file may have")
    assert empty(f"{t}/o")
    r = good("-m", folder, "--allow-missing", "--no-validate", "--weights", "link", f"{t}/l.onnx", "--json")
    assert json.loads(r.out)["bytes"] < 64 << 20
    onnx.load(f"{t}/l.onnx", load_external_data=False)
    if shutil.disk_usage(t).free > 8 << 30:
        good("-m", folder, "--allow-missing", "--no-validate", f"{t}/o")
        assert sorted(os.listdir(f"{t}/o")) == ["model.onnx", "model.onnx_data"]
        assert os.path.getsize(f"{t}/o/model.onnx_data") > 2 << 30


@test
def linear_matmul(t):
    good("-m", TINY, "--feature", "masked-lm", "--linear", "matmul", "--opset", 17, t)
    kinds = [n.op_type for n in onnx.load(f"{t}/model.onnx").graph.node]
    assert "Gemm" not in kinds
    assert_right(f"{t}/model.onnx")
    bad("-m", TINY, "--linear", "conv", t, code=2, says="expected one of gemm matmul")


@test
def feature_auto(t):
    r = good("-m", TINY, "--feature", "auto", t, "--json")
    assert json.loads(r.out)["feature"] == "masked-lm"
    copy_tiny(f"{t}/m", architectures="DELETE")
    bad("-m", f"{t}/m", "--feature", "auto", f"{t}/o", says="architectures: names no class")
    copy_tiny(f"{t}/m", architectures=["BertForPreTraining"])
    bad("-m", f"{t}/m", "--feature", "auto", f"{t}/o", says="BertForPreTraining is no feature's class")
    r = good("-m", TINY, t, "--json")
    assert json.loads(r.out)["feature"] == "default"


@test
def accepted_for_compatibility(t):
    good("-m", TINY, "--framework", "pt", "--preprocessor", "tokenizer", "--cache_dir", t, f"{t}/a")
    good("-m", TINY, "--cache-dir", t, f"{t}/b")
    bad("-m", TINY, "--framework", "jax", f"{t}/c", says="expected pt or tf, found jax")
    assert not os.path.exists(f"{t}/c")


@test
def atol_and_no_validate(t):
    r = good("-m", TINY, "--atol", "0.001", t)
    assert "all values close (atol: 0.001)" in r.out
    r = bad("-m", MINILM, "--atol", "1e-12", f"{t}/o", says=["Outputs values doesn't match", "output last_hidden_state", "input set", "at [", "reference ", "ONNX "])
    assert "-[x] values not close enough (atol: 1e-12)" in r.out
    assert empty(f"{t}/o"), "a model that failed is not left behind"
    bad("-m", TINY, "--atol", "-1", t, code=2, says="expected a positive number")
    good("-m", TINY, "--sync", f"{t}/synced")
    r = good("-m", TINY, "--no-validate", t)
    assert r.out == f"All good, model saved at: {t}/model.onnx\n", r.out
    assert not r.err


@test
def onnxruntime_option(t):
    good("-m", TINY, "--onnxruntime", LIBRARY, t, env={"ONNXPORT_ORT": None})
    bad("-m", TINY, "--onnxruntime", "/nowhere/lib.so", t, says="/nowhere/lib.so: is no ONNX Runtime library")
    for name, below in (("VIRTUAL_ENV", "env"), ("CONDA_PREFIX", "env"), ("PYENV_ROOT", "pyenv/versions/3.11.7"), ("HOME", "home/.local")):
        os.makedirs(f"{t}/{below}/lib/python3.11/site-packages/onnxruntime", exist_ok=True)
        if not os.path.exists(f"{t}/{below}/lib/python3.11/site-packages/onnxruntime/capi"):
            os.symlink(os.path.dirname(LIBRARY), f"{t}/{below}/lib/python3.11/site-packages/onnxruntime/capi")
        alone = {"ONNXPORT_ORT": None, "VIRTUAL_ENV": None, "CONDA_PREFIX": None, "PATH": t, "HOME": t, "PYENV_ROOT": None}
        r = good("-m", TINY, t, env={**alone, name: f"{t}/{below.split('/')[0]}"})
        assert "Validating ONNX model" in r.out, (name, r.err)
    nowhere = {"PYENV_ROOT": None, "ONNXPORT_ORT": None, "VIRTUAL_ENV": None, "CONDA_PREFIX": None, "PATH": t, "HOME": t}
    r = good("-m", TINY, t, env=nowhere)
    assert "all values close" in r.out
    if "built-in evaluator stands in" in r.out:  # unless the system has one
        bad("-m", TINY, "--runtime", "onnxruntime", f"{t}/none", env=nowhere, says=["no ONNX Runtime was found", "libonnxruntime.so", "--runtime builtin"])
        assert not os.path.exists(f"{t}/none") or empty(f"{t}/none")


@test
def runtime_option(t):
    for name, says in (("auto", "ONNX Runtime 1."), ("onnxruntime", "ONNX Runtime 1."), ("builtin", "built-in")):
        j = json.loads(good("-m", TINY, "--runtime", name, "--json", t).out)
        assert j["runtime"].startswith(says) and j["validated"] and j["outputs"][0]["max_abs_difference"] < 1e-5, j
    bad("-m", TINY, "--runtime", "tensorrt", t, code=2, says="expected one of auto onnxruntime builtin")
    bad("-m", MINILM, "--runtime", "builtin", "--atol", "1e-12", f"{t}/o", says="Outputs values doesn't match")
    assert empty(f"{t}/o")


@test
def batch_norm_option(t):
    model = seeded(t, "resnet/image-classification-0")
    for opset in (11, NEWEST):
        for form, folded in (("fold", True), ("keep", False)):
            good("-m", model, "--feature", "image-classification", "--batch-norm", form, "--opset", opset, f"{t}/{form}")
            m = onnx.load(f"{t}/{form}/model.onnx")
            kinds = [n.op_type for n in m.graph.node]
            assert ("BatchNormalization" not in kinds) == folded, (form, kinds)
            assert any(i.name.endswith(".folded") for i in m.graph.initializer) == folded
    good("-m", model, "--feature", "image-classification", t)
    assert "BatchNormalization" not in [n.op_type for n in onnx.load(f"{t}/model.onnx").graph.node], "folding is the default"
    good("-m", model, "--feature", "image-classification", "--weights", "link", f"{t}/linked")
    assert not any(i.name.endswith(".folded") for i in onnx.load(f"{t}/linked/model.onnx", load_external_data=False).graph.initializer)
    # a scale beyond float32 cannot be folded
    tensors = dict(read_safetensors(f"{model}/model.safetensors"))
    name = "resnet.embedder.embedder.normalization.weight"
    tensors[name] = np.full_like(tensors[name], 3e38)
    write_safetensors(f"{model}/model.safetensors", {k: v for k, v in tensors.items() if v.dtype == np.float32})
    good("-m", model, "--feature", "image-classification", "--no-validate", f"{t}/huge")
    assert [n.op_type for n in onnx.load(f"{t}/huge/model.onnx").graph.node].count("BatchNormalization") == 1, "only the one that overflows"
    bad("-m", model, "--batch-norm", "drop", t, code=2, says="expected one of fold keep")


# ---- Pasts, several files ----


@test
def past_key_values(t):
    model = seeded(t, "gpt2/causal-lm-with-past-0")
    j = json.loads(good("-m", model, "--feature", "causal-lm-with-past", "--json", t).out)
    assert j["validated"] and j["outputs"][1]["name"] == "present.0.key"
    s = ort.InferenceSession(f"{t}/model.onnx")
    config = json.load(open(f"{model}/config.json"))
    heads, width = config["n_head"], config["n_embd"] // config["n_head"]
    past = {i.name: np.zeros((2, heads, 0, width), np.float32) for i in s.get_inputs() if i.name.startswith("past")}
    ids = np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]) % config["vocab_size"]
    whole = s.run(None, {"input_ids": ids, "attention_mask": np.ones_like(ids), **past})
    names = [o.name for o in s.get_outputs()]
    logits = []
    for i in range(5):  # one token at a time, from a past of nothing
        got = s.run(None, {"input_ids": ids[:, i : i + 1], "attention_mask": np.ones((2, i + 1), np.int64), **past})
        logits.append(got[0])
        past = {n.replace("present", "past_key_values"): x for n, x in zip(names[1:], got[1:])}
    assert np.allclose(np.concatenate(logits, 1), whole[0], atol=1e-5)


@test
def several_files(t):
    model = seeded(t, "vision-encoder-decoder/vision2seq-lm-0")
    r = good("-m", model, "--feature", "vision2seq-lm", f"{t}/o")
    assert sorted(os.listdir(f"{t}/o")) == ["decoder_model.onnx", "encoder_model.onnx"]
    assert r.out.count("Validating ONNX model...") == 2 and f"{t}/o/encoder_model.onnx, {t}/o/decoder_model.onnx" in r.out
    j = json.loads(good("-m", model, "--feature", "vision2seq-lm", "--json", f"{t}/o").out)
    assert [os.path.basename(g["path"]) for g in j["graphs"]] == ["encoder_model.onnx", "decoder_model.onnx"] and all(g["validated"] for g in j["graphs"])
    bad("-m", model, "--feature", "vision2seq-lm", f"{t}/one.onnx", says="this feature makes several files; expected a folder")
    assert not os.path.exists(f"{t}/one.onnx")
    bad("-m", model, "--feature", "vision2seq-lm", "--atol", "1e-12", f"{t}/none", says="Outputs values doesn't match")
    assert empty(f"{t}/none")
    c = json.load(open(f"{model}/config.json"))
    for part, kind, says in (("encoder", "bert", "expected a model that takes pixel_values alone; a bert takes input_ids"),
                             ("encoder", "resnet", "its states are images; expected a sequence of patches"),
                             ("decoder", "vit", "vit doesn't support feature causal-lm"), ("decoder", "gpt2", "add_cross_attention")):
        json.dump({**c, part: {"model_type": kind}}, open(f"{model}/config.json", "w"))
        bad("describe", model, "--feature", "vision2seq-lm", says=says)


# ---- The report ----


class Page(html.parser.HTMLParser):
    """The elements of a page by (tag, class), and the text of each."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        element = [tag, (a.get("class") or "").split(), a, ""]
        self.found.append(element)
        if tag not in ("meta", "line", "rect", "link", "br"):
            self.open.append(element)

    def handle_endtag(self, tag):
        while self.open and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for e in self.open:
            e[3] += data

    def all(self, tag, kind=None):
        return [e for e in self.found if e[0] == tag and (kind is None or kind in e[1])]


def in_browser(path):
    """What headless Chromium makes of the page; and the picture of it, which must show something."""
    with tempfile.TemporaryDirectory() as own:
        p = subprocess.run([BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
                            "--disable-component-update", "--disable-sync", f"--user-data-dir={own}", "--window-size=1100,1200",
                            f"--screenshot={own}/page.png", "--dump-dom", f"file://{os.path.abspath(path)}"], capture_output=True, text=True, timeout=120)
        assert p.returncode == 0 and "</html>" in p.stdout, p.stderr[-2000:]
        assert os.path.getsize(f"{own}/page.png") > 20000
    return Page(p.stdout)


@test
def report(t):
    r = good("-m", TINY, "--feature", "masked-lm", "--report", f"{t}/r.html", f"{t}/o")
    assert f"Report written to: {t}/r.html" in r.out
    text = open(f"{t}/r.html").read()
    assert not re.search(r"https?://|<script|@import|url\(", text), "self-contained"
    page = in_browser(f"{t}/r.html")
    layers = page.all("tr", "layer")
    assert len(layers) == len(page.all("circle", "abs")) == len(page.all("circle", "rel")) > 10
    points = page.all("polyline", "abs")[0][2]["points"].split()
    xs = [float(p.split(",")[0]) for p in points]
    assert len(points) == len(layers) and xs == sorted(set(xs))
    assert any("encoder.layer.0.attention.self.query" in e[3] for e in layers)
    assert "within the tolerance" in page.all("p", "verdict")[0][3]
    # the figures are those of the file
    m = onnx.load(f"{t}/o/model.onnx")
    tiles = {e[3]: e for e in page.all("div", "tile")}
    assert f"{len(m.graph.node)}nodes" in tiles and "11opset" in tiles and "4input sets" in tiles, list(tiles)
    rows = {e[3].rstrip("0123456789"): int(re.search(r"\d+$", e[3]).group()) for e in page.all("tr", "node")}
    kinds = [n.op_type for n in m.graph.node]
    assert rows == {k: kinds.count(k) for k in set(kinds)}, rows
    weights = sum(int(np.prod(i.dims)) for i in m.graph.initializer if not i.name.startswith("/constant/"))
    assert any(e.replace(",", "") == f"{weights}parameters" for e in tiles), (weights, list(tiles))
    assert "bert.embeddings.word_embeddings.weight" in page.all("tr", "tied")[0][3], "the output layer's table is the embedding's"


@test
def report_of_a_failure_and_of_several_files(t):
    bad("-m", MINILM, "--atol", "1e-12", "--report", f"{t}/r.html", f"{t}/o", says="Outputs values doesn't match")
    assert empty(f"{t}/o") and not glob.glob(f"{t}/.onnxport*")
    page = in_browser(f"{t}/r.html")
    assert "Outputs values doesn't match" in page.all("p", "bad")[0][3] and len(page.all("td", "wrong")) == 1
    model = seeded(t, "vision-encoder-decoder/vision2seq-lm-0")
    good("-m", model, "--feature", "vision2seq-lm", "--runtime", "builtin", "--report", f"{t}/r.html", f"{t}/o")
    page = in_browser(f"{t}/r.html")
    assert [e[3] for e in page.all("h2")] == ["encoder_model.onnx", "decoder_model.onnx"] and len(page.all("svg")) == 2
    bad("-m", TINY, "--no-validate", "--report", f"{t}/no.html", f"{t}/p", says="report: shows what the validation finds")
    bad("-m", TINY, "--report", f"{t}/nowhere/no.html", f"{t}/p", says=f"{t}/nowhere/no.html")
    assert not os.path.exists(f"{t}/p") or empty(f"{t}/p")
    copy_tiny(f"{t}/<b>&", architectures=["BertForMaskedLM"])
    good("-m", f"{t}/<b>&", "--report", f"{t}/r.html", f"{t}/q")
    assert Page(open(f"{t}/r.html").read()).all("h1")[0][3] == "<b>&"


@test
def quiet_verbose_json(t):
    r = good("-m", TINY, "--quiet", t)
    assert r.out == "" and r.err == ""
    r = good("-m", TINY, "--verbose", t)
    assert "cls.predictions.bias of the checkpoint is not used" in r.out
    copy_tiny(f"{t}/m", my_own_key=1)
    assert "the key my_own_key was not read" in good("-m", f"{t}/m", "--verbose", f"{t}/o").out
    j = json.loads(good("-m", TINY, "--json", t).out)
    assert j["validated"] and j["opset"] == 11 and j["path"].endswith("model.onnx") and j["outputs"][0]["max_abs_difference"] < 1e-5
    r = run("-m", f"{t}/none", "--json", t)
    assert r.code == 1 and "no such folder" in json.loads(r.out)["error"]["message"]
    bad("-m", TINY, "--quiet", "--verbose", t, code=2, says="contradict")


@test
def help_and_version(t):
    h = good("--help").out
    for flag in ("--model", "--feature", "--opset", "--atol", "--weights", "--linear", "--framework", "--cache_dir", "--allow-missing",
                 "--no-validate", "--onnxruntime", "--preprocessor", "--quiet", "--verbose", "--json", "--version"):
        assert flag in h, flag
    assert max(map(len, h.splitlines())) <= 80
    assert not any(line.endswith(" ") for line in h.splitlines())
    assert good("--version").out.startswith("onnxport 0.")
    manual = open(os.path.join(HERE, "..", "..", "docs", "onnxport.1")).read().replace("Fl \\-", "--")
    for line in h.splitlines():
        for word in line.split():
            if word.startswith("--") and word != "--":
                assert word in manual, f"the manual lacks {word}"


@test
def command_line_errors(t):
    bad(code=2, says="-m MODEL is missing")
    bad("-m", TINY, code=2, says="OUTPUT is missing")
    bad("-m", TINY, t, "another", code=2, says="one output, found also another")
    bad("-m", code=2, says="-m needs a value")
    bad("--wrong", code=2, says="unknown option --wrong")
    bad("-m", TINY, "--opset", "x", t, code=2, says='--opset: expected a whole number, found "x"')
    bad("describe", code=2, says="which model")
    bad("describe", "bert", "roberta", code=2, says="one model")
    bad("features", "bert", "roberta", code=2, says="one model type")


# ---- Features and descriptions against the table ----


@test
def features_are_the_tables(t):
    found = json.loads(good("features", "--json").out)
    assert set(found) == set(TABLE)
    for kind, rows in TABLE.items():
        assert found[kind] == list(rows), (kind, found[kind])
    assert good("features", "bert").out.startswith("bert: default masked-lm")
    assert good("features", "xlm_roberta").out.startswith("xlm_roberta: default")
    bad("features", "bertx", says="the nearest known one is bert")


@test
def readme_table_is_true(t):
    found = json.loads(good("features", "--json").out)
    readme = open(os.path.join(HERE, "..", "..", "README.md")).read()
    rows = {r.split("|")[1].strip(): r.split("|")[2].strip() for r in readme.split("## Supported models")[1].split("\n\n")[1].splitlines()[2:]}
    assert rows == {k: ", ".join(v) for k, v in found.items()}


# Lengths that differ have names that differ, where the table gives them one.
TRUER = {("encoder_sequence", "sequence"), ("encoder_sequence", "past_encoder_sequence"), ("encoder_sequence", "past_sequence + sequence"),
         ("decoder_sequence", "sequence"), ("past_encoder_sequence + sequence", "past_encoder_sequence"), ("batch", "image_batch"),
         ("past_decoder_sequence + sequence", "sequence"), ("sequence", "decoder_sequence")}


def axis_is_true(label, axis, side, kind):
    """Channels are the weights' own; sizes are fixed where positions are learned; "sequence" stands for any output axis of images."""
    if axis == label or (label, axis) in TRUER:
        return True
    if label in ("height", "width"):
        return axis == "224" and kind in ("vit", "beit", "clip", "encoder_model.onnx") or side == "outputs" and f"{label} + 3) floordiv 4" in axis
    if label in ("num_channels", "num_labels"):
        return axis.isdigit()
    return side == "outputs" and label.endswith("sequence") and (axis.isdigit() or "height" in axis and "width" in axis)


@test
def descriptions_are_the_tables(t):
    for kind, rows in TABLE.items():
        for feature, row in rows.items():
            d = json.loads(good("describe", kind, "--feature", feature, "--json").out)
            for g in d.get("graphs", [d]):
                expected = row.get("graphs", {g["file"]: row})[g["file"]]
                assert (g["default_opset"], g["atol"]) == (expected["default_opset"], expected["atol"]), (kind, feature)
                for side in ("inputs", "outputs"):
                    names = [re.sub(r"\.\d+\.", ".{i}.", p["name"]) for p in g[side]]
                    assert list(dict.fromkeys(names)) == list(expected[side]), (kind, feature, names)
                    for name, p in zip(names, g[side]):
                        for axis, label in expected[side][name].items():
                            assert axis_is_true(label, p["axes"][int(axis)], side, g["file"] if "graphs" in row else kind), (kind, feature, p)
    assert "default opset: 11\natol: 1e-05" in good("describe", "bert").out
    assert "last_hidden_state: float32 [batch, sequence, 6]" in good("describe", TINY).out
    assert json.loads(good("describe", TINY, "--feature", "auto", "--json").out)["feature"] == "masked-lm"
    bad("describe", "bert", "--feature", "nonsense", says="bert doesn't support feature nonsense. Supported values are: default, masked-lm")
    bad("describe", "bertt", says="the nearest known one is bert")


# ---- Checkpoints in all their forms ----


def same_result(t, folder, atol=1e-5, **kw):
    good("-m", folder, "--feature", "masked-lm", f"{t}/out", **kw)
    assert_right(f"{t}/out/model.onnx", atol=atol)


@test
def forms_of_checkpoints(t):
    same_result(t, os.path.join(DATA, "tiny-bin"))
    same_result(t, os.path.join(DATA, "tiny-bin-shards"))
    for name in ("tiny-bin-old", "tiny-bin-training"):  # before 1.6; nested; shared storages, strided views, parameters
        same_result(t, os.path.join(DATA, name))
        good("-m", os.path.join(DATA, name), "--feature", "masked-lm", "--weights", "link", f"{t}/linked-{name}")
        assert_right(f"{t}/linked-{name}/model.onnx")
    w = tiny_weights()
    copy_tiny(f"{t}/old", weights=False)
    renamed = {k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): v for k, v in w.items()}
    write_safetensors(f"{t}/old/model.safetensors", renamed)
    same_result(t, f"{t}/old")
    copy_tiny(f"{t}/ids", weights=False)
    write_safetensors(f"{t}/ids/model.safetensors", {**w, "bert.embeddings.position_ids": np.zeros((1, 9), np.float32)})
    same_result(t, f"{t}/ids")
    copy_tiny(f"{t}/tied", weights=False)  # every tied copy present, under the other names too
    write_safetensors(f"{t}/tied/model.safetensors", {**w, "cls.predictions.decoder.weight": w["bert.embeddings.word_embeddings.weight"],
                                                       "cls.predictions.decoder.bias": w["cls.predictions.bias"]})
    same_result(t, f"{t}/tied")
    copy_tiny(f"{t}/other", weights=False)  # only the other names of tied tensors
    moved = {{"bert.embeddings.word_embeddings.weight": "cls.predictions.decoder.weight",
              "cls.predictions.bias": "cls.predictions.decoder.bias"}.get(k, k): v for k, v in w.items()}
    write_safetensors(f"{t}/other/model.safetensors", moved)
    same_result(t, f"{t}/other")
    copy_tiny(f"{t}/f64", weights=False)
    write_safetensors(f"{t}/f64/model.safetensors", w, "F64")
    same_result(t, f"{t}/f64")
    copy_tiny(f"{t}/half", weights=False)
    for kind, atol in (("F16", 1e-2), ("BF16", 8e-2)):
        write_safetensors(f"{t}/half/model.safetensors", w, kind)
        same_result(t, f"{t}/half", atol=atol)


@test
def base_prefix_both_ways(t):
    w = tiny_weights()
    copy_tiny(f"{t}/bare", weights=False)  # a base model's file, without "bert."
    write_safetensors(f"{t}/bare/model.safetensors", {k[5:]: v for k, v in w.items() if k.startswith("bert.")})
    good("-m", TINY, f"{t}/a")
    good("-m", f"{t}/bare", f"{t}/b")
    x = dict(input_ids=np.array([[1, 5, 12]]), attention_mask=np.ones((1, 3), np.int64), token_type_ids=np.zeros((1, 3), np.int64))
    a, b = [ort.InferenceSession(f"{t}/{p}/model.onnx").run(None, x)[0] for p in "ab"]
    assert np.array_equal(a, b)
    bad("-m", f"{t}/bare", "--feature", "masked-lm", f"{t}/c", says=["lacks 5 parameters", "cls.predictions.transform.dense.weight", "--allow-missing"])


@test
def sharded_safetensors(t):
    w = tiny_weights()
    copy_tiny(f"{t}/m", weights=False)
    index = {"metadata": {"total_size": 1}, "weight_map": {}}
    for i, names in enumerate((sorted(w)[::2], sorted(w)[1::2])):
        name = f"model-0000{i + 1}-of-00002.safetensors"
        write_safetensors(f"{t}/m/{name}", {k: w[k] for k in names})
        index["weight_map"].update({k: name for k in names})
    path = f"{t}/m/model.safetensors.index.json"
    json.dump(index, open(path, "w"))
    same_result(t, f"{t}/m")
    r = good("-m", f"{t}/m", "--weights", "link", "--feature", "masked-lm", f"{t}/linked")
    first = sorted(w)[0]
    for evil in ("../tiny/model.safetensors", "/etc/passwd", "..", "", "a\\b"):
        json.dump({"weight_map": {**index["weight_map"], first: evil}}, open(path, "w"))
        bad("-m", f"{t}/m", f"{t}/o", says=["weight_map sends", first, "expected the name of a file in the same folder"])
    json.dump({"weight_map": {**index["weight_map"], first: "model-00003-of-00002.safetensors"}}, open(path, "w"))
    bad("-m", f"{t}/m", f"{t}/o", says="model-00003-of-00002.safetensors, which is missing")
    json.dump({"weight_map": {**index["weight_map"], first: index["weight_map"][sorted(w)[1]]}}, open(path, "w"))
    bad("-m", f"{t}/m", f"{t}/o", says="which it does not")
    json.dump({"weight_map": {}}, open(path, "w"))
    bad("-m", f"{t}/m", f"{t}/o", says="expected a JSON object with a weight_map")
    open(path, "w").write("{")
    bad("-m", f"{t}/m", f"{t}/o", says="model.safetensors.index.json")
    assert not os.path.exists(f"{t}/o")


@test
def hub_cache(t):
    repo = f"{t}/hub/models--someone--tiny"
    shutil.copytree(TINY, f"{repo}/snapshots/0123abc")
    os.makedirs(f"{repo}/refs")
    open(f"{repo}/refs/main", "w").write("0123abc")
    good("-m", "someone/tiny", "--offline", "--cache_dir", f"{t}/hub", f"{t}/a")
    good("-m", "someone/tiny@0123abc", f"{t}/b", env={"HF_HUB_CACHE": f"{t}/hub", "HF_HUB_OFFLINE": "1"})
    good("-m", "someone/tiny", f"{t}/c", env={"HF_HUB_CACHE": None, "HF_HOME": t})
    bad("-m", "someone/other", "--offline", "--cache_dir", f"{t}/hub", f"{t}/d", says=["someone/other", "does not hold", "nothing is downloaded"])
    bad("-m", "some one/../x", f"{t}/d", says="there is no such folder, and it is no hub id")
    meta = {p.key: p.value for p in onnx.load(f"{t}/a/model.onnx").metadata_props}
    assert (meta["source"], meta["revision"]) == ("someone/tiny", "0123abc")
    meta = {p.key: p.value for p in onnx.load(f"{t}/b/model.onnx").metadata_props}
    assert (meta["source"], meta["revision"]) == ("someone/tiny", "0123abc")


@test
def allow_missing(t):
    w = {k: v for k, v in tiny_weights().items() if not k.startswith("cls.")}
    copy_tiny(f"{t}/m", weights=False)
    write_safetensors(f"{t}/m/model.safetensors", w)
    r = good("-m", f"{t}/m", "--feature", "masked-lm", "--allow-missing", f"{t}/o")
    assert "cls.predictions.bias: not in the checkpoint, filled with seeded values" in r.err
    meta = {p.key: p.value for p in onnx.load(f"{t}/o/model.onnx").metadata_props}
    assert meta["seeded_weights"] == "true"
    good("-m", f"{t}/m", "--feature", "masked-lm", "--allow-missing", f"{t}/p")
    assert digest(f"{t}/o/model.onnx") == digest(f"{t}/p/model.onnx")


# ---- Bad input ----


@test
def untouched_output_on_failure(t):
    good("-m", TINY, f"{t}/o")
    before = digest(f"{t}/o/model.onnx")
    bad("-m", TINY, "--feature", "nonsense", f"{t}/o", says="Supported values are")
    bad("-m", MINILM, "--atol", "1e-12", f"{t}/o", says="doesn't match")
    assert digest(f"{t}/o/model.onnx") == before and os.listdir(f"{t}/o") == ["model.onnx"]


@test
def disk_full(t):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    good("-m", TINY, f"{t}/o")
    before = digest(f"{t}/o/model.onnx")
    for how in ("inline", "external"):
        bad("-m", MINILM, "--weights", how, f"{t}/o", says="writing failed: File too large", preexec_fn=limit)
        assert digest(f"{t}/o/model.onnx") == before and os.listdir(f"{t}/o") == ["model.onnx"]
    if os.path.exists("/dev/full"):
        r = subprocess.run(f"{ONNXPORT} --help > /dev/full", shell=True)
    bad("-m", TINY, "/proc/nothing/here", says="cannot be made")
    open(f"{t}/file", "w").close()
    bad("-m", TINY, f"{t}/file/x", says="file")


@test
def interrupted(t):
    copy_tiny(f"{t}/m", weights=False, vocab_size=1 << 18, hidden_size=1024)
    shape = [1 << 18, 1024]
    text = json.dumps({"bert.embeddings.word_embeddings.weight": {"dtype": "F16", "shape": shape, "data_offsets": [0, 2 << 28]}}).encode()
    with open(f"{t}/m/model.safetensors", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text)
        f.truncate(8 + len(text) + (2 << 28))
    os.makedirs(f"{t}/o")
    p = subprocess.Popen([ONNXPORT, "-m", f"{t}/m", "--allow-missing", "--no-validate", "-q", f"{t}/o"], stderr=subprocess.PIPE, text=True)
    while p.poll() is None and not glob.glob(f"{t}/o/.onnxport-*/*.part"):
        time.sleep(0.005)
    p.send_signal(signal.SIGINT)
    err = p.communicate()[1]
    assert p.returncode == 1 and "cancelled" in err, (p.returncode, err)
    assert empty(f"{t}/o"), os.listdir(f"{t}/o")


@test
def unknown_models_and_features(t):
    copy_tiny(f"{t}/m", model_type="bertx")
    bad("-m", f"{t}/m", f"{t}/o", says=["bertx: this model type is not known", "the nearest known one is bert"])
    copy_tiny(f"{t}/m", model_type="DELETE")
    bad("-m", f"{t}/m", f"{t}/o", says="model_type: expected a string, found none")
    copy_tiny(f"{t}/m", model_type="distilbert")
    bad("-m", f"{t}/m", "--feature", "causal-lm", f"{t}/o", says="distilbert doesn't support feature causal-lm. Supported values are: default")
    bad("-m", f"{t}/none", f"{t}/o", says="there is no such folder")
    bad("-m", os.path.join(TINY, "config.json"), f"{t}/o", says="is a file; expected the folder")


@test
def bad_configs(t):
    for key, value, says in (
        ("hidden_size", "six", ["hidden_size: expected a whole number", '"six"']),
        ("hidden_size", 0, "hidden_size: expected a whole number from 1"),
        ("hidden_size", 1 << 40, "hidden_size: expected"),
        ("hidden_size", 8, "the checkpoint has"),
        ("num_attention_heads", 4, "num_attention_heads: expected a divisor of the hidden size 6, found 4"),
        ("layer_norm_eps", "x", "layer_norm_eps: expected a number"),
        ("is_decoder", 3, "is_decoder: expected true or false"),
        ("hidden_act", "xielu", ['hidden_act: "xielu" is not supported', "gelu_new"]),
        ("hidden_act", 5, "hidden_act: expected a string"),
        ("position_embedding_type", "rotary", ['"rotary" is not supported', "relative_key_query"]),
        ("pruned_heads", {"0": [1]}, "pruned_heads"),
        ("quantization_config", {"bits": 4}, "quantization_config"),
        ("id2label", [], "id2label: expected an object"),
        ("vocab_size", 14, ["bert.embeddings.word_embeddings.weight: the checkpoint has 13x6, config.json says 14x6"]),
    ):
        copy_tiny(f"{t}/m", **{key: value})
        feature = "token-classification" if key == "id2label" else "default"
        bad("-m", f"{t}/m", "--feature", feature, "--allow-missing", f"{t}/o", says=says)
    copy_tiny(f"{t}/m", id2label={str(i): "x" for i in range(3)})
    bad("-m", f"{t}/m", "--feature", "question-answering", f"{t}/o", says="expected 2 labels, found 3")
    for text in ("", "[1]", "{", '{"a": 1, "a": 2}', '{"model_type": "bert", "x": NaN}'):
        open(f"{t}/m/config.json", "w").write(text)
        bad("-m", f"{t}/m", f"{t}/o", says=["config.json: expected a JSON object"])
    os.remove(f"{t}/m/config.json")
    bad("-m", f"{t}/m", f"{t}/o", says="config.json: cannot be opened")
    assert not os.path.exists(f"{t}/o")


@test
def no_weights(t):
    copy_tiny(f"{t}/m", weights=False)
    bad("-m", f"{t}/m", f"{t}/o", says=["no weights: expected one of model.safetensors, ", "pytorch_model.bin, ", "tf_model.h5"])


@test
def broken_safetensors(t):
    copy_tiny(f"{t}/m")
    whole = open(os.path.join(TINY, "model.safetensors"), "rb").read()
    n = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8 : 8 + n])

    def write(h, data=whole[8 + n :], size=None):
        text = h if isinstance(h, bytes) else json.dumps(h).encode()
        open(f"{t}/m/model.safetensors", "wb").write(struct.pack("<Q", len(text) if size is None else size) + text + data)

    def changed(**kw):
        h = json.loads(json.dumps(header))
        name = [k for k in h if k != "__metadata__"][0]
        h[name].update(kw)
        return h

    def refused(says):
        bad("-m", f"{t}/m", f"{t}/o", says=["model.safetensors: "] + says)

    open(f"{t}/m/model.safetensors", "wb").write(whole[:5])
    refused(["too few"])
    open(f"{t}/m/model.safetensors", "wb").write(whole[:-1])
    refused(["is it whole?"] if False else ["whole?"])
    open(f"{t}/m/model.safetensors", "wb").write(whole[: 8 + n // 2])
    refused(["the header claims"])
    write(header, size=1 << 62)
    refused(["the header claims 4611686018427387904 bytes"])
    write(b"[]")
    refused(["not a JSON object"])
    write(b'{"a":1' + b" " * 10)
    refused(["not a JSON object"])
    write(header, data=whole[8 + n :] + b"tail")
    refused(["the tensors fill"])
    for kw, says in ((dict(dtype="F99"), "dtype F99 is not known"), (dict(shape=[1 << 40, 1 << 40]), "which its shape and dtype do not fill"),
                     (dict(shape=[-1]), "the shape is not one"), (dict(shape=[1] * 9), "has 9 dimensions"), (dict(data_offsets=[0, 1 << 60]), "lie outside the file"),
                     (dict(data_offsets=[8, 4]), "lie outside the file"), (dict(data_offsets=[0]), "two data_offsets"), (dict(shape="x"), "expected dtype, shape")):
        write(changed(**kw))
        refused([says])
    names = [k for k in header if k != "__metadata__"]
    h = json.loads(json.dumps(header))
    h[names[1]] = dict(h[names[0]])
    write(h)
    refused(["overlaps"])
    write(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}', data=b"\0" * 8)
    refused(["not a JSON object: duplicate object key"])
    h = {k: v for k, v in header.items()}
    write({**h, "bert.embeddings.LayerNorm.bias": {**h["bert.embeddings.LayerNorm.bias"], "dtype": "I32"}}, size=None)
    bad("-m", f"{t}/m", f"{t}/o", says="expected floating point")
    assert not os.path.exists(f"{t}/o")


class Evil:
    def __reduce__(self):
        return (os.system, ("touch /tmp/onnxport-was-run",))


def write_bin(path, pkl, entries=(), compression=zipfile.ZIP_STORED, root="archive"):
    with zipfile.ZipFile(path, "w", compression) as z:
        z.writestr(f"{root}/data.pkl", pkl)
        for name, data in entries:
            z.writestr(f"{root}/{name}", data)


@test
def hostile_pickles(t):
    copy_tiny(f"{t}/m", weights=False)
    path = f"{t}/m/pytorch_model.bin"

    def refused(says):
        bad("-m", f"{t}/m", f"{t}/o", says=["pytorch_model.bin"] + says)

    write_bin(path, pickle.dumps(Evil(), 2))
    refused(["the pickle asks for posix.system", "nothing is run"])
    write_bin(path, pickle.dumps(Evil(), 4))
    refused(["the pickle asks for posix.system"])
    for module, name in (("builtins", "eval"), ("torch", "load"), ("subprocess", "Popen"), ("collections", "OrderedDictX")):
        write_bin(path, b"\x80\x02c" + f"{module}\n{name}\n".encode() + b".")
        refused([f"asks for {module}.{name}"])
    write_bin(path, b"\x80\x02]q\x00.")
    refused(["expected a state dict"])
    write_bin(path, pickle.dumps({"model": {"a": 1}}, 2))
    refused(["no tensors at the top of its state dict nor under state_dict", "(first key: model)"])
    for broken in (b"", b"\x80\x02", b"\x80\x09.", b"(((((", b"\x80\x02X\xff\xff\xff\x7f", b"\x80\x02h\x07.", b"\x80\x02r\xff\xff\xff\xff.", b"\x80\x02R.", b"\x80\x02cx", b"\x80\x02\x8a\x09" + b"\1" * 9 + b".", b"."):
        write_bin(path, broken)
        refused(["pickle"])
    write_bin(path, b"\x80\x02i.")
    refused(["instruction 0x69"])
    assert not os.path.exists("/tmp/onnxport-was-run") and not os.path.exists(f"{t}/o")


def state_dict(key="0", numel=4, shape=(2, 2), stride=(2, 1), offset=0, kind="FloatStorage", name="w"):
    """A state dict of one tensor, written by hand as torch.save writes it."""
    class Out(pickle.Pickler):
        pass

    def text(s):
        return b"X" + struct.pack("<I", len(s)) + s.encode()

    def num(n):
        return b"\x8a\x09" + struct.pack("<q", n) + b"\0" if n < 0 or n > 1 << 31 else b"J" + struct.pack("<i", n)

    def num8(n):
        return b"\x8a\x08" + struct.pack("<q", n)

    storage = b"(" + text("storage") + b"ctorch\n" + kind.encode() + b"\n" + text(key) + text("cpu") + num8(numel) + b"tQ"
    tensor = (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + num8(offset) + b"(" + b"".join(map(num8, shape)) + b"t(" +
              b"".join(map(num8, stride)) + b"t\x89ccollections\nOrderedDict\n)RtR")
    return b"\x80\x02}(" + text(name) + tensor + b"u."


@test
def hostile_torch_archives(t):
    copy_tiny(f"{t}/m", weights=False)
    path = f"{t}/m/pytorch_model.bin"
    data = [("data/0", b"\0" * 16)]

    def refused(says, *a, **kw):
        bad("-m", f"{t}/m", f"{t}/o", says=["pytorch_model.bin"] + says)

    write_bin(path, state_dict(), data)
    bad("-m", f"{t}/m", f"{t}/o", says="the checkpoint lacks")  # the archive itself is fine
    for kw, says in ((dict(shape=(4, 2), stride=(2, 1)), "needs 8 elements of its storage, which has 4"), (dict(offset=3), "needs 7 elements"),
                     (dict(offset=-1), "the shape is not one"), (dict(shape=(1 << 40, 1 << 40), stride=(1 << 40, 1)), "the shape is not one"),
                     (dict(shape=(-2, 2)), "the shape is not one"), (dict(stride=(-1, 2)), "the shape is not one"), (dict(stride=(1 << 62, 1 << 62)), "the shape is not one"), (dict(stride=(1 << 60, 1)), "elements of its storage, which has 4"), (dict(stride=(3, 2)), "needs 6 elements"), (dict(key="9"), "its storage archive/data/9 is missing"),
                     (dict(key="../../x"), "is missing"), (dict(shape=(1,) * 9, stride=(1,) * 9), "has 9 dimensions"), (dict(kind="ComplexFloatStorage"), "asks for torch.ComplexFloatStorage")):
        write_bin(path, state_dict(**kw), data)
        refused([says])
    write_bin(path, state_dict(), data, zipfile.ZIP_DEFLATED)
    refused(["a compressed entry"])
    write_bin(path, state_dict(), [("data/0", b"\0" * (64 << 20))], zipfile.ZIP_DEFLATED)  # a bomb
    refused(["a compressed entry"])
    write_bin(path, state_dict(), data + [("byteorder", b"big")])
    refused(["not little-endian"])
    write_bin(path, state_dict(), data)
    whole = open(path, "rb").read()
    for cut in (0, 3, 30, len(whole) // 2, len(whole) - 30, len(whole) - 1):
        open(path, "wb").write(whole[:cut])
        refused([])
    at = whole.rindex(b"PK\1\2")
    for offset, value in ((42, b"\xff\xff\xff\x7f"), (24, b"\xff\xff\xff\x7f"), (20, b"\x99\0\0\0"), (8, b"\1\0")):
        broken = bytearray(whole)
        broken[at + offset : at + offset + len(value)] = value
        open(path, "wb").write(broken)
        refused(["not a zip archive that torch.save writes"])
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("hello.txt", "hello")
    refused(["without the data.pkl"])
    open(path, "wb").write(pickle.dumps({}, 2) * 10)
    refused(["is not a file of torch.save"])
    assert not os.path.exists(f"{t}/o")


@test
def hostile_torch_files_before_zip(t):
    copy_tiny(f"{t}/m", weights=False)
    path = f"{t}/m/pytorch_model.bin"
    whole = open(os.path.join(DATA, "tiny-bin-old", "pytorch_model.bin"), "rb").read()

    def refused(data, says):
        open(path, "wb").write(data)
        bad("-m", f"{t}/m", f"{t}/o", says=["pytorch_model.bin", says])

    for cut in [*range(0, len(whole) - 1, 97), len(whole) - 1]:
        refused(whole[:cut], "")
    assert whole.count(b"little_endian") == 1
    at = whole.index(b"\x88", whole.index(b"little_endian"))
    refused(whole[:at] + b"\x89" + whole[at + 1 :], "not little-endian")
    refused(whole.replace(b"M\xe9\x03.", b"M\xe8\x03."), "not of the version")
    last = re.findall(rb"X(....)(\d+)q.", whole, re.S)[-1][1]  # a storage's key, in the list at the end
    at = whole.rindex(last)
    refused(whole[:at] + bytes([last[0] ^ 1]) + whole[at + 1 :], "holds a storage that no tensor names")
    evil = pickle.dumps(Evil(), 2)
    refused(whole[:15] + evil + whole[15:], "asks for posix.system")
    first = whole.index(b"e.", at) + 2  # the first storage's number of elements
    for n in (0, 1 << 40, -1, (1 << 63) - 1):
        refused(whole[:first] + struct.pack("<q", n) + whole[first + 8 :], "elements, found")
    assert not os.path.exists(f"{t}/o") and not os.path.exists("/tmp/onnxport-was-run")


sys.exit(main())
