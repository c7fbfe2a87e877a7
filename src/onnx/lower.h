/*
 * lower.h: what the per-op lowerings (lower_ops.c) work with.
 *
 * A value may be had in two forms: full, in its own shape, and flat, with all axes but the last
 * merged. Linear layers give and take the flat form, so the hidden state stays two-dimensional
 * between them; the other form is made when somebody asks for it.
 */
#ifndef ONNX_LOWER_H
#define ONNX_LOWER_H

#include "onnx/model.h"

typedef struct value_forms {
	const char *full, *flat;
} value_forms;

typedef struct lowering {
	graph *g;
	onnx_model *m;
	error *e;
	const onnx_options *options;
	int opset;
	value_forms *form; /* by value id */
	onnx_nodes *sink;  /* where nodes go: the graph or a function's body */
	int in_function;
	const value *now; /* names the nodes */
	map emitted;      /* text of a node → its output: the same node is not written twice */
	map names;        /* node names taken → count */
	map initializers;
} lowering;

typedef onnx_attribute attribute;

#define ATTR_I(n, x) ((attribute){ .name = (n), .kind = ATTRIBUTE_INT, .i = (x) })
#define ATTR_F(n, x) ((attribute){ .name = (n), .kind = ATTRIBUTE_FLOAT, .f = (x) })
#define ATTR_S(n, x) ((attribute){ .name = (n), .kind = ATTRIBUTE_STRING, .s = (x) })

typedef struct emission {
	const char *op, *domain;
	const char *in[MOST_NODE_INPUTS]; /* ends with NULL; "" is an absent one in the middle */
	attribute attribute[MOST_NODE_ATTRIBUTES];
} emission;

/* A node; returns the name of its output ("" after an error). */
const char *emit(lowering *l, const emission *e);
#define EMIT(l, ...) emit(l, &(emission){ __VA_ARGS__ })

const char *full(lowering *l, const value *v);
const char *flat(lowering *l, const value *v);
int has_flat(const lowering *l, const value *v);
int has_full(const lowering *l, const value *v);
void set_full(lowering *l, const value *v, const char *name);
void set_flat(lowering *l, const value *v, const char *name);

/* Constants: an initializer in the graph, a Constant node in a function. */
const char *const_float(lowering *l, double x);
const char *const_ints(lowering *l, int rank, const int64_t *x, int n); /* rank 0: a scalar */
const char *const_int(lowering *l, int64_t x);                          /* scalar */
/* A float32 tensor of no elements. */
const char *const_no_floats(lowering *l);
/* A parameter as an initializer, its axes swapped on request. */
const char *parameter(lowering *l, const value *p, int transposed);
/* A parameter of a convolution with the batch norm behind it folded in. */
const char *folded_parameter(lowering *l, const param *p, const onnx_fold *f);
/* The run-time length of a dimension: int64, [1] or a scalar. */
const char *run_time_dim(lowering *l, const dim *d, int scalar);
/* A shape at run time as an int64 tensor [rank]. */
const char *run_time_shape(lowering *l, const dim *const *to, int rank);
/* A small tensor as an initializer; equal ones are one. */
const char *const_tensor(lowering *l, const value *v);
const char *reshape_to(lowering *l, const char *x, const dim *const *from, int from_rank,
		       const dim *const *to, int rank);
const char *emit_unsqueeze(lowering *l, const char *x, int axis);

/*
 * Operators that this opset lacks become functions of the model where its IR has them (8, from
 * opset 15), else stand in the graph written out. `body` writes them out either way.
 */
typedef struct written_out {
	const char *name;
	int inputs;
	const char *in[4];
	const char *attribute; /* the name of `number`, or NULL */
	double number;
	/* In a function's body `number` is to be had from const_attribute. */
	const char *(*body)(lowering *l, const struct written_out *f);
} written_out;

const char *emit_function(lowering *l, const written_out *f);
const char *const_attribute(lowering *l, const written_out *f);

/* The tables that ops.def fills. */
#define OP(name, least, most) void lower_##name(lowering *l, const value *v);
#include "ir/ops.def"
#undef OP

#endif
