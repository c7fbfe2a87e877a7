#include "passes/passes.h"

#include <stdlib.h>
#include <string.h>

static int same_shape(const value *a, const value *b)
{
	return a->rank == b->rank &&
	       memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]) == 0;
}

static int is_number(const value *v, double n)
{
	return v->op == OP_constant && v->number == n;
}

static value *simplify_reshape(value *v)
{
	while (v->in[0]->op == OP_reshape)
		v->in[0] = v->in[0]->in[0];
	return same_shape(v, v->in[0]) ? v->in[0] : v;
}

static value *simplify_transpose(value *v)
{
	const value *x = v->in[0];
	int perm[OXP_MAX_RANK], moved = 0;

	if (x->op == OP_transpose) {
		for (int i = 0; i < v->rank; i++)
			perm[i] = x->perm[v->perm[i]];
		memcpy(v->perm, perm, sizeof perm);
		v->in[0] = x->in[0];
	}
	for (int i = 0; i < v->rank; i++)
		moved |= v->perm[i] != i;
	return moved ? v : v->in[0];
}

static value *fold(value *v)
{
	double a = v->in[0]->number, b = v->in[1]->number;
	double n = v->op == OP_add   ? a + b
		   : v->op == OP_sub ? a - b
		   : v->op == OP_mul ? a * b
				     : a / b;

	return v->type == OXP_F32 ? op_num(v->g, (float)n) : op_int(v->g, (int64_t)n);
}

static value *simplify_arithmetic(value *v)
{
	value *a = v->in[0], *b = v->in[1];
	double neutral = v->op == OP_mul || v->op == OP_div;

	if (a->op == OP_constant && b->op == OP_constant && (v->type == OXP_F32 || v->op != OP_div))
		return fold(v);
	if (is_number(b, neutral) && same_shape(v, a))
		return a;
	if (is_number(a, neutral) && same_shape(v, b) && (v->op == OP_add || v->op == OP_mul))
		return b;
	return v;
}

static value *simplify(value *v)
{
	switch (v->op) {
	case OP_reshape:
		return simplify_reshape(v);
	case OP_transpose:
		return simplify_transpose(v);
	case OP_add:
	case OP_sub:
	case OP_mul:
	case OP_div:
		return simplify_arithmetic(v);
	default:
		return v;
	}
}

int passes_simplify(graph *g)
{
	value **to = calloc((size_t)g->ordered + 1, sizeof(*to));

	if (!to)
		return error_memory(g->error);
	for (int i = 0; i < g->ordered; i++) {
		value *v = g->order[i];

		for (int k = 0; k < v->inputs; k++)
			v->in[k] = to[v->in[k]->id];
		to[i] = simplify(v);
	}
	for (int i = 0; i < g->outputs; i++)
		g->output[i].x = to[g->output[i].x->id];
	free(to);
	return g->error->code ? g->error->code : graph_order(g);
}
