/* pickle.h: the part of Python's pickle that a PyTorch state dict needs. Data only: nothing is ever
 * called. */
#ifndef WEIGHTS_PICKLE_H
#define WEIGHTS_PICKLE_H

#include "base/arena.h"
#include "weights/dtype.h"

enum pickle_kind {
	PICKLE_NONE,
	PICKLE_BOOL,
	PICKLE_INT,
	PICKLE_FLOAT,
	PICKLE_STRING,
	PICKLE_TUPLE, /* also list */
	PICKLE_DICT,  /* items: key, value, key, value, … */
	PICKLE_GLOBAL,
	PICKLE_STORAGE,
	PICKLE_TENSOR,
};

typedef struct pickle {
	enum pickle_kind kind;
	int64_t number;   /* bool, int; tensor: offset into the storage, in elements */
	const char *text; /* string; global: "module.name"; storage: its key */
	struct pickle **item;
	size_t count;
	dtype type;                    /* storage */
	struct pickle *storage;        /* tensor */
	struct pickle *shape, *stride; /* tensor: tuples of ints */
} pickle;

/*
 * Interprets the bytes up to the end of the first pickle in them; everything lives in the arena.
 * `name` stands in messages. Refuses, by its name, every global but those a state dict is made of.
 * `used` (or NULL) becomes the pickle's length; `named` (or NULL) a tuple of the storages that
 * it names, each as often as it does.
 */
pickle *pickle_read(arena *a, const char *name, const uint8_t *data, size_t size, size_t *used,
		    pickle **named, error *e);

#endif
