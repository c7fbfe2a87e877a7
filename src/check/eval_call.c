/* What every kernel of the evaluator needs: settings, operands, numbers of any type, axes. */
#include <string.h>

#include "check/eval.h"
#include "exec/kernels.h"

const onnx_setting *eval_setting(const eval_call *c, const char *name)
{
	for (int i = 0; i < c->step->settings; i++)
		if (strcmp(c->step->setting[i].name, name) == 0)
			return &c->step->setting[i];
	return NULL;
}

int64_t eval_int(const eval_call *c, const char *name, int64_t otherwise)
{
	const onnx_setting *s = eval_setting(c, name);

	return s ? s->i : otherwise;
}

double eval_float(const eval_call *c, const char *name, double otherwise)
{
	const onnx_setting *s = eval_setting(c, name);

	return s ? s->f : otherwise;
}

int eval_bad(eval_call *c, const char *what)
{
	return error_set(c->e, E_RUNTIME, "%s (%s): %s", *c->step->name ? c->step->name : "a node",
			 c->step->op, what);
}

int eval_make(eval_call *c, dtype type, int rank, const int64_t *shape)
{
	int64_t count = 1;

	if (rank > OXP_MAX_RANK || !dtype_size(type))
		return eval_bad(c, "its result has too many dimensions or an unknown type");
	for (int i = 0; i < rank; i++)
		if (shape[i] < 0 || __builtin_mul_overflow(count, shape[i], &count))
			return eval_bad(c, "its result has a length that is out of range");
	if (count > *c->left)
		return eval_bad(c, "its result is larger than this run may make");
	*c->left -= count;
	if (array_make(c->out, type, rank, shape))
		return error_memory(c->e);
	return 0;
}

const array *eval_operand(eval_call *c, int i, dtype type)
{
	const array *x = i < c->inputs ? c->in[i] : NULL;

	if (!x || !x->data || (type != OXP_BAD && x->type != type)) {
		eval_bad(c, "an operand is missing or of another type");
		return NULL;
	}
	return x;
}

double eval_number(const array *a, int64_t i)
{
	switch (a->type) {
	case OXP_F32:
		return (double)((const float *)a->data)[i];
	case OXP_I64:
		return (double)((const int64_t *)a->data)[i];
	case OXP_F64:
		return ((const double *)a->data)[i];
	case OXP_F16:
		return (double)half_to_float(((const uint16_t *)a->data)[i]);
	case OXP_BF16:
		return (double)bfloat_to_float(((const uint16_t *)a->data)[i]);
	default:
		return ((const uint8_t *)a->data)[i];
	}
}

void eval_put(array *a, int64_t i, double x)
{
	if (a->type == OXP_F32)
		((float *)a->data)[i] = (float)x;
	else if (a->type == OXP_I64)
		((int64_t *)a->data)[i] = (int64_t)x;
	else
		((uint8_t *)a->data)[i] = x != 0;
}

int eval_list(eval_call *c, int i, int64_t *out, int most)
{
	const array *x = eval_operand(c, i, OXP_I64);
	int64_t n = x ? array_count(x) : -1;

	if (n < 0 || n > most || x->rank > 1) {
		eval_bad(c, "a list of numbers is not one");
		return -1;
	}
	memcpy(out, x->data, sizeof *out * (size_t)n);
	return (int)n;
}

int eval_axis(eval_call *c, int64_t axis, int rank, int *to)
{
	*to = (int)(axis < 0 ? axis + rank : axis);
	return *to < 0 || *to >= rank ? eval_bad(c, "it has no such axis") : 0;
}

extent eval_along(const array *a, int axis)
{
	return (extent){ shape_count(a->shape, axis), a->shape[axis],
			 shape_count(a->shape + axis + 1, a->rank - axis - 1) };
}

int eval_broadcast(eval_call *c, int n, int64_t *shape, int *rank)
{
	*rank = 0;
	for (int i = 0; i < n; i++)
		if (c->in[i]->rank > *rank)
			*rank = c->in[i]->rank;
	for (int d = 0; d < *rank; d++) {
		shape[d] = 1;
		for (int i = 0; i < n; i++) {
			int k = d - (*rank - c->in[i]->rank);
			int64_t m = k < 0 ? 1 : c->in[i]->shape[k];

			if (m != 1 && shape[d] != 1 && shape[d] != m)
				return eval_bad(c, "its operands do not broadcast");
			shape[d] = m != 1 ? m : shape[d];
		}
	}
	return 0;
}

cursor cursor_start(const array *out, const array *const *in, int n)
{
	cursor w = { .rank = out->rank, .n = n };

	memcpy(w.shape, out->shape, sizeof w.shape);
	for (int i = 0; i < n; i++) {
		int64_t step = 1;

		for (int d = in[i]->rank; d-- > 0;) {
			if (in[i]->shape[d] != 1)
				w.step[i][d + out->rank - in[i]->rank] = step;
			step *= in[i]->shape[d];
		}
	}
	return w;
}

void cursor_advance(cursor *w)
{
	for (int d = w->rank; d-- > 0;) {
		for (int i = 0; i < w->n; i++)
			w->at[i] += w->step[i][d];
		if (++w->index[d] < w->shape[d])
			return;
		for (int i = 0; i < w->n; i++)
			w->at[i] -= w->step[i][d] * w->shape[d];
		w->index[d] = 0;
	}
}
