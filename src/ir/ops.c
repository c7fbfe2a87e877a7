/* The op_* vocabulary: each makes a value, sets its attributes and infers its shape. */
#include <string.h>

#include "ir/ir.h"

#define UNARY(name)                                                                                \
	value *oxp_op_##name(value *x)                                                             \
	{                                                                                          \
		return value_done(value_new(x->g, OP_##name, x, NULL, NULL, NULL));                \
	}
#define BINARY(name)                                                                               \
	value *oxp_op_##name(value *a, value *b)                                                   \
	{                                                                                          \
		return value_done(value_new(a->g, OP_##name, a, b, NULL, NULL));                   \
	}

BINARY(add)
BINARY(sub)
BINARY(mul)
BINARY(div)
BINARY(equal)
BINARY(less_equal)
BINARY(and)
BINARY(prelu)
BINARY(matmul)
BINARY(embedding)
UNARY(not )
UNARY(relu)
UNARY(sigmoid)
UNARY(tanh)
UNARY(erf)
UNARY(sqrt)
UNARY(exp)
UNARY(sin)
UNARY(cos)
UNARY(softplus)
UNARY(gelu)
UNARY(gelu_tanh)

value *oxp_op_where(value *condition, value *yes, value *no)
{
	return value_done(value_new(condition->g, OP_where, condition, yes, no, NULL));
}

value *oxp_op_cast(value *x, dtype type)
{
	value *v;

	if (!is_poison(x) && x->type == type)
		return x;
	v = value_new(x->g, OP_cast, x, NULL, NULL, NULL);
	if (v != x->g->poison)
		v->type = type;
	return value_done(v);
}

value *oxp_op_clip(value *x, double low, double high)
{
	value *v = value_new(x->g, OP_clip, x, NULL, NULL, NULL);

	if (v != x->g->poison) {
		v->low = low;
		v->high = high;
	}
	return value_done(v);
}

static value *with_number(value *v, double number)
{
	if (v != v->g->poison)
		v->number = number;
	return value_done(v);
}

static value *with_axis(value *v, int axis)
{
	if (v != v->g->poison)
		v->axis = axis;
	return value_done(v);
}

value *oxp_op_leaky_relu(value *x, double slope)
{
	return with_number(value_new(x->g, OP_leaky_relu, x, NULL, NULL, NULL), slope);
}

value *oxp_op_linear(value *x, value *weight, value *bias)
{
	return value_done(value_new(x->g, OP_linear, x, weight, bias, NULL));
}

value *oxp_op_linear_turned(value *x, value *weight, value *bias)
{
	value *v = value_new(x->g, OP_linear, x, weight, bias, NULL);

	if (v != x->g->poison)
		v->index = 1;
	return value_done(v);
}

static value *with_window(value *v, const window *w)
{
	if (v == v->g->poison)
		return v;
	v->window = *w;
	for (int i = 0; i < 2; i++) {
		if (v->op == OP_conv && v->in[1]->rank == 4)
			v->window.size[i] = dim_number(v->in[1]->dim[2 + i]);
		v->window.stride[i] += !w->stride[i];
		v->window.dilation[i] += !w->dilation[i];
		if (v->window.size[i] < 1 || v->window.stride[i] < 1 || w->pad[i] < 0 ||
		    v->window.dilation[i] < 1)
			return graph_fail(v->g, E_MODEL,
					  "%s: a window needs a size and a stride of at least 1",
					  v->scope);
	}
	v->window.groups += !w->groups;
	return value_done(v);
}

value *oxp_op_conv(value *x, value *weight, value *bias, const window *w)
{
	return with_window(value_new(x->g, OP_conv, x, weight, bias, NULL), w);
}

value *oxp_op_max_pool(value *x, const window *w)
{
	return with_window(value_new(x->g, OP_max_pool, x, NULL, NULL, NULL), w);
}

value *oxp_op_batch_norm(value *x, value *weight, value *bias, value *mean, value *variance,
			 double eps)
{
	value *in[] = { x, weight, bias, mean, variance };

	return with_number(value_of(x->g, OP_batch_norm, in, 5), eps);
}

value *oxp_op_rms_norm(value *x, value *weight, double eps)
{
	return with_number(value_new(x->g, OP_rms_norm, x, weight, NULL, NULL), eps);
}

value *oxp_op_resize(value *x, const dim *height, const dim *width)
{
	value *v;

	if (!is_poison(x) && x->rank == 4 && x->dim[2] == height && x->dim[3] == width)
		return x;
	v = value_new(x->g, OP_resize, x, NULL, NULL, NULL);
	if (v != x->g->poison) {
		v->dim[2] = height;
		v->dim[3] = width;
	}
	return value_done(v);
}

value *oxp_op_softmax(value *x, int axis)
{
	return with_axis(value_new(x->g, OP_softmax, x, NULL, NULL, NULL), axis);
}

value *oxp_op_layer_norm(value *x, value *weight, value *bias, double eps)
{
	return with_number(value_new(x->g, OP_layer_norm, x, weight, bias, NULL), eps);
}

value *oxp_op_attention(value *q, value *k, value *v, value *bias, double scale)
{
	return with_number(value_new(q->g, OP_attention, q, k, v, bias), scale);
}

value *oxp_op_gather(value *x, int axis, value *ids)
{
	return with_axis(value_new(x->g, OP_gather, x, ids, NULL, NULL), axis);
}

value *oxp_op_slice(value *x, int axis, const dim *start, const dim *length)
{
	value *v;

	if (!is_poison(x) && dim_of(x, axis) == length)
		return x;
	v = value_new(x->g, OP_slice, x, NULL, NULL, NULL);
	if (v != x->g->poison) {
		v->start = start;
		v->dim[0] = length;
	}
	return with_axis(v, axis);
}

value *oxp_op_pad(value *x, int axis, const dim *before, const dim *after)
{
	value *v;

	if (dim_number(before) == 0 && dim_number(after) == 0)
		return x;
	v = value_new(x->g, OP_pad, x, NULL, NULL, NULL);
	if (v != x->g->poison) {
		v->start = before;
		v->after = after;
	}
	return with_axis(v, axis);
}

static value *with_dims(value *v, int rank, const dim *const *dims)
{
	if (v != v->g->poison) {
		v->rank = rank;
		memcpy(v->dim, dims, (size_t)rank * sizeof(*dims));
	}
	return value_done(v);
}

value *oxp_op_expand(value *x, int rank, const dim *const *dims)
{
	return with_dims(value_new(x->g, OP_expand, x, NULL, NULL, NULL), rank, dims);
}

value *oxp_op_select(value *x, int axis, int64_t index)
{
	value *v = value_new(x->g, OP_select, x, NULL, NULL, NULL);

	if (v != x->g->poison)
		v->index = index;
	return with_axis(v, axis);
}

value *oxp_op_reshape(value *x, int rank, const dim *const *dims)
{
	return with_dims(value_new(x->g, OP_reshape, x, NULL, NULL, NULL), rank, dims);
}

value *oxp_op_transpose(value *x, const int *perm)
{
	value *v = value_new(x->g, OP_transpose, x, NULL, NULL, NULL);

	if (v != x->g->poison)
		memcpy(v->perm, perm, (size_t)x->rank * sizeof *perm);
	return value_done(v);
}

value *oxp_op_unsqueeze(value *x, int axis)
{
	return with_axis(value_new(x->g, OP_unsqueeze, x, NULL, NULL, NULL), axis);
}

value *oxp_op_concat(value *a, value *b, int axis)
{
	return with_axis(value_new(a->g, OP_concat, a, b, NULL, NULL), axis);
}

value *oxp_op_mean(value *x, int axis)
{
	return with_axis(value_new(x->g, OP_mean, x, NULL, NULL, NULL), axis);
}

value *oxp_op_sum(value *x, int axis)
{
	return with_axis(value_new(x->g, OP_sum, x, NULL, NULL, NULL), axis);
}

value *oxp_op_largest(value *x, int axis)
{
	return with_axis(value_new(x->g, OP_largest, x, NULL, NULL, NULL), axis);
}

value *oxp_op_argmax(value *x, int axis)
{
	return with_axis(value_new(x->g, OP_argmax, x, NULL, NULL, NULL), axis);
}

value *oxp_op_cumsum(value *x, int axis)
{
	return with_axis(value_new(x->g, OP_cumsum, x, NULL, NULL, NULL), axis);
}

value *oxp_op_range(graph *g, const dim *length)
{
	value *v = value_new(g, OP_range, NULL, NULL, NULL, NULL);

	if (v != g->poison)
		v->dim[0] = length;
	return value_done(v);
}

value *oxp_op_length(graph *g, const dim *d)
{
	value *v = value_new(g, OP_length, NULL, NULL, NULL, NULL);

	if (v != g->poison)
		v->start = d;
	return value_done(v);
}
