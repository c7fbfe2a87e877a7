/*
 * cache.h: the hub's cache on the disk, in the layout that huggingface_hub has, and shared with it:
 *
 *     CACHE/models--ORG--NAME/refs/REVISION                  the commit's name
 *     CACHE/models--ORG--NAME/snapshots/COMMIT/FILE      ->  ../../blobs/ETAG
 *     CACHE/models--ORG--NAME/.no_exist/COMMIT/FILE          known not to be there
 *     CACHE/.locks/models--ORG--NAME/ETAG.lock               held (flock) while a blob is written
 */
#ifndef HUB_CACHE_H
#define HUB_CACHE_H

#include "base/arena.h"
#include "base/error.h"

typedef struct cache {
	arena *arena;
	const char *root;   /* CACHE */
	const char *folder; /* CACHE/models--ORG--NAME */
} cache;

/* HF_HOME, or where it is by default. */
const char *cache_home(arena *a);
/* `root` NULL: as the environment says (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, HOME). */
int cache_open(cache *c, arena *a, const char *root, const char *id, error *e) MUST_USE;

/* The commit that a revision stood for when it was asked for last, or NULL. */
const char *cache_commit(const cache *c, const char *revision);
int cache_put_commit(const cache *c, const char *revision, const char *commit, error *e) MUST_USE;

/* Paths; NULL when out of memory. */
char *cache_snapshot(const cache *c, const char *commit);
char *cache_file(const cache *c, const char *commit, const char *name);
char *cache_blob(const cache *c, const char *etag);
/* Where a blob is written before it is whole. */
char *cache_part(const cache *c, const char *etag);

int cache_is_absent(const cache *c, const char *commit, const char *name);
int cache_put_absent(const cache *c, const char *commit, const char *name, error *e) MUST_USE;

/* Makes the snapshot's file point to a blob. */
int cache_point(const cache *c, const char *commit, const char *name, const char *etag,
		error *e) MUST_USE;

/* Takes the lock of a blob: a descriptor to close, or -1 where somebody else holds it. */
int cache_lock(const cache *c, const char *etag, error *e);

#endif
