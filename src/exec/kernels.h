/* kernels.h: one kernel per operation; operands and result have their types and shapes already. */
#ifndef EXEC_KERNELS_H
#define EXEC_KERNELS_H

#include "exec/exec.h"

typedef struct executor {
	const graph *g;
	const array *input; /* the caller's */
	error *e;
	int threads;
} executor;

/* What a dimension is in this run. */
int64_t run_length(executor *x, const dim *d);

#define OP(name, least, most)                                                                      \
	int exec_##name(executor *x, const value *v, const array *const *in, array *out);
#include "ir/ops.def"
#undef OP

/*
 * c [m, n] = a [m, k] · b [n, k]ᵀ + bias [n] (or NULL). Sums are kept in double precision between
 * blocks; BLAS takes over where a library was found.
 */
typedef struct product {
	int64_t m, n, k;
	const float *a, *b, *bias;
	float *c;
	int64_t lda, ldb, ldc;
} product;

void multiply(const product *p, int threads);
/* 0: only the own kernel (ONNXPORT_BLAS=off says the same). */
void multiply_use_blas(int yes);

#endif
