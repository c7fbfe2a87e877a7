/*
 * eval.h: one kernel per ONNX operator that onnxport writes (eval_math.c, eval_move.c,
 * eval_image.c), and what they have in common (eval_call.c).
 */
#ifndef CHECK_EVAL_H
#define CHECK_EVAL_H

#include "check/onnx_file.h"
#include "exec/exec.h"

enum { MOST_NODE_OPERANDS = MOST_OPERANDS_READ };

typedef struct eval_call {
	const onnx_step *step;               /* settings */
	const array *in[MOST_NODE_OPERANDS]; /* NULL where left out */
	int inputs;
	array *out;    /* made by the kernel */
	int64_t *left; /* elements that the run may still make */
	int threads;
	error *e;
} eval_call;

typedef int eval_kernel(eval_call *c);

#define OP(name) int eval_##name(eval_call *c);
#include "check/eval_ops.def"
#undef OP

/* ---- For the kernels ---- */

const onnx_setting *eval_setting(const eval_call *c, const char *name); /* NULL: not set */
int64_t eval_int(const eval_call *c, const char *name, int64_t otherwise);
double eval_float(const eval_call *c, const char *name, double otherwise);
/* Records the error, with the node's name; gives its code. */
int eval_bad(eval_call *c, const char *what);
/* Makes the result; an error where there is no room or a length is below 0. */
int eval_make(eval_call *c, dtype type, int rank, const int64_t *shape);
/* The i-th operand; NULL and an error where it is missing or of another type (BAD: any). */
const array *eval_operand(eval_call *c, int i, dtype type);
/* An element of any type, and a number as one. */
double eval_number(const array *a, int64_t i);
void eval_put(array *a, int64_t i, double x);
/* The numbers of an int64 operand of one axis or none; how many, or -1 and an error. */
int eval_list(eval_call *c, int i, int64_t *out, int most);
/* The axis, counted from the start. */
int eval_axis(eval_call *c, int64_t axis, int rank, int *to);
/* The shape that the first n operands broadcast to. */
int eval_broadcast(eval_call *c, int n, int64_t *shape, int *rank);

/* Elements before, along and after an axis. */
typedef struct extent {
	int64_t before, n, after;
} extent;
extent eval_along(const array *a, int axis);

/* Where up to three operands' elements lie for a running index of the result. */
typedef struct cursor {
	int rank, n;
	int64_t shape[OXP_MAX_RANK], index[OXP_MAX_RANK];
	int64_t step[3][OXP_MAX_RANK], at[3];
} cursor;
cursor cursor_start(const array *out, const array *const *in, int n);
void cursor_advance(cursor *w);

#endif
