/* eval.h: one kernel per ONNX operator that onnxport writes. */
#ifndef CHECK_EVAL_H
#define CHECK_EVAL_H

#include "check/onnx_file.h"
#include "exec/exec.h"

enum { MOST_NODE_OPERANDS = MOST_OPERANDS_READ };

typedef struct eval_call {
	const onnx_step *step; /* settings */
	const array *in[MOST_NODE_OPERANDS]; /* NULL where left out */
	int inputs;
	array *out; /* made by the kernel */
	int threads;
	error *e;
} eval_call;

typedef int eval_kernel(eval_call *c);

/* NULL for an operator that onnxport never writes. */
eval_kernel *eval_find(const char *op);

/* For the kernels. */
const onnx_setting *eval_setting(const eval_call *c, const char *name); /* NULL: not set */
int64_t eval_int(const eval_call *c, const char *name, int64_t otherwise);
double eval_float(const eval_call *c, const char *name, double otherwise);
int eval_bad(eval_call *c, const char *what);
/* Makes the result; an error where there is no room or a length is below 0. */
int eval_make(eval_call *c, dtype type, int rank, const int64_t *shape);
int eval_conv(eval_call *c);
int eval_max_pool(eval_call *c);
int eval_batch_norm(eval_call *c);
int eval_resize(eval_call *c);

#endif
