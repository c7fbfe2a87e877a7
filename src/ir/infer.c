/* Types and shapes: what each operation asks of its operands and what it gives. */
#include <string.h>

#include "ir/ir.h"

/* What is wrong with the operands, with their types and shapes. */
static int misfit(value *v, const char *what)
{
	text t = { 0 };

	for (int i = 0; i < v->inputs; i++) {
		text_add(&t, i ? ", " : "");
		value_shape_text(v->in[i], &t);
	}
	graph_fail(v->g, E_MODEL, "%s: %s cannot take %s: %s", *v->scope ? v->scope : "(graph)",
		   op_name(v->op), t.s ? t.s : "these operands", what);
	text_free(&t);
	return -1;
}

static void same_as(value *v, const value *x)
{
	v->type = x->type;
	v->rank = x->rank;
	memcpy(v->dim, x->dim, sizeof v->dim);
}

/* NumPy's broadcasting of v's shape with another; -1 where dimensions differ. */
static int broadcast(value *v, const value *x)
{
	const dim *out[OXP_MAX_RANK];
	int rank = v->rank > x->rank ? v->rank : x->rank;

	for (int i = 0; i < rank; i++) {
		int at_v = i - (rank - v->rank), at_x = i - (rank - x->rank);
		const dim *a = at_v < 0 ? NULL : v->dim[at_v], *b = at_x < 0 ? NULL : x->dim[at_x];

		if (!a || !b)
			out[i] = a ? a : b;
		else if (a == b || dim_number(b) == 1)
			out[i] = a;
		else if (dim_number(a) == 1)
			out[i] = b;
		else
			return -1;
	}
	v->rank = rank;
	memcpy(v->dim, out, (size_t)rank * sizeof(*out));
	return 0;
}

static int fix_axis(value *v, int rank)
{
	if (v->axis < 0)
		v->axis += rank;
	return v->axis < 0 || v->axis >= rank ? misfit(v, "it has no such axis") : 0;
}

static int binary(value *v)
{
	if (v->in[0]->type != v->in[1]->type)
		return misfit(v, "the types differ");
	same_as(v, v->in[0]);
	return broadcast(v, v->in[1]) ? misfit(v, "the shapes do not broadcast") : 0;
}

static int compare(value *v)
{
	if (binary(v))
		return -1;
	v->type = OXP_BOOL;
	return 0;
}

static int logic(value *v)
{
	for (int i = 0; i < v->inputs; i++)
		if (v->in[i]->type != OXP_BOOL)
			return misfit(v, "expected truth values");
	same_as(v, v->in[0]);
	return v->inputs == 2 && broadcast(v, v->in[1]) ? misfit(v, "the shapes do not broadcast")
							: 0;
}

static int real(value *v)
{
	if (v->in[0]->type != OXP_F32)
		return misfit(v, "expected floating point");
	same_as(v, v->in[0]);
	return 0;
}

static int with_axis(value *v)
{
	same_as(v, v->in[0]);
	return fix_axis(v, v->rank);
}

static int infer_input(value *v)
{
	return v->rank < 0;
}

static int infer_param(value *v)
{
	return v->rank < 0;
}

static int infer_constant(value *v)
{
	return v->rank != 0;
}

static int infer_literal(value *v)
{
	return v->rank < 0;
}

#define SAME(name, rule)                                                                           \
	static int infer_##name(value *v)                                                          \
	{                                                                                          \
		return rule(v);                                                                    \
	}

SAME(add, binary)
SAME(sub, binary)
SAME(mul, binary)
SAME(div, binary)
SAME(equal, compare)
SAME(less_equal, compare)
SAME(and, logic)
SAME(not, logic)
SAME(relu, real)
SAME(sigmoid, real)
SAME(tanh, real)
SAME(erf, real)
SAME(sqrt, real)
SAME(exp, real)
SAME(sin, real)
SAME(cos, real)
SAME(softplus, real)
SAME(clip, real)
SAME(leaky_relu, real)
SAME(gelu, real)
SAME(gelu_tanh, real)
SAME(softmax, with_axis)
SAME(cumsum, with_axis)
SAME(prelu, binary)

static int infer_where(value *v)
{
	if (v->in[0]->type != OXP_BOOL || v->in[1]->type != v->in[2]->type)
		return misfit(v, "expected a condition and two operands of one type");
	same_as(v, v->in[1]);
	return broadcast(v, v->in[2]) || broadcast(v, v->in[0])
		       ? misfit(v, "the shapes do not broadcast")
		       : 0;
}

static int infer_cast(value *v)
{
	dtype type = v->type;

	same_as(v, v->in[0]);
	v->type = type;
	return 0;
}

static int infer_linear(value *v)
{
	const value *x = v->in[0], *w = v->in[1], *b = v->in[2];

	if (x->type != OXP_F32 || x->rank < 1 || w->rank != 2 ||
	    x->dim[x->rank - 1] != w->dim[!v->index])
		return misfit(v, v->index ? "expected x [..., in] and weight [in, out]"
					  : "expected x [..., in] and weight [out, in]");
	if (b && (b->rank != 1 || b->dim[0] != w->dim[v->index]))
		return misfit(v, "expected bias [out]");
	same_as(v, x);
	v->dim[v->rank - 1] = w->dim[v->index];
	return 0;
}

static int infer_matmul(value *v)
{
	const value *a = v->in[0], *b = v->in[1];
	value lead = { .rank = 0 };

	if (a->type != OXP_F32 || b->type != OXP_F32 || a->rank < 2 || b->rank < 2 ||
	    a->dim[a->rank - 1] != b->dim[b->rank - 2])
		return misfit(v, "expected [..., m, k] and [..., k, n]");
	same_as(v, a);
	v->rank -= 2;
	lead.rank = b->rank - 2;
	memcpy(lead.dim, b->dim, sizeof lead.dim);
	if (broadcast(v, &lead))
		return misfit(v, "the leading dimensions do not broadcast");
	v->dim[v->rank++] = a->dim[a->rank - 2];
	v->dim[v->rank++] = b->dim[b->rank - 1];
	return 0;
}

static int norm(value *v)
{
	const value *x = v->in[0];

	if (real(v))
		return -1;
	for (int i = 1; i < v->inputs; i++)
		if (v->in[i]->rank != 1 || x->rank < 1 || v->in[i]->dim[0] != x->dim[x->rank - 1])
			return misfit(v, "expected weight and bias as long as the last axis");
	return 0;
}

SAME(layer_norm, norm)
SAME(rms_norm, norm)

static int infer_batch_norm(value *v)
{
	const value *x = v->in[0];

	if (real(v) || x->rank != 4)
		return misfit(v, "expected [batch, channels, height, width]");
	for (int i = 1; i < 5; i++)
		if (v->in[i]->rank != 1 || v->in[i]->dim[0] != x->dim[1])
			return misfit(v, "expected one number a channel");
	return 0;
}

/* Sizes after a window of `size` has walked over axes 2 and 3. */
static int windowed(value *v)
{
	const window *w = &v->window;

	for (int i = 0; i < 2; i++) {
		int64_t reach = w->dilation[i] * (w->size[i] - 1) + 1;
		const dim *room =
			dim_add(v->g, v->dim[2 + i], dim_const(v->g, 2 * w->pad[i] - reach));

		v->dim[2 + i] =
			dim_add(v->g, dim_div(v->g, room, w->stride[i]), dim_const(v->g, 1));
	}
	return 0;
}

static int infer_conv(value *v)
{
	const value *x = v->in[0], *w = v->in[1], *b = v->in[2];
	int64_t inputs = dim_number(x->rank == 4 ? x->dim[1] : NULL);

	if (x->type != OXP_F32 || x->rank != 4 || w->rank != 4 ||
	    inputs != dim_number(w->dim[1]) * v->window.groups ||
	    dim_number(w->dim[0]) % v->window.groups)
		return misfit(v, "expected [batch, in, height, width] and weight [out, in / "
				 "groups, height, width]");
	if (b && (b->rank != 1 || b->dim[0] != w->dim[0]))
		return misfit(v, "expected bias [out]");
	same_as(v, x);
	v->dim[1] = w->dim[0];
	return windowed(v);
}

static int infer_max_pool(value *v)
{
	return real(v) || v->rank != 4 ? misfit(v, "expected [batch, channels, height, width]")
				       : windowed(v);
}

static int infer_resize(value *v)
{
	const dim *to[] = { v->dim[2], v->dim[3] };

	if (real(v) || v->rank != 4)
		return misfit(v, "expected [batch, channels, height, width]");
	memcpy(&v->dim[2], to, sizeof to);
	return 0;
}

static int infer_attention(value *v)
{
	const value *q = v->in[0], *k = v->in[1], *x = v->in[2], *bias = v->in[3];
	value scores = { .rank = 4 };

	if (q->rank != 4 || k->rank != 4 || x->rank != 4 || q->dim[0] != k->dim[0] ||
	    q->dim[1] != k->dim[1] || q->dim[3] != k->dim[3] || k->dim[0] != x->dim[0] ||
	    k->dim[1] != x->dim[1] || k->dim[2] != x->dim[2])
		return misfit(v, "expected q, k, v as [batch, heads, sequence, head_dim]");
	same_as(v, q);
	v->dim[3] = x->dim[3];
	memcpy(scores.dim, (const dim *[]){ q->dim[0], q->dim[1], q->dim[2], k->dim[2] },
	       4 * sizeof(const dim *));
	if (bias) {
		value sum = scores;

		if (bias->type != OXP_F32 || bias->rank > 4 || broadcast(&sum, bias) ||
		    memcmp(sum.dim, scores.dim, 4 * sizeof(const dim *)) != 0)
			return misfit(v, "the bias does not broadcast to the scores");
	}
	return 0;
}

static int infer_embedding(value *v)
{
	const value *table = v->in[0], *ids = v->in[1];

	if (table->rank != 2 || ids->type != OXP_I64 || ids->rank >= OXP_MAX_RANK)
		return misfit(v, "expected table [rows, width] and int64 ids");
	same_as(v, ids);
	v->type = table->type;
	v->dim[v->rank++] = table->dim[1];
	return 0;
}

static int infer_gather(value *v)
{
	if (v->in[1]->type != OXP_I64 || v->in[1]->rank != 1)
		return misfit(v, "expected int64 ids of one axis");
	if (with_axis(v))
		return -1;
	v->dim[v->axis] = v->in[1]->dim[0];
	return 0;
}

static int infer_slice(value *v)
{
	const dim *length = v->dim[0];

	if (with_axis(v))
		return -1;
	v->dim[v->axis] = length;
	return v->start ? 0 : -1;
}

static int infer_pad(value *v)
{
	if (real(v) || fix_axis(v, v->rank))
		return -1;
	v->dim[v->axis] = dim_add(v->g, dim_add(v->g, v->start, v->dim[v->axis]), v->after);
	return 0;
}

static int infer_expand(value *v)
{
	value to = *v;

	v->type = v->in[0]->type;
	if (broadcast(&to, v->in[0]) || to.rank != v->rank ||
	    memcmp(to.dim, v->dim, (size_t)v->rank * sizeof to.dim[0]) != 0)
		return misfit(v, "it does not broadcast to that shape");
	return 0;
}

static int infer_length(value *v)
{
	v->type = OXP_I64;
	return v->start ? 0 : -1;
}

static int infer_select(value *v)
{
	same_as(v, v->in[0]);
	if (fix_axis(v, v->rank))
		return -1;
	v->rank--;
	memmove(&v->dim[v->axis], &v->dim[v->axis + 1],
		(size_t)(v->rank - v->axis) * sizeof v->dim[0]);
	return 0;
}

static const dim *count_of(const value *v)
{
	const dim *n = dim_const(v->g, 1);

	for (int i = 0; i < v->rank; i++)
		n = dim_mul(v->g, n, v->dim[i]);
	return n;
}

static int infer_reshape(value *v)
{
	v->type = v->in[0]->type;
	if (count_of(v) == count_of(v->in[0]))
		return 0;
	return v->g->error->code ? -1 : misfit(v, "the shapes hold different numbers of elements");
}

static int infer_transpose(value *v)
{
	const value *x = v->in[0];
	unsigned seen = 0;

	same_as(v, x);
	for (int i = 0; i < v->rank; i++) {
		int p = v->perm[i];

		if (p < 0 || p >= v->rank || seen >> p & 1)
			return misfit(v, "the permutation is not one");
		seen |= 1u << p;
		v->dim[i] = x->dim[p];
	}
	return 0;
}

static int infer_unsqueeze(value *v)
{
	same_as(v, v->in[0]);
	if (v->rank >= OXP_MAX_RANK)
		return misfit(v, "too many dimensions");
	v->rank++;
	if (fix_axis(v, v->rank))
		return -1;
	memmove(&v->dim[v->axis + 1], &v->dim[v->axis],
		(size_t)(v->rank - 1 - v->axis) * sizeof v->dim[0]);
	v->dim[v->axis] = dim_const(v->g, 1);
	return 0;
}

static int infer_concat(value *v)
{
	if (with_axis(v))
		return -1;
	for (int k = 1; k < v->inputs; k++) {
		const value *x = v->in[k];

		if (x->type != v->type || x->rank != v->rank)
			return misfit(v, "the types or ranks differ");
		for (int i = 0; i < v->rank; i++)
			if (i != v->axis && v->dim[i] != x->dim[i])
				return misfit(v, "another axis differs");
		v->dim[v->axis] = dim_add(v->g, v->dim[v->axis], x->dim[v->axis]);
	}
	return 0;
}

static int infer_mean(value *v)
{
	return real(v) ? -1 : infer_select(v);
}

SAME(sum, infer_select)
SAME(largest, infer_select)

static int infer_argmax(value *v)
{
	if (infer_mean(v))
		return -1;
	v->type = OXP_I64;
	return 0;
}

static int infer_range(value *v)
{
	v->type = OXP_I64;
	v->rank = 1;
	return 0;
}

static const struct {
	int least, most;
	int (*infer)(value *v);
} table[] = {
#define OP(name, least, most) { least, most, infer_##name },
#include "ir/ops.def"
#undef OP
};

value *value_done(value *v)
{
	graph *g = v->g;

	if (v == g->poison)
		return v;
	if (v->inputs < table[v->op].least || v->inputs > table[v->op].most)
		return graph_fail(g, E_INTERNAL, "%s: %s takes %d to %d operands, got %d", v->scope,
				  op_name(v->op), table[v->op].least, table[v->op].most, v->inputs);
	if (table[v->op].infer(v))
		return g->poison;
	for (int i = 0; i < v->rank; i++)
		if (!v->dim[i]) /* a dimension that could not be made has recorded why */
			return graph_fail(g, E_INTERNAL, "%s: %s: a dimension is missing", v->scope,
					  op_name(v->op));
	return g->error->code ? g->poison : v;
}
