/* layers.h: where along the depth an ONNX run and the reference part. */
#ifndef CHECK_LAYERS_H
#define CHECK_LAYERS_H

#include "check/check.h"

/* A layer's result, over all input sets. */
typedef struct layer {
	const value *value;
	const char *tensor; /* its name in the ONNX file */
	double absolute;    /* the largest difference */
	double largest;     /* the reference's largest magnitude */
	int compared;       /* both runs gave it, with as many elements */
} layer;

/* Runs both on all input sets; `s` gives the layers' tensors among its outputs. */
int layers_compare(const graph *g, session *s, layer *l, int n, error *e) MUST_USE;

#endif
