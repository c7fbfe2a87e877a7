"""Models from the hub, against a server that plays it, and with the Python client on the same server and cache.

    python tests/cli/hub.py ONNXPORT MINILM_FOLDER [FILTER]
"""
import fcntl, pty, signal, time
from harness import *
from hub_server import Hub, git_hash, loads

ID = "someone/tiny"
CONFIG = open(f"{TINY}/config.json", "rb").read()
WEIGHTS = open(f"{TINY}/model.safetensors", "rb").read()
FILES = {"config.json": CONFIG, "model.safetensors": WEIGHTS, "README.md": b"# tiny", "tokenizer.json": b"{}"}
REPO = "models--someone--tiny"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


class With:
    """A hub, a cache of its own, and an environment for the two."""

    def __init__(self, t, files=FILES, **more):
        self.hub = Hub()
        self.commit = self.hub.repo(ID, files) if files else None
        self.cache, self.out = f"{t}/home/hub", f"{t}/out"
        clean = {k: None for k in os.environ if k.startswith(("HF_", "HUGGING", "TRANSFORMERS_OFFLINE")) or k.lower().endswith("_proxy")}
        self.env = {**clean, "HF_ENDPOINT": self.hub.url, "HF_HOME": f"{t}/home", **more}

    def __enter__(self):
        return self

    def __exit__(self, *why):
        self.hub.close()

    def good(self, *args, model=ID):
        args = args if "-f" in args else ("-f", "masked-lm", *args)
        shutil.rmtree(self.out, ignore_errors=True)
        return good("-m", model, *args, self.out, env=self.env)

    def bad(self, *args, model=ID, says):
        shutil.rmtree(self.out, ignore_errors=True)
        r = bad("-m", model, *args, self.out, says=says, env=self.env)
        assert not os.path.exists(self.out)
        return r

    def blobs(self):
        return sorted(os.listdir(f"{self.cache}/{REPO}/blobs")) if os.path.isdir(f"{self.cache}/{REPO}/blobs") else []

    def python(self, *names, offline=False):
        """What the Python client says: paths of files, from the same server and cache."""
        code = ("import sys, huggingface_hub as h\nfor n in sys.argv[2:]:\n"
                f"    print(h.hf_hub_download({ID!r}, n, local_files_only=sys.argv[1] == 'True'))")
        env = {**os.environ, **self.env, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        p = subprocess.run([sys.executable, "-c", code, str(offline), *names], env={k: v for k, v in env.items() if v is not None},
                           capture_output=True, text=True)
        assert p.returncode == 0, p.stderr
        return p.stdout.split()

    def start(self, *args):
        env = {k: v for k, v in {**os.environ, "ONNXPORT_ORT": LIBRARY, **self.env}.items() if v is not None}
        return subprocess.Popen([ONNXPORT, "-m", ID, *args, self.out], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def part(self):
        return f"{self.cache}/{REPO}/blobs/{sha256(WEIGHTS)}.onnxport.incomplete"


def wait_for(what, seconds=20):
    end = time.time() + seconds
    while not what():
        assert time.time() < end, "waited too long"
        time.sleep(0.02)


# ---- What is loaded, and where it goes ----


@test
def only_what_is_needed(t):
    with With(t) as w:
        w.good()
        assert_right(f"{w.out}/model.onnx")
        repo = f"{w.cache}/{REPO}"
        assert open(f"{repo}/refs/main").read() == w.commit
        assert w.blobs() == sorted([git_hash(CONFIG), sha256(WEIGHTS)])
        snapshot = f"{repo}/snapshots/{w.commit}"
        assert sorted(os.listdir(snapshot)) == ["config.json", "model.safetensors"]
        assert os.readlink(f"{snapshot}/config.json") == f"../../blobs/{git_hash(CONFIG)}"
        assert open(f"{snapshot}/model.safetensors", "rb").read() == WEIGHTS
        assert not [r for r in w.hub.log if "Authorization" in r[3]]
        assert len(w.hub.requests("GET")) == 2
        meta = {p.key: p.value for p in onnx.load(f"{w.out}/model.onnx").metadata_props}
        assert (meta["source"], meta["revision"]) == (ID, w.commit)


@test
def what_is_there_is_not_loaded_again(t):
    with With(t) as w:
        w.good()
        w.hub.log.clear()
        w.good()
        assert [r[0] for r in w.hub.log] == ["HEAD"]  # is main still this commit?
        w.hub.log.clear()
        w.good(model=f"{ID}@{w.commit}")
        w.good("--revision", w.commit)
        w.good("--offline")
        for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
            w.env[name] = "1"
            w.good()
            w.env[name] = None
        assert not w.hub.log
        newer = w.hub.repo(ID, {**FILES, "config.json": CONFIG + b"\n"})
        w.good()
        assert open(f"{w.cache}/{REPO}/refs/main").read() == newer
        assert [r[2].split("/")[-1] for r in w.hub.requests("GET")] == ["config.json"]  # the weights' blob is the same
        assert os.path.isfile(f"{w.cache}/{REPO}/snapshots/{newer}/model.safetensors")


@test
def the_python_client_finds_ours_and_we_find_its(t):
    with With(t) as w:
        w.good()
        for offline in (True, False):
            w.hub.log.clear()
            config, weights = w.python("config.json", "model.safetensors", offline=offline)
            assert open(config, "rb").read() == CONFIG and open(weights, "rb").read() == WEIGHTS
            assert os.path.dirname(config) == f"{w.cache}/{REPO}/snapshots/{w.commit}"
            assert not w.hub.requests("GET", "resolve") and not w.hub.requests("GET", "large")
        shutil.rmtree(w.cache)
        w.python("config.json", "model.safetensors", "README.md")
        w.hub.log.clear()
        w.good()
        assert not w.hub.requests("GET", "resolve") and not w.hub.requests("GET", "large")
        w.good("--offline")
        assert_right(f"{w.out}/model.onnx")


@test
def a_missing_file_is_remembered(t):
    files = {"config.json": CONFIG, "pytorch_model.bin": open(f"{DATA}/tiny-bin/pytorch_model.bin", "rb").read()}
    with With(t, files) as w:
        w.good()
        assert os.path.isfile(f"{w.cache}/{REPO}/.no_exist/{w.commit}/model.safetensors")
        w.hub.log.clear()
        w.good()
        assert len(w.hub.log) == 1


@test
def formats_in_their_order(t):
    shards = {n: open(f"{DATA}/tiny-bin-shards/{n}", "rb").read() for n in os.listdir(f"{DATA}/tiny-bin-shards")}
    keras = {n: open(f"{DATA}/tensorflow/bert/masked-lm-0/{n}", "rb").read() for n in os.listdir(f"{DATA}/tensorflow/bert/masked-lm-0")}
    golden = open(f"{HERE}/../golden/bert/masked-lm-0/config.json", "rb").read()
    with With(t, {**FILES, **shards, **keras}) as w:
        w.good()
        assert not w.hub.requests("GET", ".bin") and not w.hub.requests("HEAD", ".h5")
    with With(f"{t}/2", {**shards, "config.json": CONFIG, **keras}) as w:
        w.good()
        assert_right(f"{w.out}/model.onnx")
        assert len(w.hub.requests("GET", "/large/")) == 2 and not w.hub.requests("HEAD", ".h5")
    with With(f"{t}/3", {**FILES, "config.json": golden, **keras}) as w:
        w.good("--framework", "tf", "-f", "masked-lm")
        assert not w.hub.requests("HEAD", "model.safetensors")
        assert_right(f"{w.out}/model.onnx", f"{HERE}/../golden/bert/masked-lm-0/io.safetensors")
    with With(f"{t}/4", {"config.json": golden, **keras}) as w:
        w.good("-f", "masked-lm")
        w.bad("-f", "masked-lm", "--framework", "pt", says=["the hub has none of the files that weights are read from", "for the framework pt"])


@test
def many_shards_at_a_time(t):
    tensors = read_safetensors(f"{TINY}/model.safetensors")
    files, where = {"config.json": CONFIG}, {}
    for i, (name, x) in enumerate(tensors.items()):
        write_safetensors(f"{t}/shard", {name: x})
        files[f"model-{i:05}.safetensors"] = open(f"{t}/shard", "rb").read()
        where[name] = f"model-{i:05}.safetensors"
    files["model.safetensors.index.json"] = json.dumps({"metadata": {}, "weight_map": where}).encode()
    with With(t, files) as w:
        active, most = [0], [0]
        import threading
        lock = threading.Lock()

        def busy(h, data):
            if not loads(h, data):
                return False
            with lock:
                active[0] += 1
                most[0] = max(most[0], active[0])
            time.sleep(0.05)
            with lock:
                active[0] -= 1
            return False

        w.hub.misfortunes.append(busy)
        w.good()
        assert_right(f"{w.out}/model.onnx")
        assert 3 <= most[0] <= 8, most


@test
def a_folder_of_that_name_wins(t):
    with With(t) as w:
        shutil.copytree(TINY, f"{t}/{ID}")
        env = {**w.env}
        good("-m", ID, "out", env=env, cwd=t)
        assert not w.hub.log


@test
def revisions(t):
    with With(t) as w:
        other = w.hub.repo(ID, {**FILES, "config.json": CONFIG + b" "}, "refs/pr/1")
        w.good("--revision", "refs/pr/1")
        assert "/resolve/refs%2Fpr%2F1/config.json" in w.hub.log[0][2]
        assert open(f"{w.cache}/{REPO}/refs/refs/pr/1").read() == other
        w.good("--offline", model=f"{ID}@refs/pr/1")
        w.bad(model=f"{ID}@main", *("--revision", "other"), says=["the id and the option revision (other) differ"])
        w.bad("--revision", "../x", says=["revision: expected a branch, tag or commit, found ../x"])
        w.bad("--revision", "v9", says=[ID, "the model has no revision v9"])


@test
def where_the_cache_is(t):
    with With(t) as w:
        w.good("--cache_dir", f"{t}/a b")
        assert os.path.isdir(f"{t}/a b/{REPO}/blobs")
        w.env.update(HF_HOME=None, HF_HUB_CACHE=f"{t}/b")
        w.good()
        assert os.path.isdir(f"{t}/b/{REPO}/blobs")
        w.env.update(HF_HUB_CACHE=None, XDG_CACHE_HOME=f"{t}/c")
        w.good()
        assert os.path.isdir(f"{t}/c/huggingface/hub/{REPO}/blobs")
        w.env.update(XDG_CACHE_HOME=None, HOME=f"{t}/d")
        w.good()
        assert os.path.isdir(f"{t}/d/.cache/huggingface/hub/{REPO}/blobs")


@test
def nothing_large_for_what_cannot_be_exported(t):
    c = json.loads(CONFIG)
    for change, says, args in (({"model_type": "nonsense"}, "nonsense", ()), ({"hidden_act": "nonsense"}, "nonsense", ()),
                               ({}, "feature", ("-f", "image-classification")), ({}, "Opset", ("--opset", "5"))):
        with With(f"{t}/{len(says)}{len(args)}{len(change)}{list(change)}", {**FILES, "config.json": json.dumps({**c, **change}).encode()}) as w:
            w.bad(*args, says=says)
            assert len(w.hub.requests("GET")) == 1, w.hub.log


@test
def describing_takes_the_configuration_alone(t):
    with With(t) as w:
        r = run("describe", ID, "--feature", "masked-lm", env=w.env)
        assert r.code == 0 and "bert / masked-lm" in r.out, r.err
        assert len(w.hub.log) == 2
        r = run("describe", ID, "--offline", "--cache_dir", f"{t}/none", env=w.env)
        assert r.code == 1 and "does not hold config.json" in r.err


# ---- What goes wrong on the way ----


@test
def a_cut_is_mended(t):
    with With(t) as w:
        w.hub.cut(1000, times=3)
        w.good()
        ranges = [r[3].get("Range") for r in w.hub.requests("GET", "/large/")]
        assert ranges == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"], ranges
        assert_right(f"{w.out}/model.onnx")


@test
def a_killed_download_goes_on(t):
    with With(t) as w:
        w.hub.slow(200, 0.05)
        for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT):
            before = os.path.getsize(w.part()) if os.path.exists(w.part()) else 0
            p = w.start()
            wait_for(lambda: os.path.exists(w.part()) and os.path.getsize(w.part()) > before + 500)
            p.send_signal(number)
            err = p.communicate()[1]
            assert p.returncode == (-9 if number == signal.SIGKILL else 1)
            assert number == signal.SIGKILL or "the next run goes on from there" in err, err
            assert w.blobs() == sorted([git_hash(CONFIG), os.path.basename(w.part())])
        kept = os.path.getsize(w.part())
        w.hub.misfortunes.clear()
        w.hub.log.clear()
        w.good()
        assert w.hub.requests("GET", "/large/")[0][3]["Range"] == f"bytes={kept}-"
        assert_right(f"{w.out}/model.onnx")
        assert w.blobs() == sorted([git_hash(CONFIG), sha256(WEIGHTS)])


@test
def a_server_without_ranges(t):
    with With(t) as w:
        os.makedirs(os.path.dirname(w.part()))
        open(w.part(), "wb").write(WEIGHTS[:777])

        def whole(h, data):
            if not loads(h, data):
                return False
            w.hub.send(h, 200, {}, data)
            return True

        w.hub.misfortunes.append(whole)
        w.good()
        assert_right(f"{w.out}/model.onnx")


@test
def leftovers_of_any_kind(t):
    for kept in (b"", WEIGHTS[:-1], WEIGHTS, WEIGHTS + b"x", b"x" * 50, b"x" * len(WEIGHTS)):
        with With(f"{t}/{sha256(kept)}") as w:
            os.makedirs(os.path.dirname(w.part()))
            open(w.part(), "wb").write(kept)
            w.good()
            assert_right(f"{w.out}/model.onnx")
            assert w.blobs() == sorted([git_hash(CONFIG), sha256(WEIGHTS)])


@test
def wrong_bytes_get_no_name(t):
    with With(t) as w:
        def wrong(h, data):
            if not loads(h, data):
                return False
            w.hub.send(h, 200, {}, data[:-1] + b"!")
            return True

        w.hub.misfortunes.append(wrong)
        w.bad(says=["model.safetensors arrived with the hash", "the hub says " + sha256(WEIGHTS), "nothing of it is kept"])
        assert w.blobs() == [git_hash(CONFIG)]
        w.hub.misfortunes.clear()

        def small(h, data):
            if not loads(h, data, "config.json"):
                return False
            w.hub.send(h, 200, {}, data[:-1] + b" ")
            return True

        shutil.rmtree(w.cache)
        w.hub.misfortunes.append(small)
        w.bad(says=["config.json arrived with the hash", git_hash(CONFIG)])
        assert w.blobs() == []


@test
def busy_and_failing_servers(t):
    with With(t) as w:
        w.hub.fail(429, 1, {"Retry-After": "0"}, "config.json")
        w.hub.fail(503, 2, {}, "/large/")
        w.hub.fail(500, 1, {}, "model.safetensors")
        start = time.time()
        w.good()
        assert time.time() - start < 20
        assert len(w.hub.requests("GET", "/large/")) == 3
        shutil.rmtree(w.cache)
        w.hub.fail(429, 99, {"Retry-After": "3600"})
        r = w.bad(says=["there is no such folder, and config.json could not be loaded from", "too many requests (429)", w.hub.url])
    with With(f"{t}/2") as w:
        w.hub.fail(502, 99)
        start = time.time()
        w.bad(says=["config.json could not be loaded from", "the server failed"])
        assert time.time() - start > 5  # it waits longer and longer


@test
def a_stalling_server(t):
    with With(t, HF_HUB_DOWNLOAD_TIMEOUT="1", HF_HUB_ETAG_TIMEOUT="1") as w:
        w.hub.slow(0, 6, times=1)
        w.good()
        assert len(w.hub.requests("GET", "/large/")) == 2
        assert_right(f"{w.out}/model.onnx")


@test
def nobody_there(t):
    with With(t) as w:
        w.good()
        dead = Hub()
        dead.close()
        w.env["HF_ENDPOINT"] = dead.url
        r = w.good()
        assert "warning:" in r.err and "the cache's copy of someone/tiny is used" in r.err and dead.url in r.err, r.err
        r = w.good("--json")
        assert "the cache's copy" in json.loads(r.out)["warnings"][0]
        w.bad("--cache_dir", f"{t}/none", says=[dead.url, "config.json could not be loaded"])
        w.env["HF_ENDPOINT"] = "ftp://x"
        w.bad("--cache_dir", f"{t}/none", says=["HF_ENDPOINT: expected http://"])


@test
def a_name_without_an_address(t):
    with With(t, HF_ENDPOINT="http://hub.invalid") as w:
        start = time.time()
        w.bad(says=["there is no such folder, and config.json could not be loaded from http://hub.invalid", "resolve host"])
        assert time.time() - start < 5  # who mistypes a folder's name must not wait


@test
def offline_and_not_cached(t):
    with With(t) as w:
        says = [ID, w.cache, "does not hold config.json of its revision main", "--offline, HF_HUB_OFFLINE"]
        w.bad("--offline", says=says)
        w.env["HF_HUB_OFFLINE"] = "1"
        w.bad(says=says)
        w.env["HF_HUB_OFFLINE"] = None
        w.python("config.json")
        w.bad("--offline", says=["offline, and the cache holds none of the files"])


@test
def another_process_loads_the_same(t):
    with With(t) as w:
        os.makedirs(f"{w.cache}/.locks/{REPO}")
        lock = open(f"{w.cache}/.locks/{REPO}/{sha256(WEIGHTS)}.lock", "w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        p = w.start("--verbose")
        wait_for(lambda: w.hub.requests("HEAD", "model.safetensors"))
        time.sleep(0.5)
        assert p.poll() is None and not w.hub.requests("GET", "/large/")
        # the other one is done
        open(f"{w.cache}/{REPO}/blobs/{sha256(WEIGHTS)}", "wb").write(WEIGHTS)
        fcntl.flock(lock, fcntl.LOCK_UN)
        out, err = p.communicate()
        assert p.returncode == 0 and "waiting for another download" in out and not w.hub.requests("GET", "/large/"), (out, err)
        shutil.rmtree(w.cache)
        shutil.rmtree(w.out)
        # two of ours at a time load it once
        w.hub.slow(500, 0.1)
        w.hub.log.clear()
        p, out = w.start(), w.out
        w.out = f"{t}/out2"
        q = w.start()
        assert (p.wait(), q.wait()) == (0, 0), (p.stderr.read(), q.stderr.read())
        assert len(w.hub.requests("GET", "/large/")) == 1
        for x in (p, q):
            x.stdout.close(), x.stderr.close()


@test
def too_little_room(t):
    with With(t) as w:
        w.hub.headers = {"X-Linked-Size": 10**17}
        w.bad(says=["the files take 100000000000.0 MB, the disk has", "--cache_dir"])
        assert not w.hub.requests("GET", "/large/")


@test
def a_full_disk(t):
    """A file system of its own where that can be mounted, else nothing can be shown."""
    with With(t) as w:
        os.makedirs(f"{t}/small")
        if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", f"{t}/small"], capture_output=True).returncode:
            return
        try:
            w.hub.headers = {"X-Linked-Size": None}  # nobody says how large it is
            def unsized(h, data):
                if not loads(h, data):
                    return False
                w.hub.send(h, 200, {}, data * 40)
                return True
            w.hub.misfortunes.append(unsized)
            w.bad("--cache_dir", f"{t}/small", says=["the disk is full", "model.safetensors is kept"])
        finally:
            subprocess.run(["umount", f"{t}/small"])


# ---- Tokens ----


@test
def the_token_stays_at_the_hub(t):
    secret = "hf_verysecrettoken"
    with With(t, HF_TOKEN=secret) as w:
        w.hub.token = secret
        w.hub.private.add(ID)
        r = w.good("--verbose")
        assert secret not in r.out + r.err and "very-secret" not in r.out + r.err
        assert "GET http://localhost" in r.out
        for method, host, path, headers in w.hub.log:
            assert (headers.get("Authorization") == f"Bearer {secret}") == host.startswith("127.0.0.1"), (host, path)
        # a redirect within the hub keeps it, one to another host does not
        w.hub.moved["someone/old"] = ID
        w.good("--cache_dir", f"{t}/b", model="someone/old")
        w.hub.fail(302, 1, {"Location": f"{w.hub.elsewhere}/{ID}/resolve/main/config.json"}, "config.json")
        w.hub.log.clear()
        r = w.bad("--cache_dir", f"{t}/c", says=[""])
        assert [("Authorization" in x[3]) for x in w.hub.log][:2] == [True, False]
        assert secret not in r.out + r.err


@test
def where_tokens_come_from(t):
    with With(t) as w:
        w.hub.token = "hf_right"
        w.hub.private.add(ID)
        w.bad(says=["http://127.0.0.1", "has no such model", "give a token in HF_TOKEN"])
        w.env["HF_TOKEN"] = "hf_wrong"
        r = w.bad(says=["the hub refuses the token", "401: Invalid credentials"])
        assert "hf_wrong" not in r.err
        w.env["HF_TOKEN"] = "hf_right\n"
        w.good()
        w.env["HF_TOKEN"] = None
        shutil.rmtree(w.cache)
        open(f"{t}/home/token", "w").write("hf_right\n")
        w.good()
        shutil.rmtree(w.cache)
        w.env["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1"
        w.bad(says=["has no such model"])
        w.env["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = None
        os.rename(f"{t}/home/token", f"{t}/token")
        w.env["HF_TOKEN_PATH"] = f"{t}/token"
        w.good()


@test
def gated_and_missing(t):
    with With(t) as w:
        w.hub.token = "hf_x"
        w.hub.gated.add(ID)
        w.bad(says=["the model is gated: ask for access at", f"{w.hub.url}/{ID}", "HF_TOKEN"])
        w.env["HF_TOKEN"] = "hf_x"
        w.bad(says=["the token's owner has no access to it yet", f"{w.hub.url}/{ID}"])
        w.bad(model="nobody/nothing", says=["nobody/nothing: there is no such folder, and", "has no such model that the token opens"])
        w.hub.gated.clear()
        w.hub.repo(ID, {"README.md": b""})
        w.bad(says=[ID, "the revision main has no config.json"])
        w.hub.fail(404, 1, {"X-Error-Code": "EntryNotFound"})  # and no commit
        w.bad("--cache_dir", f"{t}/b", says=[ID, "the revision main has no config.json"])
        assert not glob.glob(f"{t}/b/*/refs/*") and not glob.glob(f"{t}/b/*/snapshots/*")
        w.hub.repo(ID, {"config.json": CONFIG, "flax_model.msgpack": b""})
        w.bad(says=["the hub has none of the files that weights are read from"])
        w.bad(model="a/b/c", says=["no such folder, and it is no hub id"])


@test
def proxies(t):
    with With(t) as w:
        w.env.update(HF_ENDPOINT="http://hub.example", http_proxy=w.hub.url)
        w.hub.elsewhere = "http://large.example"
        w.good()
        assert_right(f"{w.out}/model.onnx")
        assert {r[1] for r in w.hub.log} == {"hub.example", "large.example"}
        assert all(r[2].startswith("http://") for r in w.hub.log)


# ---- Hostile servers ----


@test
def names_of_a_hostile_server(t):
    for headers in ({"ETag": '"../../../x"'}, {"ETag": '"a/b"'}, {"ETag": None}, {"ETag": '".."'}, {"X-Repo-Commit": "../x"}, {"X-Repo-Commit": None},
                    {"X-Repo-Commit": "a" * 5000}):
        with With(f"{t}/{sha256(repr(headers).encode())}") as w:
            w.hub.headers = headers
            r = run("-m", ID, w.out, env=w.env)
            if headers.get("X-Repo-Commit", "") is None or "a" * 9 not in str(headers):
                assert r.code == 1 and "the answer has no usable" in r.err, (headers, r.err)
            assert not os.path.exists(f"{t}/x") and not os.path.exists(f"{w.cache}/x")


@test
def redirects_of_a_hostile_server(t):
    with With(t) as w:
        for to, says in (("file:///etc/passwd", "could not be loaded"), ("ftp://localhost/x", "could not be loaded"), (f"{w.hub.url}/{ID}/resolve/main/config.json", "redirected without end")):
            w.hub.misfortunes.clear()
            w.hub.fail(302, 99, {"Location": to})
            w.bad(says=says)
        w.hub.misfortunes.clear()
        w.hub.fail(302, 1)
        w.bad(says="redirected to nowhere")
        w.hub.misfortunes.clear()
        w.hub.fail(403, 1, {"X-Error-Message": "no\x1b[31m\x07way"})
        assert "\x1b" not in w.bad(says=["403: no[31mway"]).err


@test
def an_index_of_a_hostile_server(t):
    for name in ("../../config.json", "/etc/passwd", ".hidden", "a\\b"):
        files = {"config.json": CONFIG, "model.safetensors.index.json": json.dumps({"weight_map": {"x": name}}).encode()}
        with With(f"{t}/{sha256(name.encode())}", files) as w:
            w.bad(says=["expected the name of a file in the same folder"])
            assert len(w.hub.requests("GET")) == 2


# ---- What people see ----


@test
def progress_on_a_terminal(t):
    def shown(*args, **env):
        with With(f"{t}/{args}{env}") as w:
            w.hub.slow(500, 0.15)
            leader, follower = pty.openpty()
            e = {k: v for k, v in {**os.environ, "ONNXPORT_ORT": LIBRARY, **w.env, **env}.items() if v is not None}
            p = subprocess.Popen([ONNXPORT, "-m", ID, *args, w.out], env=e, stdout=subprocess.DEVNULL, stderr=follower)
            os.close(follower)
            text = b""
            try:
                while data := os.read(leader, 4096):
                    text += data
            except OSError:
                pass
            os.close(leader)
            assert p.wait() == 0
            return text.decode()

    text = shown()
    assert "download" in text and "MB/s" in text and " left" in text and "[==" in text, text
    assert shown("--quiet") == ""
    assert shown("--json") == ""


sys.exit(main())
