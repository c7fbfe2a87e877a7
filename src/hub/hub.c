#include "hub/hub.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"

static const char *cache_folder(arena *a, const char *asked)
{
	const char *s;

	if (asked)
		return asked;
	if ((s = getenv("HF_HUB_CACHE")) && *s)
		return s;
	if ((s = getenv("HF_HOME")) && *s)
		return arena_printf(a, "%s/hub", s);
	if ((s = getenv("XDG_CACHE_HOME")) && *s)
		return arena_printf(a, "%s/huggingface/hub", s);
	s = getenv("HOME");
	return arena_printf(a, "%s/.cache/huggingface/hub", s ? s : "");
}

/* "name" or "org/name": letters, digits, '-', '_', '.', not starting with a dot. */
static int is_hub_id(const char *s)
{
	int slashes = 0;

	for (const char *p = s; *p; p++) {
		int start = p == s || p[-1] == '/';

		if (*p == '/')
			slashes += start ? 2 : 1;
		else if (!strchr("-_.", *p) && !((*p | 32) >= 'a' && (*p | 32) <= 'z') &&
			 !(*p >= '0' && *p <= '9'))
			return 0;
		else if (*p == '.' && start)
			return 0;
	}
	return *s && slashes < 2 && s[strlen(s) - 1] != '/';
}

/* The commit that a branch or tag stands for: the text of refs/<revision>, else the word itself. */
static const char *commit_of(arena *a, const char *repository, const char *revision)
{
	char *path = arena_printf(a, "%s/refs/%s", repository, revision);
	const char *commit = revision;
	error ignored = { 0 };
	file *f;

	if (!path || !path_is_file(path) || !(f = file_map(a, path, &ignored)))
		return commit;
	if (f->size && f->size < 100) {
		size_t n = 0;

		while (n < f->size && f->data[n] > ' ' && f->data[n] != '/')
			n++;
		commit = arena_strndup(a, (const char *)f->data, n);
	}
	file_unmap(f);
	return commit;
}

char *hub_resolve(arena *a, const char *model, const char *cache, error *e)
{
	const char *mark = strrchr(model, '@'), *revision = mark ? mark + 1 : "main", *commit, *in;
	char *id, *folder;
	text path = { 0 };

	if (path_is_folder(model)) {
		folder = arena_strdup(a, model);
		if (!folder)
			error_memory(e);
		return folder;
	}
	in = cache_folder(a, cache);
	id = arena_strndup(a, model, mark ? (size_t)(mark - model) : strlen(model));
	if (!id || !in) {
		error_memory(e);
		return NULL;
	}
	if (path_is_file(model)) {
		error_set(
			e, E_ARGUMENT,
			"%s: is a file; expected the folder that holds config.json and the weights",
			model);
		return NULL;
	}
	if (!is_hub_id(id) || !is_hub_id(revision)) {
		error_set(e, E_ARGUMENT,
			  "%s: there is no such folder, and it is no hub id (org/name)", model);
		return NULL;
	}
	text_add(&path, "%s/models--", in);
	for (const char *p = id; *p; p++)
		text_bytes(&path, *p == '/' ? "--" : p, *p == '/' ? 2 : 1);
	folder = path.s && !path.failed ? arena_strdup(a, path.s) : NULL;
	text_free(&path);
	commit = folder ? commit_of(a, folder, revision) : NULL;
	folder = commit ? arena_printf(a, "%s/snapshots/%s", folder, commit) : NULL;
	if (!folder) {
		error_memory(e);
		return NULL;
	}
	if (!path_is_folder(folder)) {
		error_set(e, E_MODEL,
			  "%s: there is no such folder, and the hub's cache %s does not hold "
			  "revision %s of "
			  "it; this version does not download: fetch it first (huggingface-cli "
			  "download "
			  "%s), or name a folder",
			  model, in, revision, id);
		return NULL;
	}
	return folder;
}
