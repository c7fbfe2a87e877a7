#include "hub/hub.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "hub/cache.h"
#if ONNXPORT_HUB
#include "hub/transfer.h"
#endif

enum { ATTEMPTS = 5, ATTEMPTS_WHEN_CACHED = 2, MOST_TOKEN = 4096 };

struct hub {
	arena *arena;
	hub_options options;
	const char *folder; /* of a local model, or the snapshot */
	const char *id, *revision;
	const char *commit; /* NULL: not known yet */
	cache cache;
};

/* ---- Names ---- */

static int is_word(int c)
{
	return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' ||
	       c == '_' || c == '.';
}

/* Words between slashes, at most `most`, none of which begins with a dot. */
static int is_path_of_words(const char *s, int most)
{
	int words = 0;

	for (const char *p = s; *p; p++) {
		int start = p == s || p[-1] == '/';

		words += start;
		if (start ? !is_word(*p) || *p == '.' : !is_word(*p) && *p != '/')
			return 0;
	}
	return words && words <= most && s[strlen(s) - 1] != '/';
}

static int is_commit(const char *s)
{
	return strlen(s) == 40 && strspn(s, "0123456789abcdef") == 40;
}

static int is_true(const char *variable)
{
	const char *s = getenv(variable);

	return s && (strcmp(s, "1") == 0 || strcasecmp(s, "true") == 0 ||
		     strcasecmp(s, "yes") == 0 || strcasecmp(s, "on") == 0);
}

/* ---- Opening ---- */

static int open_id(hub *h, const char *model, error *e)
{
	const char *mark = strrchr(model, '@'), *asked = h->options.revision;

	h->id = arena_strndup(h->arena, model, mark ? (size_t)(mark - model) : strlen(model));
	if (!h->id)
		return error_memory(e);
	if (path_is_file(model))
		return error_set(
			e, E_ARGUMENT,
			"%s: is a file; expected the folder that holds config.json and the "
			"weights",
			model);
	if (!is_path_of_words(h->id, 2))
		return error_set(e, E_ARGUMENT,
				 "%s: there is no such folder, and it is no hub id (org/name)",
				 model);
	if (mark && asked && strcmp(mark + 1, asked) != 0)
		return error_set(e, E_ARGUMENT, "%s: the id and the option revision (%s) differ",
				 model, asked);
	h->revision = mark ? mark + 1 : asked ? asked : "main";
	if (!is_path_of_words(h->revision, 16))
		return error_set(e, E_ARGUMENT,
				 "revision: expected a branch, tag or commit, found %s",
				 h->revision);
	if (cache_open(&h->cache, h->arena, h->options.cache, h->id, e))
		return e->code;
	if (is_commit(h->revision))
		h->commit = h->revision;
	else if (h->options.offline && !(h->commit = cache_commit(&h->cache, h->revision)))
		h->commit = h->revision; /* a snapshot may have any name */
	return 0;
}

hub *hub_open(arena *a, const char *model, const hub_options *o, error *e)
{
	hub *h = arena_alloc(a, sizeof *h);

	if (!h) {
		error_memory(e);
		return NULL;
	}
	h->arena = a;
	h->options = *o;
	h->options.offline |= is_true("HF_HUB_OFFLINE") || is_true("TRANSFORMERS_OFFLINE");
	if (path_is_folder(model)) {
		h->folder = arena_strdup(a, model);
		if (!h->folder)
			error_memory(e);
	} else {
		(void)!open_id(h, model, e);
	}
	return e->code ? NULL : h;
}

const char *hub_folder(const hub *h)
{
	return h->folder;
}

int hub_is_local(const hub *h)
{
	return !h->id;
}

const char *hub_id(const hub *h)
{
	return h->id;
}

const char *hub_commit(const hub *h)
{
	return h->commit;
}

int hub_is_offline(const hub *h)
{
	return h->options.offline;
}

/* ---- Loading ---- */

static int set_commit(hub *h, const char *commit, error *e)
{
	h->commit = arena_strdup(h->arena, commit);
	h->folder = h->commit ? cache_snapshot(&h->cache, h->commit) : NULL;
	return h->folder ? 0 : error_memory(e);
}

/* 1: in the snapshot, 0: known not to be there, -1: not known */
static int look(const hub *h, const char *name)
{
	const char *path;

	if (!h->commit)
		return h->options.offline ? 0 : -1;
	path = cache_file(&h->cache, h->commit, name);
	if (path && path_is_file(path))
		return 1;
	return h->options.offline || cache_is_absent(&h->cache, h->commit, name) ? 0 : -1;
}

#if ONNXPORT_HUB
/* The token of the environment, or of the file that logging in writes; NULL for none. */
static const char *find_token(arena *a)
{
	const char *s = getenv("HF_TOKEN"), *path = getenv("HF_TOKEN_PATH");
	const char *home = cache_home(a);
	error ignored = { 0 };
	char *token = NULL;
	file *f;

	if (is_true("HF_HUB_DISABLE_IMPLICIT_TOKEN"))
		return NULL;
	if (!s || !*s)
		s = getenv("HUGGING_FACE_HUB_TOKEN");
	if (s && *s) {
		token = arena_strdup(a, s);
	} else {
		if (!path || !*path)
			path = home ? arena_printf(a, "%s/token", home) : NULL;
		if (!path || !path_is_file(path) || !(f = file_map(a, path, &ignored)))
			return NULL;
		if (f->size && f->size < MOST_TOKEN)
			token = arena_strndup(a, (const char *)f->data, (size_t)f->size);
		file_unmap(f);
	}
	for (char *p = token; p && *p; p++) /* a line's end must not get into a header */
		if (*p <= ' ' || *p == 127)
			*p = 0;
	return token && *token ? token : NULL;
}

static const char *find_endpoint(arena *a)
{
	const char *s = getenv("HF_ENDPOINT");
	size_t n;

	if (!s || !*s)
		return "https://huggingface.co";
	for (n = strlen(s); n && s[n - 1] == '/';)
		n--;
	return arena_strndup(a, s, n);
}

static int start(hub *h, session *s, error *e)
{
	*s = (session){ .arena = h->arena,
			.curl = curl_load(e),
			.events = &h->options.events,
			.cache = &h->cache,
			.endpoint = find_endpoint(h->arena),
			.id = h->id,
			.revision = h->commit ? h->commit : h->revision,
			.token = find_token(h->arena),
			.agent = h->options.agent,
			.attempts = ATTEMPTS,
			.e = e };
	if (!s->curl)
		return e->code;
	if (!s->endpoint)
		return error_memory(e);
	if (strncmp(s->endpoint, "https://", 8) != 0 && strncmp(s->endpoint, "http://", 7) != 0)
		return error_set(e, E_ARGUMENT,
				 "HF_ENDPOINT: expected http://… or https://…, found %s",
				 s->endpoint);
	return path_make_folder(h->cache.root, e);
}

/* Nobody answers: what the cache holds of the revision serves, if it holds anything. */
static int fall_back(hub *h, const session *s, const char *commit, error *e)
{
	char line[sizeof e->text + 128];

	if (h->commit || !commit || !s->unreachable)
		return 0;
	snprintf(line, sizeof line, "%s; the cache's copy of %s is used", e->text, h->id);
	if (h->options.events.warn)
		h->options.events.warn(h->options.events.context, line);
	*e = (error){ 0 };
	h->options.offline = 1;
	(void)!set_commit(h, commit, e);
	return 1;
}

static int load(hub *h, const char *const *names, int n, int *is_there, error *e)
{
	const char *cached = h->commit ? NULL : cache_commit(&h->cache, h->revision);
	transfer *t = arena_array(h->arena, (size_t)n, sizeof *t);
	session s;

	if (!t)
		return error_memory(e);
	if (start(h, &s, e))
		return e->code;
	if (cached)
		s.attempts = ATTEMPTS_WHEN_CACHED;
	for (int i = 0; i < n; i++) {
		t[i].name = names[i];
		snprintf(t[i].commit, sizeof t[i].commit, "%s", h->commit ? h->commit : "");
	}
	if (transfer_all(&s, t, n)) {
		if (!fall_back(h, &s, cached, e))
			return e->code;
		for (int i = 0; i < n; i++)
			is_there[i] = look(h, names[i]);
		return e->code;
	}
	if (!h->commit && *t[0].commit &&
	    (set_commit(h, t[0].commit, e) ||
	     cache_put_commit(&h->cache, h->revision, h->commit, e)))
		return e->code;
	for (int i = 0; i < n; i++)
		is_there[i] = t[i].state == TRANSFER_DONE;
	return 0;
}
#else
static int load(hub *h, const char *const *names, int n, int *is_there, error *e)
{
	(void)names;
	(void)n;
	(void)is_there;
	return error_set(
		e, E_UNSUPPORTED,
		"%s: there is no such folder, and this program was built without downloading "
		"(ONNXPORT_HUB); with --offline the hub's cache is read",
		h->id);
}
#endif

/* Which of the files there are; those are in the folder afterwards. */
static int get(hub *h, const char *const *names, int n, int *is_there, error *e)
{
	const char **wanted = arena_array(h->arena, (size_t)n, sizeof *wanted);
	int *came = arena_array(h->arena, (size_t)n, sizeof *came), m = 0;

	if (!wanted || !came)
		return error_memory(e);
	if (h->commit && !h->folder && set_commit(h, h->commit, e))
		return e->code;
	for (int i = 0; i < n; i++) {
		is_there[i] = look(h, names[i]);
		if (is_there[i] < 0)
			wanted[m++] = names[i];
	}
	if (!m)
		return 0;
	if (load(h, wanted, m, came, e))
		return e->code;
	for (int i = 0, k = 0; i < n; i++)
		if (is_there[i] < 0)
			is_there[i] = came[k++];
	return 0;
}

int hub_has(hub *h, const char *name, int *is_there, error *e)
{
	char *path;

	if (!hub_is_local(h))
		return get(h, &name, 1, is_there, e);
	path = path_join(h->arena, h->folder, name);
	*is_there = path && path_is_file(path);
	return path ? 0 : error_memory(e);
}

int hub_fetch(hub *h, const char *const *names, int n, error *e)
{
	int *is_there = arena_array(h->arena, (size_t)n + 1, sizeof *is_there);

	if (hub_is_local(h)) /* who opens them says which one is missing */
		return 0;
	if (!is_there)
		return error_memory(e);
	if (get(h, names, n, is_there, e))
		return e->code;
	for (int i = 0; i < n; i++) {
		if (is_there[i])
			continue;
		if (h->options.offline)
			return error_set(
				e, E_MODEL,
				"%s: there is no such folder, and the hub's cache %s does not "
				"hold %s of its revision %s; offline (--offline, "
				"HF_HUB_OFFLINE) nothing is downloaded",
				h->id, h->cache.root, names[i], h->revision);
		return error_set(e, E_MODEL, "%s: the revision %s has no %s", h->id, h->revision,
				 names[i]);
	}
	return 0;
}
