"""TensorFlow's weights: what real models saved, the same in HDF5's other forms, and broken files.

    python tests/cli/tensorflow_weights.py ONNXPORT MINILM_FOLDER [FILTER]
"""
import h5py
from harness import *

GOLDEN = os.path.join(HERE, "..", "golden")
SAVED = os.path.join(DATA, "tensorflow")
BERT = "bert/default-0"


def saved(t, case, name="m"):
    """What TensorFlow saved for a golden case, with its configuration: a folder."""
    folder = shutil.copytree(f"{SAVED}/{case}", f"{t}/{name}")
    shutil.copy(f"{GOLDEN}/{case}/config.json", folder)
    return folder


def parts(path):
    """Nodes and the bytes of the weights, without the names that TensorFlow's base classes add to."""
    m = onnx.load(path)
    names = {x.name: i for i, x in enumerate(m.graph.initializer)}
    return ([(n.op_type, [names.get(i, i) for i in n.input], list(n.output)) for n in m.graph.node],
            [(list(x.dims), x.raw_data) for x in m.graph.initializer])


def datasets(f):
    found = []
    f.visititems(lambda path, x: found.append((path, x)) if isinstance(x, h5py.Dataset) else None)
    return found


def rewritten(t, write, name="m"):
    """BERT's file with its datasets made by write(file, path, array)."""
    folder = saved(t, BERT, name)
    with h5py.File(f"{SAVED}/{BERT}/tf_model.h5") as old, h5py.File(f"{folder}/tf_model.h5", "w") as new:
        for path, x in datasets(old):
            write(new, path, x[()])
    return folder


def bert(t):
    return open(f"{SAVED}/{BERT}/tf_model.h5", "rb").read()


@test
def every_saved_model_is_right_against_pytorch(t):
    cases = sorted(os.path.relpath(os.path.dirname(x), SAVED) for x in glob.glob(f"{SAVED}/*/*/*.h5") + glob.glob(f"{SAVED}/*/*/*.safetensors"))
    assert len(set(cases)) == 13
    for case in set(cases):
        feature = case.split("/")[1].rsplit("-", 1)[0]
        good("-m", saved(t, case, case), "-f", feature, f"{t}/{case}-out")
        assert_right(f"{t}/{case}-out/model.onnx", f"{GOLDEN}/{case}/io.safetensors", atol=2e-5)


@test
def the_graph_and_every_byte_are_pytorchs(t):
    for case in (BERT, "bart/seq2seq-lm-0", "gpt2/causal-lm-0", "resnet/image-classification-0", "clip/default-0", "vit/image-classification-0"):
        feature = case.split("/")[1].rsplit("-", 1)[0]
        folder = f"{t}/{case}-pt"
        os.makedirs(folder)
        shutil.copy(f"{GOLDEN}/{case}/config.json", folder)
        subprocess.run([os.path.join(os.path.dirname(ONNXPORT), "seed"), f"{GOLDEN}/{case}/names.txt", f"{folder}/model.safetensors"], check=True)
        good("-m", saved(t, case, case), "-f", feature, "--no-validate", f"{t}/{case}-a")
        good("-m", folder, "-f", feature, "--no-validate", f"{t}/{case}-b")
        assert parts(f"{t}/{case}-a/model.onnx") == parts(f"{t}/{case}-b/model.onnx"), case


@test
def main_layers_within_pairs(t):
    """TensorFlow's pairs name their encoder's main layer, which PyTorch's do not have; words before ___ say nothing."""
    case = f"{GOLDEN}/vision-encoder-decoder/vision2seq-lm-0"
    folder = seeded(t, os.path.relpath(case, GOLDEN))
    good("-m", folder, "-f", "vision2seq-lm", "--no-validate", f"{t}/a")
    weights = read_safetensors(f"{folder}/model.safetensors")
    os.remove(f"{folder}/model.safetensors")
    with h5py.File(f"{folder}/tf_model.h5", "w") as f:
        for name, x in weights.items():
            path = name.replace(".", "/").replace("encoder/", "encoder/some___vit/", 1) if name.startswith("encoder.") else name.replace(".", "/").replace("/h/", "/h_._")
            f.create_dataset(f"layer/tf_vision_encoder_decoder_model/{path}:0", data=x)
    good("-m", folder, "-f", "vision2seq-lm", "--no-validate", f"{t}/b")
    for name in ("encoder_model.onnx", "decoder_model.onnx"):
        assert parts(f"{t}/a/{name}") == parts(f"{t}/b/{name}")


@test
def chunked_and_compressed_datasets(t):
    good("-m", saved(t, BERT, "plain"), "--no-validate", f"{t}/a")
    forms = {
        "chunks": dict(chunks=lambda s: tuple(max(1, n // 3) for n in s)),
        "one": dict(chunks=lambda s: s),
        "gzip": dict(chunks=lambda s: tuple(min(7, n) for n in s), compression="gzip"),
        "all": dict(chunks=lambda s: tuple(min(11, n) for n in s), compression="gzip", shuffle=True, fletcher32=True),
        "sums": dict(chunks=lambda s: tuple(min(5, n) for n in s), fletcher32=True),
    }
    for name, how in forms.items():
        folder = rewritten(t, lambda f, p, x: f.create_dataset(p, data=x, **{**how, "chunks": how["chunks"](x.shape)}), name)
        for weights in ("inline", "link"):  # nothing of a temporary file can be linked
            good("-m", folder, "--no-validate", "--weights", weights, f"{t}/{name}-{weights}")
            assert parts(f"{t}/a/model.onnx") == parts(f"{t}/{name}-{weights}/model.onnx"), name
        bad("-m", folder, f"{t}/o", says=["no temporary file can be made (TMPDIR says where)"], env={"TMPDIR": f"{t}/none"})


@test
def other_types_and_layouts(t):
    good("-m", saved(t, BERT, "plain"), "--no-validate", f"{t}/a")
    for kind, atol in (("<f8", 0), ("<f2", 1e-2)):
        folder = rewritten(t, lambda f, p, x: f.create_dataset(p, data=x.astype(kind)), kind)
        good("-m", folder, f"{t}/{kind}-out")
        for a, b in zip(onnx.load(f"{t}/a/model.onnx").graph.initializer, onnx.load(f"{t}/{kind}-out/model.onnx").graph.initializer):
            np.testing.assert_allclose(onnx.numpy_helper.to_array(a), onnx.numpy_helper.to_array(b), atol=atol)

    def compact(f, path, x):
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_layout(h5py.h5d.COMPACT if x.nbytes < 2000 else h5py.h5d.CONTIGUOUS)
        links = h5py.h5p.create(h5py.h5p.LINK_CREATE)
        links.set_create_intermediate_group(True)
        h5py.h5d.create(f.id, path.encode(), h5py.h5t.IEEE_F32LE, h5py.h5s.create_simple(x.shape), how, lcpl=links).write(h5py.h5s.ALL, h5py.h5s.ALL, x)

    good("-m", rewritten(t, compact, "compact"), "--no-validate", f"{t}/c")
    assert parts(f"{t}/a/model.onnx") == parts(f"{t}/c/model.onnx")

    # headers, links and the superblock of the newest format, as far as small groups need them
    folder = saved(t, BERT, "latest")
    with h5py.File(f"{folder}/tf_model.h5", "w", libver="latest") as f:
        f.create_dataset("bert/tf_bert_model/bert/pooler/dense/bias:0", data=np.zeros(30, "f4"))
    bad("-m", folder, f"{t}/o", says=["lacks", "bert.embeddings.word_embeddings.weight"])
    with h5py.File(f"{folder}/tf_model.h5", "w", libver="latest") as f:
        for i in range(20):
            f.create_dataset(f"bert/{i}", data=np.zeros(30, "f4"))
    bad("-m", folder, f"{t}/o", says=["newest format", "default libver"])


@test
def what_is_refused(t):
    def refused(write, says, name):
        folder = rewritten(t, write, name)
        bad("-m", folder, f"{t}/o", says=["tf_model.h5", *says])

    refused(lambda f, p, x: f.create_dataset(p, data=x.astype(">f4")), ["no weights"], "big-endian")
    refused(lambda f, p, x: f.create_dataset(p, data=0 * x, chunks=x.shape, compression="lzf"), ["filter 32000", "gzip"], "lzf")
    refused(lambda f, p, x: f.create_dataset(p, shape=x.shape, dtype="f4"), ["never written"], "unwritten")
    refused(lambda f, p, x: f.create_dataset(p, shape=x.shape, dtype="f4", chunks=x.shape), ["never written"], "unwritten chunks")
    folder = saved(t, BERT, "soft")
    with h5py.File(f"{folder}/tf_model.h5", "a") as f:
        f["bert/again"] = h5py.SoftLink("/bert")
    bad("-m", folder, f"{t}/o", says=["soft link"])
    with h5py.File(f"{folder}/tf_model.h5", "w") as f:
        f.create_dataset("bert/x/kernel:0", data=np.zeros((2, 30), "f4"))
        f["bert/loop"] = f["/"]
    bad("-m", folder, f"{t}/o", says=["without end"])
    whole = bert(t)
    for data, says in ((b"", "not an HDF5 file"), (b"x" * 100, "not an HDF5 file"), (whole[:-1], "outside of the file"), (whole[:5000], "tf_model.h5")):
        open(f"{folder}/tf_model.h5", "wb").write(data)
        bad("-m", folder, f"{t}/o", says=[says])
    with h5py.File(f"{folder}/tf_model.h5", "w"):
        pass
    bad("-m", folder, f"{t}/o", says=["has no weights in it"])
    assert not os.path.exists(f"{t}/o")


@test
def broken_files_never_pass_and_never_crash(t):
    whole, folder = bert(t), saved(t, BERT)
    rng = np.random.default_rng(5)
    good("-m", folder, "--no-validate", f"{t}/a")
    for cut in range(100, len(whole), len(whole) // 23):
        open(f"{folder}/tf_model.h5", "wb").write(whole[:cut])
        bad("-m", folder, "--no-validate", f"{t}/o", says="")
    for i in range(60):
        data = bytearray(whole)
        for at in rng.integers(0, len(data) if i % 2 else 3000, 3):
            data[at] ^= 1 << int(rng.integers(8))
        open(f"{folder}/tf_model.h5", "wb").write(data)
        assert run("-m", folder, "--no-validate", f"{t}/x").code in (0, 1)
    # a broken chunk
    folder = rewritten(t, lambda f, p, x: f.create_dataset(p, data=x, chunks=x.shape, compression="gzip", fletcher32=True), "sums")
    with h5py.File(f"{folder}/tf_model.h5") as f:
        found = [x.id.get_chunk_info(0).byte_offset for _, x in datasets(f)]
    data = bytearray(open(f"{folder}/tf_model.h5", "rb").read())
    data[found[3] + 9] ^= 4
    open(f"{folder}/tf_model.h5", "wb").write(data)
    bad("-m", folder, f"{t}/o", says=["a chunk whose checksum does not fit"])


@test
def which_weights_are_read(t):
    """PyTorch's where they are there, unless --framework says otherwise."""
    folder = saved(t, BERT)
    copy_tiny(folder)  # model.safetensors of another size beside it, with its configuration
    good("-m", folder, "--no-validate", f"{t}/a")
    bad("-m", folder, "--framework", "tf", f"{t}/o", says="the checkpoint has")
    shutil.copy(f"{GOLDEN}/{BERT}/config.json", folder)
    good("-m", folder, "--framework", "tf", "--no-validate", f"{t}/b")
    os.remove(f"{folder}/model.safetensors")
    bad("-m", folder, "--framework", "pt", f"{t}/o", says=["no weights: expected one of model.safetensors,", "pytorch_model.bin.index.json"])
    good("-m", folder, "--no-validate", f"{t}/c")
    good("-m", TINY, "--framework", "tf", "--no-validate", f"{t}/d")  # both frameworks read safetensors
    for name in ("saved_model/x/saved_model.pb", "flax_model.msgpack"):
        folder = copy_tiny(f"{t}/{name[:4]}", weights=False)
        os.makedirs(os.path.dirname(f"{folder}/{name}"), exist_ok=True)
        open(f"{folder}/{name}", "w").close()
        bad("-m", folder, f"{t}/o", says=["SavedModel" if "saved" in name else "Flax weights", "save_pretrained", "tf_model.h5"])
    folder = copy_tiny(f"{t}/flax2")
    data = open(f"{folder}/model.safetensors", "rb").read()
    n = struct.unpack("<Q", data[:8])[0]
    header = json.dumps({**json.loads(data[8 : 8 + n]), "__metadata__": {"format": "flax"}}).encode()
    open(f"{folder}/model.safetensors", "wb").write(struct.pack("<Q", len(header)) + header + data[8 + n :])
    bad("-m", folder, f"{t}/o", says=["those of Flax", "save it with save_pretrained"])


@test
def shards(t):
    folder = saved(t, "bert/masked-lm-0")
    index = json.load(open(f"{folder}/tf_model.h5.index.json"))
    os.rename(f"{folder}/tf_model-00002-of-00002.h5", f"{t}/kept")
    bad("-m", folder, "-f", "masked-lm", f"{t}/o", says=["names tf_model-00002-of-00002.h5, which is missing"])
    os.rename(f"{t}/kept", f"{folder}/tf_model-00002-of-00002.h5")
    index["weight_map"]["tf_bert_for_masked_lm/bert/nothing:0"] = "tf_model-00001-of-00002.h5"
    json.dump(index, open(f"{folder}/tf_model.h5.index.json", "w"))
    bad("-m", folder, "-f", "masked-lm", f"{t}/o", says=["says that tf_model-00001-of-00002.h5 holds tf_bert_for_masked_lm/bert/nothing:0"])


sys.exit(main())
