/* Walking the graph: shapes from the inputs, a kernel per value, results given back after their
 * last use. */
#include "exec/exec.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "exec/kernels.h"

int64_t array_count(const array *a)
{
	return shape_count(a->shape, a->rank);
}

int array_make(array *a, dtype type, int rank, const int64_t *shape)
{
	int64_t count = shape_count(shape, rank);
	size_t size = dtype_size(type);

	*a = (array){ .type = type, .rank = rank };
	if (rank)
		memcpy(a->shape, shape, sizeof *shape * (size_t)rank);
	if (count < 0 || (uint64_t)count > SIZE_MAX / 2 / size)
		return -1;
	a->data = malloc((size_t)count * size + 64);
	a->owned = a->data != NULL;
	return a->data ? 0 : -1;
}

void array_free(array *a)
{
	if (a->owned)
		free(a->data);
	a->data = NULL;
	a->owned = 0;
}

static const struct {
	int (*run)(executor *x, const value *v, const array *const *in, array *out);
} table[] = {
#define OP(name, least, most) { exec_##name },
#include "ir/ops.def"
#undef OP
};

/* The length of an axis, by the first input that has it alone in a dimension; -1 where none has. */
static int64_t axis_length(void *context, const char *axis)
{
	const executor *x = context;

	for (int i = 0; i < x->g->inputs; i++) {
		const value *v = x->g->input[i];

		for (int k = 0; k < v->rank; k++)
			if (strcmp(v->dim[k]->text, axis) == 0)
				return x->input[i].shape[k];
	}
	return -1;
}

int64_t run_length(executor *x, const dim *d)
{
	return dim_value(d, axis_length, x);
}

static int check_inputs(executor *x)
{
	for (int i = 0; i < x->g->inputs; i++) {
		const value *v = x->g->input[i];

		if (x->input[i].type != v->type || x->input[i].rank != v->rank)
			return error_set(x->e, E_ARGUMENT, "input %s: expected %s of rank %d",
					 v->input->name, dtype_name(v->type), v->rank);
		for (int k = 0; k < v->rank; k++)
			if (dim_value(v->dim[k], axis_length, x) != x->input[i].shape[k])
				return error_set(
					x->e, E_ARGUMENT,
					"input %s: axis %d is %lld, the other inputs make %s "
					"%lld",
					v->input->name, k, (long long)x->input[i].shape[k],
					v->dim[k]->text,
					(long long)dim_value(v->dim[k], axis_length, x));
	}
	return 0;
}

static int is_view(enum op op)
{
	return op == OP_input || op == OP_param || op == OP_literal || op == OP_reshape ||
	       op == OP_unsqueeze;
}

static int run_value(executor *x, const value *v, array *result)
{
	const array *in[MOST_OPERANDS] = { 0 };
	array *out = &result[v->id];
	int64_t shape[OXP_MAX_RANK];

	for (int i = 0; i < v->inputs; i++)
		in[i] = &result[v->in[i]->id];
	for (int i = 0; i < v->rank; i++)
		shape[i] = run_length(x, v->dim[i]);
	if (is_view(v->op)) {
		*out = (array){ .type = v->type, .rank = v->rank };
		memcpy(out->shape, shape, sizeof shape);
	} else if (array_make(out, v->type, v->rank, shape)) {
		return error_memory(x->e);
	}
	return table[v->op].run(x, v, in, out);
}

/* A view keeps what it looks into alive: uses count for the value that owns the elements. */
static const value *owner(const value *v)
{
	while (v->op == OP_reshape || v->op == OP_unsqueeze)
		v = v->in[0];
	return v;
}

static int run_all(executor *x, array *result, int *uses, const exec_watch *watch)
{
	const graph *g = x->g;

	for (int i = 0; i < g->ordered; i++)
		for (int k = 0; k < g->order[i]->inputs; k++)
			uses[owner(g->order[i]->in[k])->id]++;
	for (int i = 0; i < g->outputs; i++)
		uses[owner(g->output[i].x)->id]++;
	for (int i = 0; i < g->ordered; i++) {
		const value *v = g->order[i];

		if (run_value(x, v, result))
			return x->e->code;
		if (watch)
			watch->seen(watch->context, v, &result[v->id]);
		for (int k = 0; k < v->inputs; k++) {
			const value *o = owner(v->in[k]);

			if (--uses[o->id] == 0)
				array_free(&result[o->id]);
		}
	}
	return 0;
}

static int copy_outputs(executor *x, const array *result, array *out)
{
	for (int i = 0; i < x->g->outputs; i++) {
		const array *from = &result[x->g->output[i].x->id];

		if (array_make(&out[i], from->type, from->rank, from->shape))
			return error_memory(x->e);
		memcpy(out[i].data, from->data, (size_t)array_count(from) * dtype_size(from->type));
	}
	return 0;
}

int exec_run(const graph *g, const array *in, array *out, error *e)
{
	return exec_watched(g, in, out, NULL, e);
}

int exec_watched(const graph *g, const array *in, array *out, const exec_watch *watch, error *e)
{
	executor x = { .g = g, .input = in, .e = e, .threads = thread_count() };
	array *result = calloc((size_t)g->ordered + 1, sizeof *result);
	int *uses = calloc((size_t)g->ordered + 1, sizeof *uses);

	memset(out, 0, sizeof *out * (size_t)g->outputs);
	if (!result || !uses)
		error_memory(e);
	else if (check_inputs(&x) == 0 && run_all(&x, result, uses, watch) == 0)
		copy_outputs(&x, result, out);
	for (int i = 0; result && i < g->ordered; i++)
		array_free(&result[i]);
	free(result);
	free(uses);
	for (int i = 0; e->code && i < g->outputs; i++)
		array_free(&out[i]);
	return e->code;
}
