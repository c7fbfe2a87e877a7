/* ONNX operators that move elements or make small tensors. Only the forms that onnxport writes. */
#include <string.h>

#include "check/eval.h"

/* ---- Moving elements ---- */

static const uint8_t *bytes(const array *a)
{
	return a->data;
}

int eval_Gather(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_BAD), *ids = eval_operand(c, 1, OXP_I64);
	int64_t shape[2 * OXP_MAX_RANK], count;
	size_t size;
	int axis, rank = 0;
	extent s;

	if (!x || !ids || eval_axis(c, eval_int(c, "axis", 0), x->rank, &axis))
		return c->e->code;
	for (int i = 0; i < axis; i++)
		shape[rank++] = x->shape[i];
	for (int i = 0; i < ids->rank; i++)
		shape[rank++] = ids->shape[i];
	for (int i = axis + 1; i < x->rank; i++)
		shape[rank++] = x->shape[i];
	if (eval_make(c, x->type, rank, shape))
		return c->e->code;
	s = eval_along(x, axis);
	count = array_count(ids);
	size = dtype_size(x->type) * (size_t)s.after;
	for (int64_t i = 0; i < s.before * count; i++) {
		int64_t id = ((const int64_t *)ids->data)[i % count];

		id += id < 0 ? s.n : 0;
		if (id < 0 || id >= s.n)
			return eval_bad(c, "an index is outside of the axis");
		memcpy((uint8_t *)c->out->data + (size_t)i * size,
		       bytes(x) + (size_t)(i / count * s.n + id) * size, size);
	}
	return 0;
}

int eval_Concat(eval_call *c)
{
	const array *first = eval_operand(c, 0, OXP_BAD);
	int64_t shape[OXP_MAX_RANK];
	uint8_t *to;
	int axis;

	if (!first || eval_axis(c, eval_int(c, "axis", 0), first->rank, &axis))
		return c->e->code;
	memcpy(shape, first->shape, sizeof shape);
	for (int i = 1; i < c->inputs; i++) {
		const array *x = eval_operand(c, i, first->type);

		if (!x)
			return c->e->code;
		for (int d = 0; d < first->rank; d++)
			if (x->rank != first->rank || (d != axis && x->shape[d] != shape[d]))
				return eval_bad(c, "its operands do not fit");
		shape[axis] += x->shape[axis];
	}
	if (eval_make(c, first->type, first->rank, shape))
		return c->e->code;
	to = c->out->data;
	for (int64_t b = 0, before = eval_along(first, axis).before; b < before; b++) {
		for (int i = 0; i < c->inputs; i++) {
			extent s = eval_along(c->in[i], axis);
			size_t size = dtype_size(first->type) * (size_t)(s.n * s.after);

			memcpy(to, bytes(c->in[i]) + (size_t)b * size, size);
			to += size;
		}
	}
	return 0;
}

static int copied(eval_call *c, const array *x, int rank, const int64_t *shape)
{
	if (shape_count(shape, rank) != array_count(x))
		return eval_bad(c, "the new shape holds another number of elements");
	if (eval_make(c, x->type, rank, shape))
		return c->e->code;
	memcpy(c->out->data, x->data, (size_t)array_count(x) * dtype_size(x->type));
	return 0;
}

/* 0 copies a length, -1 is what is left. */
int eval_Reshape(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_BAD);
	int64_t shape[OXP_MAX_RANK], rest = 1;
	int n = x ? eval_list(c, 1, shape, OXP_MAX_RANK) : -1, inferred = -1;

	if (n < 0)
		return c->e->code;
	for (int i = 0; i < n; i++) {
		if (shape[i] == 0 && i < x->rank)
			shape[i] = x->shape[i];
		if (shape[i] == -1)
			inferred = i;
		else if (shape[i] < 0 || __builtin_mul_overflow(rest, shape[i], &rest))
			return eval_bad(c, "a length is out of range");
	}
	if (inferred >= 0)
		shape[inferred] = rest ? array_count(x) / rest : 0;
	return copied(c, x, n, shape);
}

int eval_Unsqueeze(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_BAD);
	const onnx_setting *s = eval_setting(c, "axes");
	int64_t shape[OXP_MAX_RANK + 1], axis = s && s->count == 1 ? s->ints[0] : 0;
	int at_axis;

	if (!x || (!s && eval_list(c, 1, &axis, 1) != 1) ||
	    eval_axis(c, axis, x->rank + 1, &at_axis))
		return c->e->code;
	for (int i = 0; i <= x->rank; i++)
		shape[i] = i < at_axis ? x->shape[i] : i == at_axis ? 1 : x->shape[i - 1];
	return copied(c, x, x->rank + 1, shape);
}

/* Copies x so that axis i of the result walks it by step[i], from `first` on. */
static void walk_copy(const array *x, array *out, const int64_t *step, int64_t first)
{
	size_t size = dtype_size(x->type);
	cursor w = { .rank = out->rank, .n = 1, .at = { first } };

	memcpy(w.shape, out->shape, sizeof w.shape);
	memcpy(w.step[0], step, sizeof *step * (size_t)out->rank);
	for (int64_t i = 0, n = array_count(out); i < n; i++, cursor_advance(&w))
		memcpy((uint8_t *)out->data + (size_t)i * size, bytes(x) + (size_t)w.at[0] * size,
		       size);
}

static void steps_of(const array *x, int64_t *step)
{
	int64_t n = 1;

	for (int d = x->rank; d-- > 0; n *= x->shape[d])
		step[d] = n;
}

int eval_Transpose(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_BAD);
	const onnx_setting *perm = eval_setting(c, "perm");
	int64_t shape[OXP_MAX_RANK], own[OXP_MAX_RANK], step[OXP_MAX_RANK];
	unsigned seen = 0;

	if (!x)
		return c->e->code;
	if (!perm || perm->count != x->rank)
		return eval_bad(c, "its permutation does not fit");
	steps_of(x, own);
	for (int i = 0; i < x->rank; i++) {
		int64_t p = perm->ints[i];

		if (p < 0 || p >= x->rank || seen >> p & 1)
			return eval_bad(c, "its permutation is none");
		seen |= 1u << p;
		shape[i] = x->shape[p];
		step[i] = own[p];
	}
	if (eval_make(c, x->type, x->rank, shape))
		return c->e->code;
	walk_copy(x, c->out, step, 0);
	return 0;
}

int eval_Slice(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_BAD);
	int64_t from, to, wanted, shape[OXP_MAX_RANK], step[OXP_MAX_RANK];
	int axis;

	if (!x || eval_list(c, 1, &from, 1) != 1 || eval_list(c, 2, &to, 1) != 1 ||
	    eval_list(c, 3, &wanted, 1) != 1 || eval_axis(c, wanted, x->rank, &axis))
		return c->e->code;
	memcpy(shape, x->shape, sizeof shape);
	from = from < 0 ? 0 : from > shape[axis] ? shape[axis] : from;
	to = to > shape[axis] ? shape[axis] : to < from ? from : to;
	shape[axis] = to - from;
	steps_of(x, step);
	if (eval_make(c, x->type, x->rank, shape))
		return c->e->code;
	walk_copy(x, c->out, step, from * step[axis]);
	return 0;
}

int eval_Pad(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_F32);
	int64_t pads[2 * OXP_MAX_RANK], shape[OXP_MAX_RANK], step[OXP_MAX_RANK], first = 0;
	int n = x ? eval_list(c, 1, pads, 2 * OXP_MAX_RANK) : -1;
	cursor w = { .n = 1 };

	if (n < 0 || n != 2 * x->rank)
		return c->e->code ? c->e->code : eval_bad(c, "its pads do not fit");
	for (int i = 0; i < x->rank; i++) {
		if (pads[i] < 0 || pads[x->rank + i] < 0)
			return eval_bad(c, "a pad is below 0");
		shape[i] = pads[i] + x->shape[i] + pads[x->rank + i];
	}
	if (eval_make(c, OXP_F32, x->rank, shape))
		return c->e->code;
	memset(c->out->data, 0, (size_t)array_count(c->out) * sizeof(float));
	steps_of(c->out, step);
	for (int i = 0; i < x->rank; i++)
		first += pads[i] * step[i];
	w.rank = x->rank;
	w.at[0] = first;
	memcpy(w.shape, x->shape, sizeof w.shape);
	memcpy(w.step[0], step, sizeof *step * (size_t)x->rank);
	for (int64_t i = 0, count = array_count(x); i < count; i++, cursor_advance(&w))
		((float *)c->out->data)[w.at[0]] = ((const float *)x->data)[i];
	return 0;
}

int eval_Expand(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_BAD);
	int64_t wanted[OXP_MAX_RANK], shape[OXP_MAX_RANK], n;
	array target = { .rank = x ? eval_list(c, 1, wanted, OXP_MAX_RANK) : -1 };
	eval_call both = *c;
	size_t size;
	int rank;
	cursor w;

	if (target.rank < 0)
		return c->e->code;
	memcpy(target.shape, wanted, sizeof wanted[0] * (size_t)target.rank);
	both.in[1] = &target;
	if (eval_broadcast(&both, 2, shape, &rank) || eval_make(c, x->type, rank, shape))
		return c->e->code;
	w = cursor_start(c->out, &x, 1);
	n = array_count(c->out);
	size = dtype_size(x->type);
	for (int64_t i = 0; i < n; i++, cursor_advance(&w))
		memcpy((uint8_t *)c->out->data + (size_t)i * size,
		       bytes(x) + (size_t)w.at[0] * size, size);
	return 0;
}

/* ---- Numbers ---- */

int eval_Shape(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_BAD);

	if (!x || eval_make(c, OXP_I64, 1, &(int64_t){ x->rank }))
		return c->e->code;
	memcpy(c->out->data, x->shape, sizeof x->shape[0] * (size_t)x->rank);
	return 0;
}

int eval_Range(eval_call *c)
{
	int64_t x[3];

	for (int i = 0; i < 3; i++)
		if (eval_list(c, i, &x[i], 1) != 1)
			return c->e->code ? c->e->code : eval_bad(c, "a bound is no number");
	if (x[0] != 0 || x[2] != 1)
		return eval_bad(c, "it counts other than from 0 by 1");
	if (eval_make(c, OXP_I64, 1, &x[1]))
		return c->e->code;
	for (int64_t i = 0; i < x[1]; i++)
		((int64_t *)c->out->data)[i] = i;
	return 0;
}

int eval_Constant(eval_call *c)
{
	const onnx_setting *s = c->step->settings == 1 ? &c->step->setting[0] : NULL;

	if (!s)
		return eval_bad(c, "it has other than one value");
	if (strcmp(s->name, "value_float") == 0) {
		if (eval_make(c, OXP_F32, 0, NULL) == 0)
			*(float *)c->out->data = (float)s->f;
	} else if (strcmp(s->name, "value_ints") == 0) {
		if (eval_make(c, OXP_I64, 1, &(int64_t){ s->count }) == 0)
			memcpy(c->out->data, s->ints, sizeof s->ints[0] * (size_t)s->count);
	} else if (s->tensor) {
		if (eval_make(c, s->tensor->type, s->tensor->rank, s->tensor->shape) == 0)
			memcpy(c->out->data, s->tensor->data, (size_t)s->tensor->size);
	} else {
		return eval_bad(c, "its value is of an unknown kind");
	}
	return c->e->code;
}
