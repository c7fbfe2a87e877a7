/* hdf5.h: the datasets of an HDF5 file, as Keras writes them. */
#ifndef WEIGHTS_HDF5_H
#define WEIGHTS_HDF5_H

#include "weights/tensor.h"

enum { HDF5_MOST_FILTERS = 4 };

/* How a dataset's bytes lie in the file. */
typedef struct hdf5_layout {
	uint64_t address, size; /* contiguous: of the bytes; chunked: of the B-tree, and 0 */
	uint64_t base;          /* what the file's addresses count from */
	int chunked;
	int rank;                     /* of the chunks */
	uint64_t chunk[OXP_MAX_RANK]; /* the elements of one chunk, by axis */
	int filter[HDF5_MOST_FILTERS];
	int filters;
} hdf5_layout;

/* Called for every dataset, with its path from the root ("bert/…/kernel:0"); the shape and type of
 * `t` are set, and its place where the data is contiguous. */
typedef int hdf5_found(void *context, const char *path, const tensor *t, const hdf5_layout *how,
		       error *e);

/* Walks the groups of a file. */
int hdf5_walk(const file *f, hdf5_found *found, void *context, error *e) MUST_USE;

/* Writes the elements of a chunked dataset, row-major, to an open file; one chunk in memory. */
int hdf5_unpack(const file *f, const char *path, const tensor *t, const hdf5_layout *how, int fd,
		error *e) MUST_USE;

#endif
