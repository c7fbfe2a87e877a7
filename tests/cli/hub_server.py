"""A server that plays the Hugging Face hub, with the misfortunes that a test asks for.

Hub.repo(id, files, revision) puts a commit there. Large files (weights) redirect to another host, as the real ones do.
Every request is kept in Hub.log as (method, host, path, headers).
"""
import hashlib, http.server, threading, time, urllib.parse

LARGE = (".safetensors", ".bin", ".h5")


def git_hash(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def loads(h, data, word="/large/"):
    """Whether a misfortune is asked about the body of such a file, and not about its whereabouts."""
    return data is not None and h.command == "GET" and word in h.path


def range_start(h):
    return int((h.headers["Range"] or "bytes=0-").split("=")[1].split("-")[0])


class Hub:
    def __init__(self):
        self.repos = {}      # id -> {revision or commit: {name: bytes}}
        self.commits = {}    # (id, revision) -> commit
        self.log = []
        self.misfortunes = []  # functions (handler, data or None) -> True when they answered
        self.headers = {}    # put over the first answer's
        self.token = None    # the one that opens gated and private repositories
        self.gated, self.private, self.moved = set(), set(), {}
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args):
                pass

            def do_HEAD(self):
                hub.answer(self)

            do_GET = do_HEAD

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *args: None  # clients that go away are what is tested
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.elsewhere = f"http://localhost:{self.port}"  # the same server under another name

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def repo(self, id, files, revision="main"):
        commit = hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()
        for name in (revision, commit):
            self.repos.setdefault(id, {})[name] = files
            self.commits[id, name] = commit
        return commit

    def requests(self, method, word=""):
        return [r for r in self.log if r[0] == method and word in r[2]]

    # ---- Answers ----

    def send(self, h, status, headers={}, body=b""):
        h.send_response(status)
        for k, v in {"Content-Length": len(body), **headers}.items():
            if v is not None:
                h.send_header(k, str(v))
        h.end_headers()
        if h.command == "GET":
            h.wfile.write(body)

    def answer(self, h):
        path = h.path if h.path.startswith("/") else "/" + h.path.split("/", 3)[3]  # a proxy is asked for whole addresses
        self.log.append((h.command, h.headers["Host"], h.path, dict(h.headers)))
        url = urllib.parse.urlsplit(path)
        if url.path.startswith("/large/"):
            data = next(d for r in self.repos.values() for f in r.values() for d in f.values()
                        if hashlib.sha256(d).hexdigest() == url.path[7:])
            return self.body(h, data)
        parts = [urllib.parse.unquote(p) for p in url.path.strip("/").split("/")]
        if "resolve" not in parts:
            return self.send(h, 404)
        at = parts.index("resolve")
        id, revision, name = "/".join(parts[:at]), parts[at + 1], "/".join(parts[at + 2 :])
        if any(m(h, None) for m in list(self.misfortunes)):
            return
        if id in self.moved:
            return self.send(h, 307, {"Location": "/" + self.moved[id] + "/resolve/" + "/".join(parts[at + 1 :])})
        known = h.headers["Authorization"] == f"Bearer {self.token}"
        if h.headers["Authorization"] and not known:
            return self.send(h, 401, {"X-Error-Message": "Invalid credentials in Authorization header"})
        if id not in self.repos or (id in self.private and not known):
            return self.send(h, 404 if known else 401, {"X-Error-Code": "RepoNotFound", "X-Error-Message": "Repository not found"})
        if id in self.gated and name != "README.md":
            return self.send(h, 403 if known else 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access to this model is restricted."})
        if revision not in self.repos[id]:
            return self.send(h, 404, {"X-Error-Code": "RevisionNotFound", "X-Error-Message": f"Invalid rev id: {revision}"})
        files, commit = self.repos[id][revision], self.commits[id, revision]
        if name not in files:
            return self.send(h, 404, {"X-Error-Code": "EntryNotFound", "X-Error-Message": "Entry not found", "X-Repo-Commit": commit})
        data = files[name]
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_hash(data)}"'}
        if name.endswith(LARGE):
            sum = hashlib.sha256(data).hexdigest()
            headers.update({"X-Linked-Etag": f'"{sum}"', "X-Linked-Size": len(data), "Location": f"{self.elsewhere}/large/{sum}?Signature=very-secret"})
            headers.update(self.headers)
            return self.send(h, 302, headers, b"Found. Redirecting")
        self.body(h, data, {**headers, **self.headers})

    def body(self, h, data, headers={}):
        if any(m(h, data) for m in list(self.misfortunes)):
            return
        if h.headers["Range"] and h.command == "GET":
            start = range_start(h)
            if start >= len(data):
                return self.send(h, 416, {"Content-Range": f"bytes */{len(data)}"})
            return self.send(h, 206, {**headers, "Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}, data[start:])
        self.send(h, 200, {**headers, **({} if h.command == "GET" else {"Content-Length": len(data)})}, data if h.command == "GET" else b"")

    def begin(self, h, data):
        """The head of a large file's answer; where its body has to start."""
        start = range_start(h)
        h.send_response(206 if start else 200)
        h.send_header("Content-Length", str(len(data) - start))
        if start:
            h.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        h.end_headers()
        return start

    # ---- Misfortunes ----

    def cut(self, after, times=1):
        """The connection breaks after so many bytes of a large file's answer."""
        left = [times]

        def misfortune(h, data):
            if not loads(h, data) or not left[0]:
                return False
            left[0] -= 1
            start = self.begin(h, data)
            h.wfile.write(data[start : start + after])
            h.wfile.flush()
            h.connection.shutdown(2)
            h.close_connection = True
            return True

        self.misfortunes.append(misfortune)

    def fail(self, status, times, headers={}, word=""):
        left = [times]

        def misfortune(h, data):
            if word not in h.path or not left[0]:
                return False
            left[0] -= 1
            self.send(h, status, headers)
            return True

        self.misfortunes.append(misfortune)

    def slow(self, piece, pause, times=1 << 30):
        """Large files come a piece at a time; `piece` 0: nothing comes at all."""
        left = [times]

        def misfortune(h, data):
            if not loads(h, data) or not left[0]:
                return False
            left[0] -= 1
            start = self.begin(h, data)
            try:
                for at in range(start, len(data), piece or len(data)):
                    if piece:
                        h.wfile.write(data[at : at + piece])
                        h.wfile.flush()
                    time.sleep(pause)
            except OSError:
                pass
            h.close_connection = True
            return True

        self.misfortunes.append(misfortune)
