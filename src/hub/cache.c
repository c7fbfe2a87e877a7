#include "hub/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"

const char *cache_home(arena *a)
{
	const char *s = getenv("HF_HOME");

	if (s && *s)
		return s;
	if ((s = getenv("XDG_CACHE_HOME")) && *s)
		return arena_printf(a, "%s/huggingface", s);
	s = getenv("HOME");
	return arena_printf(a, "%s/.cache/huggingface", s ? s : "");
}

int cache_open(cache *c, arena *a, const char *root, const char *id, error *e)
{
	const char *s = getenv("HF_HUB_CACHE"), *home = cache_home(a);
	text folder = { 0 };

	if (!root)
		root = s && *s ? s : home ? arena_printf(a, "%s/hub", home) : NULL;
	text_add(&folder, "%s/models--", root ? root : "");
	for (const char *p = id; *p; p++)
		text_bytes(&folder, *p == '/' ? "--" : p, *p == '/' ? 2 : 1);
	*c = (cache){ .arena = a, .root = root };
	c->folder = folder.s && !folder.failed ? arena_strdup(a, folder.s) : NULL;
	text_free(&folder);
	return root && c->folder ? 0 : error_memory(e);
}

/* ---- Paths ---- */

char *cache_snapshot(const cache *c, const char *commit)
{
	return arena_printf(c->arena, "%s/snapshots/%s", c->folder, commit);
}

char *cache_file(const cache *c, const char *commit, const char *name)
{
	return arena_printf(c->arena, "%s/snapshots/%s/%s", c->folder, commit, name);
}

char *cache_blob(const cache *c, const char *etag)
{
	return arena_printf(c->arena, "%s/blobs/%s", c->folder, etag);
}

char *cache_part(const cache *c, const char *etag)
{
	return arena_printf(c->arena, "%s/blobs/%s.onnxport.incomplete", c->folder, etag);
}

/* ---- Small files ---- */

const char *cache_commit(const cache *c, const char *revision)
{
	char *path = arena_printf(c->arena, "%s/refs/%s", c->folder, revision);
	char *commit = NULL;
	error ignored = { 0 };
	file *f;

	if (!path || !path_is_file(path) || !(f = file_map(c->arena, path, &ignored)))
		return NULL;
	if (f->size && f->size < 100) {
		size_t n = 0;

		while (n < f->size && f->data[n] > ' ' && f->data[n] != '/' && f->data[n] != '.')
			n++;
		commit = n ? arena_strndup(c->arena, (const char *)f->data, n) : NULL;
	}
	file_unmap(f);
	return commit;
}

static int make_folder_of(const cache *c, const char *path, error *e)
{
	char *folder = path_folder(c->arena, path);

	return folder ? path_make_folder(folder, e) : error_memory(e);
}

static int put_file(const cache *c, const char *path, const char *content, error *e)
{
	outfile o;

	if (!path)
		return error_memory(e);
	if (make_folder_of(c, path, e) || output_open(&o, path, e))
		return e->code;
	if (output_write(&o, content, strlen(content), e) || output_close(&o, e) ||
	    output_publish(&o, e))
		output_discard(&o);
	return e->code;
}

int cache_put_commit(const cache *c, const char *revision, const char *commit, error *e)
{
	const char *known = cache_commit(c, revision);

	if (strcmp(revision, commit) == 0 || (known && strcmp(known, commit) == 0))
		return 0;
	return put_file(c, arena_printf(c->arena, "%s/refs/%s", c->folder, revision), commit, e);
}

static char *absent_path(const cache *c, const char *commit, const char *name)
{
	return arena_printf(c->arena, "%s/.no_exist/%s/%s", c->folder, commit, name);
}

int cache_is_absent(const cache *c, const char *commit, const char *name)
{
	const char *path = absent_path(c, commit, name);

	return path && path_is_file(path);
}

int cache_put_absent(const cache *c, const char *commit, const char *name, error *e)
{
	return put_file(c, absent_path(c, commit, name), "", e);
}

/* ---- Blobs ---- */

int cache_point(const cache *c, const char *commit, const char *name, const char *etag, error *e)
{
	char *path = cache_file(c, commit, name), *blob = cache_blob(c, etag);
	char *to = arena_printf(c->arena, "../../blobs/%s", etag);

	if (!path || !blob || !to)
		return error_memory(e);
	if (make_folder_of(c, path, e))
		return e->code;
	for (int again = 0; again < 2; again++) {
		if (symlink(to, path) == 0)
			return 0;
		if (errno != EEXIST)
			break;
		if (path_is_file(path)) /* somebody was faster */
			return 0;
		unlink(path); /* it points to nothing */
	}
	if (link(blob, path) == 0 || errno == EEXIST) /* a file system without symbolic links */
		return 0;
	return error_set(e, E_IO, "%s: cannot be made: %s", path, strerror(errno));
}

int cache_lock(const cache *c, const char *etag, error *e)
{
	char *path =
		arena_printf(c->arena, "%s/.locks/%s/%s.lock", c->root, path_base(c->folder), etag);
	struct stat open_one, named;
	int fd, rc;

	if (!path) {
		error_memory(e);
		return -1;
	}
	if (make_folder_of(c, path, e))
		return -1;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0664);
	if (fd < 0) {
		error_set(e, E_IO, "%s: cannot be made: %s", path, strerror(errno));
		return -1;
	}
	/* where a file system knows no locks, the check of the bytes has to do */
	rc = flock(fd, LOCK_EX | LOCK_NB);
	if (rc != 0 && errno != EWOULDBLOCK)
		return fd;
	/* a lock file that its last holder removed locks nothing */
	if (rc == 0 && fstat(fd, &open_one) == 0 && stat(path, &named) == 0 &&
	    open_one.st_ino == named.st_ino)
		return fd;
	close(fd);
	return -1;
}
