/* check.h: is the exported file right? Inputs that ask enough of it, ONNX Runtime, and the
 * comparison. */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include "check/session.h"
#include "exec/exec.h"

/* ---- Inputs ---- */

enum { INPUT_SETS = 4 };

/* How many sets a graph is checked with, up to INPUT_SETS. */
int inputs_sets(const graph *g);

/*
 * The i-th input set, seeded: several batches and lengths, one token alone, padding on the right,
 * on the left and mixed, ids over the whole vocabulary, pasts of several lengths and of none,
 * images of the usual size and of others. One array per graph input.
 */
int inputs_make(const graph *g, int i, array *in, error *e) MUST_USE;
void arrays_free(array *a, int n);

/* ---- Comparing ---- */

typedef struct difference {
	int64_t worst;  /* index of the element that is furthest outside the tolerance, or -1 */
	double most;    /* largest absolute difference */
	double largest; /* the reference's largest magnitude */
} difference;

/* numpy.allclose(reference, found, rtol, atol): |reference - found| <= atol + rtol |found|. */
difference compare(const array *reference, const array *found, double rtol, double atol);
/* The larger number; what is not a number counts as the largest. */
double larger(double a, double b);

/* ---- Running ONNX files ---- */

typedef struct ort ort;

/*
 * ONNX Runtime: `path`, else ONNXPORT_ORT, the system's library, a Python environment's. NULL with
 * an empty error and `looked` filled where none was found; an error where the one asked for fails.
 */
ort *ort_open(const char *path, text *looked, error *e);
void ort_close(ort *o);
const char *ort_version(const ort *o);

session *ort_load(ort *o, const char *path, error *e);

/* ---- Validation ---- */

typedef struct validation_sink {
	void (*log)(void *context, const char *line);
	int (*progress)(void *context, uint64_t done, uint64_t total);
	void *context;
} validation_sink;

/* What one output differed by, over all input sets. */
typedef struct output_difference {
	double most, largest; /* as a difference has them */
	int differs;          /* some element is outside the tolerance, or the shape is another */
} output_difference;

typedef struct validation {
	int sets;
	output_difference *output; /* per output of the graph, from the caller */
} validation;

/*
 * The file, opened by whichever runtime, against the graph; logged in the words of
 * transformers.onnx.
 */
int validate(const graph *g, session *s, double atol, const validation_sink *sink,
	     validation *result, error *e) MUST_USE;

#endif
