#define _GNU_SOURCE
#include "hub/transfer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"

enum {
	MOST_AT_ONCE = 8,
	MOST_HOPS = 8,
	MOST_MISMATCHES = 2,
	MOST_WAIT = 60, /* seconds that a server may ask us to wait */
	CONNECT_SECONDS = 10,
};

static const answer nothing_said = {
	.length = -1, .linked_size = -1, .start = -1, .retry_after = -1
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void note(const session *s, const char *fmt, ...) PRINTF(2, 3);

static void note(const session *s, const char *fmt, ...)
{
	char line[1024];
	va_list args;

	if (!s->events->note)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	s->events->note(s->events->context, line);
}

static long seconds(const char *variable, long otherwise)
{
	const char *s = getenv(variable);
	long n = s ? strtol(s, NULL, 10) : 0;

	return n > 0 && n < 100000 ? n : otherwise;
}

/* ---- Addresses ---- */

/* "https://host:port" of an address. */
static size_t origin(const char *url)
{
	const char *host = strstr(url, "://");

	return host ? (size_t)(host - url) + 3 + strcspn(host + 3, "/?#") : 0;
}

static int same_origin(const char *a, const char *b)
{
	return origin(a) == origin(b) && strncasecmp(a, b, origin(a)) == 0;
}

/* How much of an address may be shown: signatures stand in its query. */
static int shown(const char *url)
{
	return (int)strcspn(url, "?#");
}

static const char *file_url(const session *s, const char *name)
{
	char revision[3 * MOST_HEADER_VALUE], *to = revision;

	for (const char *p = s->revision; *p && to < revision + sizeof revision - 4; p++)
		to += *p == '/' ? sprintf(to, "%%2F") : sprintf(to, "%c", *p);
	*to = 0;
	return arena_printf(s->arena, "%s/%s/resolve/%s/%s", s->endpoint, s->id, revision, name);
}

/* ---- What servers say ---- */

/* A header's value without what does not belong into names and messages. */
static void keep_value(char *to, const char *from, size_t n)
{
	size_t k = 0;

	while (n && (*from == ' ' || *from == '\t')) {
		from++;
		n--;
	}
	for (size_t i = 0; i < n && k + 1 < MOST_HEADER_VALUE; i++)
		if (from[i] >= ' ' && from[i] < 127)
			to[k++] = from[i];
	while (k && to[k - 1] == ' ')
		k--;
	to[k] = 0;
}

/* An entity tag without quotes and the mark of weak ones. */
static void keep_etag(char *to, const char *s)
{
	if (strncmp(s, "W/", 2) == 0)
		s += 2;
	if (*s == '"')
		s++;
	snprintf(to, MOST_HEADER_VALUE, "%.*s", (int)strcspn(s, "\""), s);
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
	transfer *t = context;
	answer *a = &t->answer;
	size_t n = size * count, name = 0;
	char text[MOST_HEADER_VALUE];

	if (n >= 5 && strncmp(line, "HTTP/", 5) == 0) {
		*a = nothing_said;
		return n;
	}
	while (name < n && line[name] != ':')
		name++;
	if (name == n)
		return n;
	keep_value(text, line + name + 1, n - name - 1);
#define IS(header) (name == sizeof(header) - 1 && strncasecmp(line, header, name) == 0)
	if (IS("X-Repo-Commit")) {
		strcpy(a->commit, text);
	} else if (IS("X-Linked-Etag")) {
		keep_etag(a->etag, text);
		a->is_linked = 1;
	} else if (IS("ETag") && !a->is_linked) {
		keep_etag(a->etag, text);
	} else if (IS("X-Linked-Size")) {
		a->linked_size = strtoll(text, NULL, 10);
	} else if (IS("Content-Length")) {
		a->length = strtoll(text, NULL, 10);
	} else if (IS("Content-Range")) {
		if (sscanf(text, "bytes %lld-", (long long *)&a->start) != 1)
			a->start = -1;
	} else if (IS("X-Error-Code")) {
		strcpy(a->code, text);
	} else if (IS("X-Error-Message")) {
		strcpy(a->message, text);
	} else if (IS("Retry-After")) {
		a->retry_after = strtod(text, NULL);
	}
#undef IS
	return n;
}

/* A word that can be a file's name in the cache. */
static int is_plain(const char *s)
{
	return *s && *s != '.' &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")];
}

/* ---- The unfinished file ---- */

static digest_kind kind_of(const transfer *t)
{
	return strlen(t->etag) == 64 ? DIGEST_SHA256 : DIGEST_SHA1;
}

/* Whether the entity tag is a hash of the file, and not just any word. */
static int is_hash(const transfer *t)
{
	size_t n = strlen(t->etag);

	return strspn(t->etag, "0123456789abcdef") == n && (n == 64 || (n == 40 && t->size >= 0));
}

/* git's hash of a file begins with a word of its own. */
static void start_digest(transfer *t)
{
	char head[64];

	digest_start(&t->digest, kind_of(t));
	if (kind_of(t) == DIGEST_SHA1)
		digest_add(&t->digest, head,
			   (size_t)snprintf(head, sizeof head, "blob %lld", (long long)t->size) +
				   1);
}

static int disk_failed(const transfer *t, const char *what)
{
	const session *s = t->session;

	if (errno == ENOSPC || errno == EDQUOT)
		return error_set(s->e, E_IO,
				 "%s: the disk is full; what was loaded of %s is kept and the next "
				 "run goes on from there",
				 s->cache->root, t->name);
	return error_set(s->e, E_IO, "%s: %s: %s: %s", s->cache->root, t->name, what,
			 strerror(errno));
}

/* Throws away what there is of the file. */
static int start_over(transfer *t)
{
	if (ftruncate(t->fd, 0) != 0 || lseek(t->fd, 0, SEEK_SET) != 0)
		return disk_failed(t, "cannot be written");
	t->have = 0;
	start_digest(t);
	return 0;
}

/* Opens the unfinished file and takes up what an earlier transfer left in it. */
static int open_part(transfer *t)
{
	session *s = t->session;
	char *path = cache_part(s->cache, t->etag),
	     *folder = path ? path_folder(s->arena, path) : NULL;
	uint8_t *buffer;
	ssize_t n;

	if (!folder)
		return error_memory(s->e);
	if (path_make_folder(folder, s->e))
		return s->e->code;
	t->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (t->fd < 0)
		return disk_failed(t, "cannot be written");
	t->have = 0;
	start_digest(t);
	buffer = malloc(1 << 20);
	if (!buffer)
		return error_memory(s->e);
	while ((n = read(t->fd, buffer, 1 << 20)) > 0) {
		digest_add(&t->digest, buffer, (size_t)n);
		t->have += n;
	}
	free(buffer);
	if (n < 0)
		return disk_failed(t, "cannot be read");
	if (t->have)
		note(s, "%s: going on after %lld bytes", t->name, (long long)t->have);
	return t->size >= 0 && t->have > t->size ? start_over(t) : 0;
}

static void close_part(transfer *t)
{
	if (t->fd >= 0)
		close(t->fd);
	if (t->lock >= 0)
		close(t->lock);
	t->fd = t->lock = -1;
}

static int write_part(transfer *t, const char *p, size_t n)
{
	if (file_write(t->fd, p, n, -1))
		return disk_failed(t, "cannot be written");
	digest_add(&t->digest, p, n);
	t->have += (int64_t)n;
	return 0;
}

static size_t on_body(char *data, size_t size, size_t count, void *context)
{
	transfer *t = context;
	long status = 0;

	t->session->curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	if (t->fd < 0 || (status != 200 && status != 206))
		return size * count; /* the text of an error */
	if (!t->is_checked) {
		t->is_checked = 1;
		if (status == 206 && t->answer.start != t->have)
			return 0;
		if (status == 200 && t->have && start_over(t))
			return 0;
	}
	t->failures = 0;
	return write_part(t, data, size * count) ? 0 : size * count;
}

/* ---- Requests ---- */

static int may_have_token(const session *s, const char *url)
{
	return s->token && same_origin(url, s->endpoint);
}

static int add_header(transfer *t, const char *line)
{
	struct curl_slist *more = t->session->curl->slist_append(t->headers, line);

	if (!more)
		return error_memory(t->session->e);
	t->headers = more;
	return 0;
}

static int set_headers(transfer *t)
{
	session *s = t->session;
	char *line;

	s->curl->slist_free_all(t->headers);
	t->headers = NULL;
	if (add_header(t, "Accept-Encoding: identity"))
		return s->e->code;
	if (!may_have_token(s, t->url))
		return 0;
	line = arena_printf(s->arena, "Authorization: Bearer %s", s->token);
	return line ? add_header(t, line) : error_memory(s->e);
}

/* Sends a request for t->url; HEAD, or GET from where the unfinished file ends. */
static int request(transfer *t, CURLM *multi)
{
	session *s = t->session;
	const char *bundle = getenv("SSL_CERT_FILE");
	int loading = t->state == TRANSFER_LOADING;
	char range[32];

	if (!t->easy && !(t->easy = s->curl->easy_init()))
		return error_memory(s->e);
	s->curl->easy_reset(t->easy);
	if (set_headers(t))
		return s->e->code;
	if (!bundle || !*bundle)
		bundle = getenv("CURL_CA_BUNDLE");
	snprintf(range, sizeof range, "%lld-", (long long)t->have);
	*t->problem = 0;
	t->is_checked = 0;
	t->answer = nothing_said;
#define SET(option, value) s->curl->easy_setopt(t->easy, CURLOPT_##option, value)
	SET(URL, t->url);
	SET(HTTPHEADER, t->headers);
	SET(USERAGENT, s->agent);
	SET(NOSIGNAL, 1L);
	SET(ERRORBUFFER, t->problem);
	SET(PRIVATE, t);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, t);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, t);
	SET(CONNECTTIMEOUT, (long)CONNECT_SECONDS);
#if LIBCURL_VERSION_NUM >= 0x075500
	SET(PROTOCOLS_STR, "http,https");
#else
	SET(PROTOCOLS, CURLPROTO_HTTP | CURLPROTO_HTTPS);
#endif
	if (bundle && *bundle)
		SET(CAINFO, bundle);
	if (loading) {
		SET(LOW_SPEED_LIMIT, 1L);
		SET(LOW_SPEED_TIME, seconds("HF_HUB_DOWNLOAD_TIMEOUT", 10));
		if (t->have)
			SET(RANGE, range);
	} else {
		SET(NOBODY, 1L);
		SET(TIMEOUT, seconds("HF_HUB_ETAG_TIMEOUT", 10));
	}
#undef SET
	note(s, "%s %.*s%s%s", loading ? "GET" : "HEAD", shown(t->url), t->url,
	     loading && t->have ? " from byte " : "", loading && t->have ? range : "");
	if (s->curl->multi_add_handle(multi, t->easy) != CURLM_OK)
		return error_memory(s->e);
	t->is_running = 1;
	return 0;
}

/* ---- What becomes of an answer ---- */

/* Tries again later, from the start, unless it failed too often. */
static int try_again(transfer *t, const char *why)
{
	session *s = t->session;
	double wait = 0.5 * (double)(1 << (t->failures < 6 ? t->failures : 6));

	if (++t->failures >= s->attempts || t->answer.retry_after > MOST_WAIT) {
		s->unreachable = 1;
		return error_set(s->e, E_IO,
				 "%s: there is no such folder, and %s could not be loaded from %s: "
				 "%s",
				 s->id, t->name, s->endpoint, why);
	}
	if (t->answer.retry_after >= 0)
		wait = t->answer.retry_after;
	note(s, "%s: %s; trying again in %.1f s", t->name, why, wait);
	close_part(t);
	t->state = TRANSFER_ASKING;
	t->url = NULL;
	t->hops = 0;
	t->not_before = now() + wait;
	return 0;
}

static int is_passing(long status)
{
	return status == 408 || status == 429 || status == 500 || (status >= 502 && status <= 504);
}

/* An answer that no further try would change, in words. */
static int refused(const transfer *t, long status)
{
	const session *s = t->session;
	const char *code = t->answer.code, *message = t->answer.message;
	const char *page = arena_printf(s->arena, "%s/%s", s->endpoint, s->id);
	error *e = s->e;

	if (strcmp(code, "GatedRepo") == 0 && !s->token)
		return error_set(
			e, E_MODEL,
			"%s: the model is gated: ask for access at %s, then give a token in "
			"HF_TOKEN or with huggingface-cli login",
			s->id, page);
	if (strcmp(code, "GatedRepo") == 0)
		return error_set(
			e, E_MODEL,
			"%s: the model is gated, and the token's owner has no access to it "
			"yet: ask for it at %s",
			s->id, page);
	if (strcmp(code, "RevisionNotFound") == 0)
		return error_set(e, E_MODEL, "%s: the model has no revision %s", s->id,
				 s->revision);
	if (strcmp(code, "RepoNotFound") == 0)
		return error_set(e, E_MODEL,
				 "%s: there is no such folder, and %s has no such model%s", s->id,
				 s->endpoint,
				 s->token ? " that the token opens"
					  : "; if it is private, give a token in HF_TOKEN");
	if (status == 401)
		return error_set(e, E_MODEL, "%s: %s (401%s%s)", s->id,
				 s->token
					 ? "the hub refuses the token (HF_TOKEN, or the file that "
					   "huggingface-cli login writes)"
					 : "there is no such model, or it needs a token (HF_TOKEN)",
				 *message ? ": " : "", message);
	if (status == 403)
		return error_set(e, E_MODEL, "%s: the hub forbids access to %s (403%s%s)", s->id,
				 t->name, *message ? ": " : "", message);
	if (status == 404)
		return error_set(e, E_MODEL, "%s: not found (404%s%s)", s->id, *message ? ": " : "",
				 message);
	return error_set(e, E_IO, "%.*s: unexpected answer %ld%s%s", shown(t->url), t->url, status,
			 *message ? ": " : "", message);
}

/* Goes where a redirect points to; its query may hold a signature, so it is never shown. */
static int hop(transfer *t, CURLM *multi)
{
	session *s = t->session;
	char *to = NULL;
	int was_secure = strncasecmp(t->url, "https:", 6) == 0;

	s->curl->easy_getinfo(t->easy, CURLINFO_REDIRECT_URL, &to);
	if (!to || ++t->hops > MOST_HOPS)
		return error_set(s->e, E_IO, "%.*s: %s", shown(t->url), t->url,
				 to ? "redirected without end" : "redirected to nowhere");
	if (was_secure && strncasecmp(to, "https:", 6) != 0)
		return error_set(s->e, E_IO,
				 "%.*s: redirected from https to %.*s, which is refused",
				 shown(t->url), t->url, shown(to), to);
	t->url = arena_strdup(s->arena, to);
	if (!t->url)
		return error_memory(s->e);
	if (t->state == TRANSFER_ASKING && t->answer.is_linked)
		return 0; /* all is known; what stands there is the body */
	return request(t, multi);
}

/* All that has to be known of the file is. */
static int take_answer(transfer *t)
{
	const answer *a = &t->answer;
	session *s = t->session;

	snprintf(t->etag, sizeof t->etag, "%s", a->etag);
	t->size = a->is_linked ? a->linked_size : a->length;
	if (!is_plain(t->commit) || !is_plain(t->etag))
		return error_set(s->e, E_IO,
				 "%.*s: the answer has no usable %s; is this a Hugging Face hub "
				 "(HF_ENDPOINT)?",
				 shown(t->url), t->url,
				 is_plain(t->commit) ? "ETag" : "X-Repo-Commit");
	t->state = TRANSFER_LOCKING;
	return 0;
}

static int asked(transfer *t, long status, CURLM *multi)
{
	session *s = t->session;
	int was_linked = t->answer.is_linked;

	if (is_passing(status))
		return try_again(t,
				 status == 429 ? "too many requests (429)" : "the server failed");
	if (!*t->commit) /* the first answers say it; those of other servers may not */
		snprintf(t->commit, sizeof t->commit, "%s", t->answer.commit);
	if (status >= 300 && status < 400 && status != 304) {
		if (hop(t, multi))
			return s->e->code;
		return was_linked ? take_answer(t) : 0;
	}
	if (status == 200)
		return take_answer(t);
	/* mirrors may not say which kind of thing was not found; a known commit means the file */
	if (status == 404 && (strcmp(t->answer.code, "EntryNotFound") == 0 ||
			      (!*t->answer.code && *t->answer.commit))) {
		t->state = TRANSFER_ABSENT;
		return is_plain(t->commit) ? cache_put_absent(s->cache, t->commit, t->name, s->e)
					   : 0;
	}
	return refused(t, status);
}

/* The blob is there: the snapshot gets its pointer. */
static int finish(transfer *t)
{
	const session *s = t->session;

	close_part(t);
	t->state = TRANSFER_DONE;
	return cache_point(s->cache, t->commit, t->name, t->etag, s->e);
}

/* Checks a whole file and gives it its name. */
static int publish(transfer *t)
{
	const session *s = t->session;
	char *part = cache_part(s->cache, t->etag), *blob = cache_blob(s->cache, t->etag);
	char found[DIGEST_TEXT];

	if (!part || !blob)
		return error_memory(s->e);
	digest_end(&t->digest, found);
	if ((is_hash(t) && strcmp(found, t->etag) != 0) || (t->size >= 0 && t->have != t->size)) {
		unlink(part);
		if (++t->mismatches >= MOST_MISMATCHES)
			return error_set(
				s->e, E_IO,
				"%s: %s arrived with the hash %s, the hub says %s; nothing of "
				"it is kept",
				s->id, t->name, found, t->etag);
		return try_again(t, "its hash is wrong");
	}
	if (rename(part, blob) != 0)
		return disk_failed(t, "cannot take its name");
	return finish(t);
}

static int loaded(transfer *t, long status, CURLM *multi)
{
	if (status >= 300 && status < 400)
		return hop(t, multi);
	if (status == 416 && t->have)
		return start_over(t) ? t->session->e->code : try_again(t, "the range was refused");
	if (status != 200 && status != 206) {
		/* signatures of other servers run out: the hub gives a new one */
		if (is_passing(status) || !same_origin(t->url, t->session->endpoint))
			return try_again(t, "the server failed");
		return refused(t, status);
	}
	if (!t->is_checked && status == 200 && t->have && start_over(t))
		return t->session->e->code;
	if (t->size >= 0 && t->have < t->size)
		return try_again(t, "the connection was cut");
	return publish(t);
}

/* What trying again does not mend; a name without an address only while nothing worked yet. */
static int is_final(const transfer *t, CURLcode rc)
{
	return rc == CURLE_UNSUPPORTED_PROTOCOL || rc == CURLE_URL_MALFORMAT ||
	       rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE ||
	       (!*t->commit &&
		(rc == CURLE_COULDNT_RESOLVE_HOST || rc == CURLE_COULDNT_RESOLVE_PROXY));
}

static int answered(transfer *t, CURLcode rc, CURLM *multi)
{
	session *s = t->session;
	long status = 0;

	s->curl->multi_remove_handle(multi, t->easy);
	t->is_running = 0;
	if (s->e->code)
		return s->e->code;
	if (rc != CURLE_OK && is_final(t, rc))
		t->failures = s->attempts;
	if (rc != CURLE_OK)
		return try_again(t, *t->problem ? t->problem : s->curl->easy_strerror(rc));
	s->curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	return t->state == TRANSFER_ASKING ? asked(t, status, multi) : loaded(t, status, multi);
}

/* ---- All of them ---- */

static int has_room(transfer *t, int n)
{
	const session *s = t->session;
	struct statvfs disk;
	uint64_t needed = 0, room;

	for (int i = 0; i < n; i++)
		if (t[i].size > 0 && t[i].state != TRANSFER_DONE && t[i].state != TRANSFER_ABSENT)
			needed += (uint64_t)(t[i].size - t[i].have);
	if (statvfs(s->cache->root, &disk) != 0)
		return 1;
	room = (uint64_t)disk.f_bavail * disk.f_frsize;
	if (needed > room)
		error_set(s->e, E_IO,
			  "%s: the files take %.1f MB, the disk has %.1f MB left; make room, or "
			  "name another folder (--cache_dir, HF_HUB_CACHE)",
			  s->cache->root, (double)needed / 1e6, (double)room / 1e6);
	return !s->e->code;
}

/* The lock, then what others may have loaded meanwhile, then the request. */
static int start_loading(transfer *all, int n, transfer *t, CURLM *multi)
{
	session *s = t->session;
	char *blob = cache_blob(s->cache, t->etag);

	if (!blob)
		return error_memory(s->e);
	if (path_is_file(blob))
		return finish(t);
	t->lock = cache_lock(s->cache, t->etag, s->e);
	if (t->lock < 0) {
		if (!s->e->code && !t->says_waiting++)
			note(s, "%s: waiting for another download of it", t->name);
		t->not_before = now() + 0.2;
		return s->e->code;
	}
	if (path_is_file(blob))
		return finish(t);
	if (open_part(t) || !has_room(all, n))
		return s->e->code;
	if (t->size >= 0 && t->have == t->size)
		return publish(t);
	t->state = TRANSFER_LOADING;
	return request(t, multi);
}

static int is_over(const transfer *t)
{
	return t->state == TRANSFER_DONE || t->state == TRANSFER_ABSENT;
}

/* Starts what may start: questions first, so that the sum of sizes is known before the loading. */
static int start_some(session *s, transfer *t, int n, CURLM *multi)
{
	int running = 0, asking = 0;

	for (int i = 0; i < n; i++) {
		running += t[i].is_running;
		asking += t[i].state == TRANSFER_ASKING;
	}
	for (int i = 0; i < n && running < MOST_AT_ONCE && !s->e->code; i++) {
		if (t[i].is_running || is_over(&t[i]) || now() < t[i].not_before)
			continue;
		if (t[i].state == TRANSFER_ASKING) {
			t[i].url = file_url(s, t[i].name);
			if (!t[i].url)
				return error_memory(s->e);
			request(&t[i], multi);
		} else if (!asking) {
			start_loading(t, n, &t[i], multi);
		}
		running += t[i].is_running;
	}
	return s->e->code;
}

static int show_progress(const session *s, const transfer *t, int n)
{
	uint64_t done = 0, total = 0;

	for (int i = 0; i < n; i++) {
		if (t[i].size <= 0 || t[i].state == TRANSFER_ASKING)
			continue;
		total += (uint64_t)t[i].size;
		done += (uint64_t)(t[i].state == TRANSFER_DONE ? t[i].size : t[i].have);
	}
	if (s->events->progress && s->events->progress(s->events->context, done, total))
		return error_set(s->e, E_CANCELLED,
				 "cancelled; what was loaded is kept and the next run goes on from "
				 "there");
	return 0;
}

static int run(session *s, transfer *t, int n, CURLM *multi)
{
	int over = 0, busy;

	while (over < n && !s->e->code) {
		CURLMsg *m;

		if (start_some(s, t, n, multi))
			break;
		s->curl->multi_perform(multi, &busy);
		while ((m = s->curl->multi_info_read(multi, &busy))) {
			CURLcode rc = m->data.result;
			transfer *which = NULL;

			s->curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&which);
			if (m->msg == CURLMSG_DONE && which)
				answered(which, rc, multi);
		}
		if (s->e->code || show_progress(s, t, n))
			break;
		over = 0;
		for (int i = 0; i < n; i++)
			over += is_over(&t[i]);
		if (over < n)
			s->curl->multi_poll(multi, NULL, 0, 100, NULL);
	}
	return s->e->code;
}

int transfer_all(session *s, transfer *t, int n)
{
	CURLM *multi = s->curl->multi_init();

	for (int i = 0; i < n; i++) {
		t[i].session = s;
		t[i].fd = t[i].lock = -1;
		t[i].size = -1;
	}
	if (!multi)
		return error_memory(s->e);
	run(s, t, n, multi);
	for (int i = 0; i < n; i++) {
		if (t[i].is_running)
			s->curl->multi_remove_handle(multi, t[i].easy);
		if (t[i].easy)
			s->curl->easy_cleanup(t[i].easy);
		s->curl->slist_free_all(t[i].headers);
		close_part(&t[i]);
	}
	s->curl->multi_cleanup(multi);
	return s->e->code;
}
