/* checkpoint.h: a folder's weights as an index from names to views, whatever the file format. */
#ifndef WEIGHTS_CHECKPOINT_H
#define WEIGHTS_CHECKPOINT_H

#include "base/map.h"
#include "weights/tensor.h"

typedef struct checkpoint {
	arena arena;
	const char *folder;
	tensor **tensor; /* in the order of the files */
	size_t count, room;
	map by_name;
	file **file;
	size_t files;
	int is_tensorflow; /* the names were TensorFlow's */
} checkpoint;

/*
 * The names under which a folder may hold its weights, the i-th best one, or NULL after the last:
 * model.safetensors, pytorch_model.bin, tf_model.h5, each followed by the index of its sharded
 * form. `framework`: NULL for all of them, "pt" for the first two, "tf" for tf_model.h5 first and
 * safetensors, which both frameworks read.
 */
const char *checkpoint_file(const char *framework, int i);

/* Opens the best of these that is there. */
checkpoint *checkpoint_open(const char *folder, const char *framework, error *e);
/* An index without files: fuzz targets and tests add to it. */
checkpoint *checkpoint_new(const char *folder, error *e);
void checkpoint_close(checkpoint *c);

/* What the readers call. A name that is there already is an error. */
int checkpoint_add(checkpoint *c, const tensor *t, error *e) MUST_USE;
file *checkpoint_map(checkpoint *c, const char *path, error *e);
/* A temporary file of `size` bytes, for what cannot be read where it lies. */
file *checkpoint_scratch(checkpoint *c, const char *from, uint64_t size, error *e);

/*
 * The tensor a parameter path means: as it is, without the model's prefix ("bert."), and with the
 * norms' old names (gamma, beta). NULL when there is none.
 */
tensor *checkpoint_find(checkpoint *c, const char *path, const char *prefix);

/* Readers of one file each; they add what it holds. */
int safetensors_read(checkpoint *c, file *f, error *e) MUST_USE;
int torch_read(checkpoint *c, file *f, error *e) MUST_USE;
/* A sharded checkpoint's index: every file it names, each tensor where the index says. */
int shards_read(checkpoint *c, const char *path, error *e) MUST_USE;
/* The names of the files that the index at `path` lists, each once. */
int shards_list(arena *a, const char *path, const char ***name, int *n, error *e) MUST_USE;
/* The files an index names, checked, without opening them (what the fuzz target calls). */
struct json_t *shards_parse(const char *path, const void *data, size_t size, error *e);

#endif
