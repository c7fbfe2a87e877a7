/* fold.h: batch norms that go into the convolutions before them. */
#ifndef ONNX_FOLD_H
#define ONNX_FOLD_H

#include "ir/ir.h"

typedef struct onnx_fold {
	const param *filters, *conv_bias;             /* of the convolution; the bias may be NULL */
	const param *weight, *bias, *mean, *variance; /* of the norm */
	double epsilon;
} onnx_fold;

/* Whether this norm's operand is a convolution that nobody else takes and that it can go into. */
int fold_of(const value *norm, onnx_fold *f);
/* Elements of the filters (p: theirs), or of the bias (p: the norm's), with the norm in them. */
int fold_read(const onnx_fold *f, const param *p, int64_t first, int64_t count, float *out,
	      error *e) MUST_USE;

#endif
