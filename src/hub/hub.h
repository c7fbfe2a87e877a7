/* hub.h: from what the user calls a model to the folder that holds it. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "base/arena.h"

/*
 * The folder of a model: `model` itself where it is one, else the snapshot that the local cache of
 * the Hugging Face hub has for the id ("org/name", "org/name@revision"). `cache`: NULL for the
 * environment's (HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, the home folder). Nothing is downloaded.
 */
char *hub_resolve(arena *a, const char *model, const char *cache, error *e);

#endif
