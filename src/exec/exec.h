/*
 * exec.h: the reference executor. It runs the graph itself, with kernels of its own and no regard
 * for how the graph is lowered: that independence is what makes a comparison with the exported file
 * worth anything.
 */
#ifndef EXEC_EXEC_H
#define EXEC_EXEC_H

#include "ir/ir.h"

/* A dense tensor: float32, int64 or bool (one byte), row-major. */
typedef struct array {
	dtype type;
	int rank;
	int64_t shape[OXP_MAX_RANK];
	void *data;
	int owned; /* data is this array's own, from malloc */
} array;

int64_t array_count(const array *a);
/* Sets type and shape and allocates; -1 when out of memory. */
int array_make(array *a, dtype type, int rank, const int64_t *shape);
void array_free(array *a);

/*
 * Runs the graph. `in`: one array per graph input, in its order; their shapes give the axes. `out`:
 * one per graph output, which the caller frees. Fails where shapes contradict each other or an
 * index leaves its table.
 */
int exec_run(const graph *g, const array *in, array *out, error *e) MUST_USE;

/* Told of every value when it has been computed. */
typedef struct exec_watch {
	void (*seen)(void *context, const value *v, const array *a);
	void *context;
} exec_watch;
int exec_watched(const graph *g, const array *in, array *out, const exec_watch *watch,
		 error *e) MUST_USE;

#endif
