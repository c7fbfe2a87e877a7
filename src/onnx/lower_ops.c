/* What every operation becomes at every opset: the operator itself where the opset has it, else
 * others that give the same. */
#include "onnx/lower.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- Element by element: in whichever form the operands have ---- */

/* The form that there is; the full one where both are. */
static const char *either(lowering *l, const value *x)
{
	return !has_full(l, x) && has_flat(l, x) ? flat(l, x) : full(l, x);
}

/* A result in the form that `either` took its operand in. */
static void set_like(lowering *l, const value *v, const value *x, const char *name)
{
	if (!has_full(l, x) && has_flat(l, x))
		set_flat(l, v, name);
	else
		set_full(l, v, name);
}

static void unary(lowering *l, const value *v, const char *op, attribute a)
{
	const char *x = either(l, v->in[0]);

	set_like(l, v, v->in[0], EMIT(l, .op = op, .in = { x }, .attribute = { a }));
}

/* Whether a value may stand beside a flat one: it is the same shape, or at most a last axis. */
static int goes_with_flat(const value *v, const value *x)
{
	return x->rank < 2 || (x->rank == v->rank &&
			       memcmp(x->dim, v->dim, (size_t)v->rank * sizeof v->dim[0]) == 0);
}

static const char *as_flat(lowering *l, const value *x)
{
	return x->rank < 2 ? full(l, x) : flat(l, x);
}

static void binary(lowering *l, const value *v, const char *op)
{
	const value *a = v->in[0], *b = v->in[1];
	int flat_wins = (a->rank > 2 && has_flat(l, a)) || (b->rank > 2 && has_flat(l, b));

	if (flat_wins && v->rank > 2 && goes_with_flat(v, a) && goes_with_flat(v, b))
		set_flat(l, v, EMIT(l, .op = op, .in = { as_flat(l, a), as_flat(l, b) }));
	else
		set_full(l, v, EMIT(l, .op = op, .in = { full(l, a), full(l, b) }));
}

#define UNARY(name, op)                                                                            \
	void lower_##name(lowering *l, const value *v)                                             \
	{                                                                                          \
		unary(l, v, op, (attribute){ 0 });                                                 \
	}
#define BINARY(name, op)                                                                           \
	void lower_##name(lowering *l, const value *v)                                             \
	{                                                                                          \
		binary(l, v, op);                                                                  \
	}

UNARY(not, "Not")
UNARY(relu, "Relu")
UNARY(sigmoid, "Sigmoid")
UNARY(tanh, "Tanh")
UNARY(erf, "Erf")
UNARY(sqrt, "Sqrt")
UNARY(exp, "Exp")
UNARY(sin, "Sin")
UNARY(cos, "Cos")
UNARY(softplus, "Softplus")
BINARY(add, "Add")
BINARY(sub, "Sub")
BINARY(mul, "Mul")
BINARY(div, "Div")
BINARY(equal, "Equal")
BINARY(and, "And")
BINARY(prelu, "PRelu")

void lower_less_equal(lowering *l, const value *v)
{
	const char *a = full(l, v->in[0]), *b = full(l, v->in[1]);

	if (l->opset >= 12)
		set_full(l, v, EMIT(l, .op = "LessOrEqual", .in = { a, b }));
	else
		set_full(l, v,
			 EMIT(l, .op = "Not", .in = { EMIT(l, .op = "Greater", .in = { a, b }) }));
}

void lower_where(lowering *l, const value *v)
{
	set_full(l, v,
		 EMIT(l, .op = "Where",
		      .in = { full(l, v->in[0]), full(l, v->in[1]), full(l, v->in[2]) }));
}

void lower_cast(lowering *l, const value *v)
{
	unary(l, v, "Cast", ATTR_I("to", v->type));
}

void lower_leaky_relu(lowering *l, const value *v)
{
	unary(l, v, "LeakyRelu", ATTR_F("alpha", v->number));
}

void lower_clip(lowering *l, const value *v)
{
	const char *x = either(l, v->in[0]);

	set_like(l, v, v->in[0],
		 EMIT(l, .op = "Clip",
		      .in = { x, const_float(l, v->low), const_float(l, v->high) }));
}

/* ---- GELU: its own operator from opset 20 ---- */

static const char *gelu_body(lowering *l, const written_out *w)
{
	const char *x = EMIT(l, .op = "Div", .in = { w->in[0], const_float(l, sqrt(2)) });

	x = EMIT(l, .op = "Erf", .in = { x });
	x = EMIT(l, .op = "Add", .in = { x, const_float(l, 1) });
	x = EMIT(l, .op = "Mul", .in = { w->in[0], x });
	return EMIT(l, .op = "Mul", .in = { x, const_float(l, 0.5) });
}

/* In the order of operations that ONNX Runtime knows and runs as one. */
static const char *gelu_tanh_body(lowering *l, const written_out *w)
{
	const char *x = EMIT(l, .op = "Pow", .in = { w->in[0], const_float(l, 3) });
	const char *half = EMIT(l, .op = "Mul", .in = { w->in[0], const_float(l, 0.5) });

	x = EMIT(l, .op = "Mul", .in = { x, const_float(l, 0.044715) });
	x = EMIT(l, .op = "Add", .in = { w->in[0], x });
	x = EMIT(l, .op = "Mul", .in = { x, const_float(l, sqrt(2 / 3.14159265358979323846)) });
	x = EMIT(l, .op = "Tanh", .in = { x });
	x = EMIT(l, .op = "Add", .in = { x, const_float(l, 1) });
	return EMIT(l, .op = "Mul", .in = { half, x });
}

void lower_gelu(lowering *l, const value *v)
{
	const char *x = either(l, v->in[0]);

	set_like(l, v, v->in[0],
		 l->opset >= 20 ? EMIT(l, .op = "Gelu", .in = { x })
				: emit_function(l, &(written_out){ .name = "Gelu",
								   .inputs = 1,
								   .in = { x },
								   .body = gelu_body }));
}

void lower_gelu_tanh(lowering *l, const value *v)
{
	const char *x = either(l, v->in[0]);

	set_like(l, v, v->in[0],
		 l->opset >= 20 ? EMIT(l, .op = "Gelu", .in = { x },
				       .attribute = { ATTR_S("approximate", "tanh") })
				: emit_function(l, &(written_out){ .name = "GeluTanh",
								   .inputs = 1,
								   .in = { x },
								   .body = gelu_tanh_body }));
}

/* ---- Products ---- */

static const char *transposed(lowering *l, const char *x, const int *perm, int rank)
{
	attribute a = { .name = "perm", .kind = ATTRIBUTE_INTS, .count = rank };

	for (int i = 0; i < rank; i++)
		a.ints[i] = perm[i];
	return EMIT(l, .op = "Transpose", .in = { x }, .attribute = { a });
}

static int is_output(const lowering *l, const value *v)
{
	for (int i = 0; i < l->g->outputs; i++)
		if (l->g->output[i].x == v)
			return 1;
	return 0;
}

/*
 * Gemm on the stored bytes of the weight, rows of the flat form; or MatMul on a transposed copy.
 * What is an output of the graph as it is (the scores of a vocabulary, mostly) is made in its own
 * shape at once: a Reshape would copy all of it, while runtimes transpose the weight on loading.
 */
void lower_linear(lowering *l, const value *v)
{
	static const int swap[] = { 1, 0 };
	const value *x = v->in[0], *w = v->in[1], *b = v->in[2];
	int copy = l->options->linear == OXP_LINEAR_MATMUL && w->op == OP_param;
	const char *y, *weight;

	if (!copy && (b || v->rank == 2 || !is_output(l, v))) {
		set_flat(l, v,
			 EMIT(l, .op = "Gemm",
			      .in = { flat(l, x), full(l, w), b ? full(l, b) : NULL },
			      .attribute = { ATTR_I("transB", !v->index) }));
		return;
	}
	if (copy)
		weight = parameter(l, w, !v->index);
	else
		weight = v->index ? full(l, w) : transposed(l, full(l, w), swap, 2);
	y = EMIT(l, .op = "MatMul", .in = { full(l, x), weight });
	set_full(l, v, b ? EMIT(l, .op = "Add", .in = { full(l, b), y }) : y);
}

void lower_matmul(lowering *l, const value *v)
{
	set_full(l, v, EMIT(l, .op = "MatMul", .in = { full(l, v->in[0]), full(l, v->in[1]) }));
}

/* q is scaled, which is the smallest of the three places; k comes with its last axes swapped */
static const char *attention_body(lowering *l, const written_out *w)
{
	const char *q = EMIT(l, .op = "Mul", .in = { w->in[0], const_attribute(l, w) });
	const char *s = EMIT(l, .op = "MatMul", .in = { q, w->in[1] });

	if (w->in[3])
		s = EMIT(l, .op = "Add", .in = { s, w->in[3] });
	s = EMIT(l, .op = "Softmax", .in = { s },
		 .attribute = { ATTR_I("axis", l->opset < 13 ? 3 : -1) });
	return EMIT(l, .op = "MatMul", .in = { s, w->in[2] });
}

/* The last two axes swapped, at once with the transpose that the keys come from where there is one.
 */
static const char *swapped_keys(lowering *l, const value *k)
{
	static const int swap[] = { 0, 1, 3, 2 };
	int perm[4];

	if (k->op != OP_transpose)
		return transposed(l, full(l, k), swap, 4);
	for (int i = 0; i < 4; i++)
		perm[i] = k->perm[swap[i]];
	return transposed(l, full(l, k->in[0]), perm, 4);
}

/* ONNX Runtime broadcasts a mask's batch and heads, not its queries: one row per query, once for
 * all layers. */
static const char *mask_per_query(lowering *l, const value *bias, const dim *queries)
{
	const char *x = full(l, bias), *one = const_ints(l, 1, (int64_t[]){ 1, 1 }, 2), *shape;

	if (bias->rank == 4 && bias->dim[2] == queries)
		return x;
	shape = EMIT(
		l, .op = "Concat",
		.in = { one, run_time_dim(l, queries, 0), const_ints(l, 1, (int64_t[]){ 1 }, 1) },
		.attribute = { ATTR_I("axis", 0) });
	return EMIT(l, .op = "Expand", .in = { x, shape });
}

void lower_attention(lowering *l, const value *v)
{
	const value *bias = v->in[3];

	if (l->opset >= 23)
		set_full(l, v,
			 EMIT(l, .op = "Attention",
			      .in = { full(l, v->in[0]), full(l, v->in[1]), full(l, v->in[2]),
				      bias ? mask_per_query(l, bias, v->in[0]->dim[2]) : NULL },
			      .attribute = { ATTR_F("scale", v->number) }));
	else
		set_full(
			l, v,
			emit_function(
				l, &(written_out){
					   .name = bias ? "Attention" : "AttentionUnmasked",
					   .inputs = v->inputs,
					   .in = { full(l, v->in[0]), swapped_keys(l, v->in[1]),
						   full(l, v->in[2]), bias ? full(l, bias) : NULL },
					   .attribute = "scale",
					   .number = v->number,
					   .body = attention_body }));
}

/* ---- Norms and reductions ---- */

/* Reductions took their axes as an attribute first, then (`since`) as an operand. */
static const char *reduce(lowering *l, const char *op, int since, const char *x, attribute axes,
			  int keep)
{
	attribute keepdims = ATTR_I("keepdims", keep);

	if (l->opset < since)
		return EMIT(l, .op = op, .in = { x }, .attribute = { axes, keepdims });
	return EMIT(l, .op = op, .in = { x, const_ints(l, 1, axes.ints, axes.count) },
		    .attribute = { keepdims });
}

/* One axis, or with the operand's, where that is the same reduction: then both at once. */
static void reduction(lowering *l, const value *v, const char *op, int since)
{
	attribute axes = {
		.name = "axes", .kind = ATTRIBUTE_INTS, .ints = { v->axis }, .count = 1
	};
	const value *x = v->in[0];

	if (x->op == v->op) {
		int after = v->axis >= x->axis; /* the operand's axis, which is gone */

		axes.ints[!after] = x->axis;
		axes.ints[after] = v->axis + after;
		axes.count = 2;
		x = x->in[0];
	}
	set_full(l, v, reduce(l, op, since, full(l, x), axes, 0));
}

static const char *mean_last(lowering *l, const char *x)
{
	attribute axes = { .name = "axes", .kind = ATTRIBUTE_INTS, .ints = { -1 }, .count = 1 };

	return reduce(l, "ReduceMean", 18, x, axes, 1);
}

static const char *layer_norm_written_out(lowering *l, const char *x, const value *v)
{
	const char *d = EMIT(l, .op = "Sub", .in = { x, mean_last(l, x) });
	const char *var = mean_last(l, EMIT(l, .op = "Pow", .in = { d, const_float(l, 2) }));

	var = EMIT(l, .op = "Add", .in = { var, const_float(l, v->number) });
	x = EMIT(l, .op = "Div", .in = { d, EMIT(l, .op = "Sqrt", .in = { var }) });
	x = EMIT(l, .op = "Mul", .in = { x, full(l, v->in[1]) });
	return EMIT(l, .op = "Add", .in = { x, full(l, v->in[2]) });
}

void lower_layer_norm(lowering *l, const value *v)
{
	const value *x = v->in[0];
	int is_flat = has_flat(l, x);
	const char *in = is_flat ? flat(l, x) : full(l, x), *y;

	if (l->opset >= 17)
		y = EMIT(l, .op = "LayerNormalization",
			 .in = { in, full(l, v->in[1]), full(l, v->in[2]) },
			 .attribute = { ATTR_I("axis", -1), ATTR_F("epsilon", v->number) });
	else
		y = layer_norm_written_out(l, in, v);
	if (is_flat)
		set_flat(l, v, y);
	else
		set_full(l, v, y);
}

static const char *rms_norm_body(lowering *l, const written_out *w)
{
	const char *x = w->in[0];
	const char *y = mean_last(l, EMIT(l, .op = "Pow", .in = { x, const_float(l, 2) }));

	y = EMIT(l, .op = "Sqrt",
		 .in = { EMIT(l, .op = "Add", .in = { y, const_attribute(l, w) }) });
	return EMIT(l, .op = "Mul", .in = { w->in[1], EMIT(l, .op = "Div", .in = { x, y }) });
}

void lower_rms_norm(lowering *l, const value *v)
{
	int is_flat = has_flat(l, v->in[0]);
	const char *x = is_flat ? flat(l, v->in[0]) : full(l, v->in[0]), *y;
	written_out w = { .name = "RMSNormalization",
			  .inputs = 2,
			  .in = { x, full(l, v->in[1]) },
			  .attribute = "epsilon",
			  .number = v->number,
			  .body = rms_norm_body };

	if (l->opset >= 23)
		y = EMIT(l, .op = "RMSNormalization", .in = { w.in[0], w.in[1] },
			 .attribute = { ATTR_I("axis", -1), ATTR_F("epsilon", v->number) });
	else
		y = emit_function(l, &w);
	if (is_flat)
		set_flat(l, v, y);
	else
		set_full(l, v, y);
}

/* Before opset 13 Softmax takes all axes from its own on as one: right for the last axis only. */
void lower_softmax(lowering *l, const value *v)
{
	int perm[OXP_MAX_RANK], swap = l->opset < 13 && v->axis != v->rank - 1;
	const char *x = full(l, v->in[0]);

	for (int i = 0; i < v->rank; i++)
		perm[i] = i == v->axis ? v->rank - 1 : i == v->rank - 1 ? v->axis : i;
	if (swap)
		x = transposed(l, x, perm, v->rank);
	x = EMIT(l, .op = "Softmax", .in = { x },
		 .attribute = { ATTR_I("axis", swap ? v->rank - 1 : v->axis) });
	set_full(l, v, swap ? transposed(l, x, perm, v->rank) : x);
}

void lower_mean(lowering *l, const value *v)
{
	reduction(l, v, "ReduceMean", 18);
}

void lower_sum(lowering *l, const value *v)
{
	reduction(l, v, "ReduceSum", 13);
}

void lower_largest(lowering *l, const value *v)
{
	reduction(l, v, "ReduceMax", 18);
}

void lower_argmax(lowering *l, const value *v)
{
	set_full(l, v,
		 EMIT(l, .op = "ArgMax", .in = { full(l, v->in[0]) },
		      .attribute = { ATTR_I("axis", v->axis), ATTR_I("keepdims", 0) }));
}

void lower_cumsum(lowering *l, const value *v)
{
	set_full(l, v, EMIT(l, .op = "CumSum", .in = { full(l, v->in[0]), const_int(l, v->axis) }));
}

/* ---- Moving elements ---- */

void lower_embedding(lowering *l, const value *v)
{
	set_full(l, v,
		 EMIT(l, .op = "Gather", .in = { full(l, v->in[0]), full(l, v->in[1]) },
		      .attribute = { ATTR_I("axis", 0) }));
}

void lower_gather(lowering *l, const value *v)
{
	set_full(l, v,
		 EMIT(l, .op = "Gather", .in = { full(l, v->in[0]), full(l, v->in[1]) },
		      .attribute = { ATTR_I("axis", v->axis) }));
}

void lower_slice(lowering *l, const value *v)
{
	const dim *end = dim_add(l->g, v->start, v->dim[v->axis]);

	set_full(l, v,
		 EMIT(l, .op = "Slice",
		      .in = { full(l, v->in[0]), run_time_dim(l, v->start, 0),
			      run_time_dim(l, end, 0),
			      const_ints(l, 1, &(int64_t){ v->axis }, 1) }));
}

void lower_pad(lowering *l, const value *v)
{
	const dim *pads[2 * OXP_MAX_RANK];
	const char *piece[5] = { 0 };
	int rank = v->rank, n = 0;

	for (int i = 0; i < 2 * rank; i++)
		pads[i] = i == v->axis ? v->start : i == rank + v->axis ? v->after : NULL;
	for (int i = 0; i < 2 * rank;) { /* runs of zeros, and the two that are not */
		static const int64_t zeros[2 * OXP_MAX_RANK];
		int first = i;

		while (i < 2 * rank && !pads[i])
			i++;
		if (i > first)
			piece[n++] = const_ints(l, 1, zeros, i - first);
		if (i < 2 * rank)
			piece[n++] = run_time_dim(l, pads[i++], 0);
	}
	set_full(l, v,
		 EMIT(l, .op = "Pad",
		      .in = { full(l, v->in[0]),
			      EMIT(l, .op = "Concat",
				   .in = { piece[0], piece[1], piece[2], piece[3], piece[4] },
				   .attribute = { ATTR_I("axis", 0) }) }));
}

/* Axes that stay as they are need no length: 1 broadcasts to it. */
void lower_expand(lowering *l, const value *v)
{
	const value *x = v->in[0];
	const dim *to[OXP_MAX_RANK];

	for (int i = 0; i < v->rank; i++) {
		int from = i - (v->rank - x->rank);

		to[i] = from >= 0 && x->dim[from] == v->dim[i] ? dim_const(l->g, 1) : v->dim[i];
	}
	set_full(l, v,
		 EMIT(l, .op = "Expand", .in = { full(l, x), run_time_shape(l, to, v->rank) }));
}

void lower_length(lowering *l, const value *v)
{
	set_full(l, v, run_time_dim(l, v->start, 1));
}

void lower_literal(lowering *l, const value *v)
{
	set_full(l, v, const_tensor(l, v));
}

void lower_select(lowering *l, const value *v)
{
	set_full(l, v,
		 EMIT(l, .op = "Gather", .in = { full(l, v->in[0]), const_int(l, v->index) },
		      .attribute = { ATTR_I("axis", v->axis) }));
}

void lower_transpose(lowering *l, const value *v)
{
	set_full(l, v, transposed(l, full(l, v->in[0]), v->perm, v->rank));
}

void lower_unsqueeze(lowering *l, const value *v)
{
	set_full(l, v, emit_unsqueeze(l, full(l, v->in[0]), v->axis));
}

void lower_concat(lowering *l, const value *v)
{
	emission e = { .op = "Concat", .attribute = { ATTR_I("axis", v->axis) } };

	for (int i = 0; i < v->inputs; i++)
		e.in[i] = full(l, v->in[i]);
	set_full(l, v, emit(l, &e));
}

void lower_range(lowering *l, const value *v)
{
	set_full(l, v,
		 EMIT(l, .op = "Range",
		      .in = { const_int(l, 0), run_time_dim(l, v->dim[0], 1), const_int(l, 1) }));
}

/* ---- What is there already ---- */

void lower_input(lowering *l, const value *v)
{
	set_full(l, v, v->input->name);
}

/* Parameters and reshapes appear when somebody takes them, in the form that the taker wants. */
void lower_param(lowering *l, const value *v)
{
	(void)l;
	(void)v;
}

void lower_reshape(lowering *l, const value *v)
{
	(void)l;
	(void)v;
}

void lower_constant(lowering *l, const value *v)
{
	set_full(l, v,
		 v->type == OXP_F32 ? const_float(l, v->number) : const_int(l, (int64_t)v->number));
}
