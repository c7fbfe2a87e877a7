/* tensor.h: a view of one tensor in a file. Nothing is read until somebody asks for elements. */
#ifndef WEIGHTS_TENSOR_H
#define WEIGHTS_TENSOR_H

#include "base/file.h"
#include "weights/dtype.h"

typedef struct tensor {
	const char *name;
	dtype type;
	int rank;
	int64_t shape[OXP_MAX_RANK];
	const file *file;
	uint64_t offset, size;        /* bytes */
	int strided;                  /* the elements do not lie row-major, but as `stride` says */
	int64_t stride[OXP_MAX_RANK]; /* in elements */
	int has_loose_ones; /* axes of size 1 may be there or not, as TensorFlow's biases have them
			     */
	int used;
} tensor;

/* Product of the shape; -1 where it does not fit. */
int64_t shape_count(const int64_t *shape, int rank);
/* "768x3072"; a scalar is "scalar". */
const char *shape_text(char *buffer, size_t room, const int64_t *shape, int rank);

/* Whether a tensor has this shape. One with loose ones gets it where only axes of size 1 differ. */
int tensor_fit(tensor *t, const int64_t *shape, int rank);

/* Elements first … first + count - 1 as float32, whatever the stored type. */
void tensor_read(const tensor *t, int64_t first, int64_t count, float *out);

/*
 * Seeded values for a parameter that no file holds: the same in C and in tests/tools/golden.py.
 * Matrices are uniform with variance 1 / fan-in, norm weights and variances lie around one, the
 * rest around zero.
 */
void fill_values(const char *name, const int64_t *shape, int rank, int64_t first, int64_t count,
		 float *out);

#endif
