/* hub.h: from what the user calls a model to a folder with the files that are asked for. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* What happens on the way. Any of the functions may be NULL. */
typedef struct hub_events {
	void *context;
	/* bytes of the files at hand; a result other than 0 stops the download */
	int (*progress)(void *context, uint64_t done, uint64_t total);
	void (*note)(void *context, const char *line); /* for who wants to see everything */
	void (*warn)(void *context, const char *line);
} hub_events;

typedef struct hub_options {
	const char *cache;    /* NULL: as the environment says */
	const char *revision; /* a branch, tag or commit; NULL: what the id says, or main */
	const char *agent;    /* what calls: "onnxport/1.0" */
	int offline;          /* only the cache; HF_HUB_OFFLINE asks for it, too */
	hub_events events;
} hub_options;

typedef struct hub hub;

/*
 * `model`: a folder, which wins, or an id in the hub ("org/name", "org/name@revision"). Nothing is
 * loaded yet. The result lives in the arena.
 */
hub *hub_open(arena *a, const char *model, const hub_options *o, error *e);

/* Whether the model has a file; if so, it is in the folder afterwards. */
int hub_has(hub *h, const char *name, int *is_there, error *e) MUST_USE;
/* Brings files into the folder, several at a time. */
int hub_fetch(hub *h, const char *const *names, int n, error *e) MUST_USE;

/* The model's folder: for an id the snapshot in the cache, once a file was asked for. */
const char *hub_folder(const hub *h);
int hub_is_local(const hub *h);
/* "org/name" and its commit; NULL for folders. */
const char *hub_id(const hub *h);
const char *hub_commit(const hub *h);
int hub_is_offline(const hub *h);

#endif
