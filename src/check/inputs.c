/* Inputs for validation: seeded, ragged, and never one repeated token. */
#include <math.h>
#include <string.h>

#include "check/check.h"

struct seed {
	uint64_t state;
};

static uint64_t next_random(struct seed *s)
{
	uint64_t x = s->state += 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

enum padding { PAD_NONE, PAD_RIGHT, PAD_LEFT, PAD_MIXED };

static const struct set {
	int64_t batch, sequence, choice, other;
	enum padding padding;
} sets[INPUT_SETS] = {
	{ 3, 9, 2, 5, PAD_RIGHT },
	{ 2, 16, 3, 7, PAD_LEFT },
	{ 1, 1, 1, 1, PAD_NONE },
	{ 4, 29, 2, 3, PAD_MIXED },
};

struct lengths {
	const graph *g;
	const struct set *set;
};

static int64_t longest(const graph *g)
{
	int64_t most = INT64_MAX;

	for (int i = 0; i < g->inputs; i++)
		if (g->input[i]->input->longest && g->input[i]->input->longest < most)
			most = g->input[i]->input->longest;
	return most;
}

static int64_t axis_length(void *context, const char *axis)
{
	const struct lengths *l = context;
	int64_t most = longest(l->g);

	if (strcmp(axis, "batch") == 0)
		return l->set->batch;
	if (strcmp(axis, "choice") == 0)
		return l->set->choice;
	if (strcmp(axis, "sequence") == 0)
		return l->set->sequence < most ? l->set->sequence : most;
	return l->set->other;
}

/* A row of ones with zeros on a side; at least one is left. */
static void fill_mask(struct seed *s, int64_t *row, int64_t n, enum padding padding)
{
	int64_t zeros = n > 1 ? (int64_t)(next_random(s) % (uint64_t)n) : 0;
	int left = padding == PAD_LEFT || (padding == PAD_MIXED && next_random(s) & 1);

	for (int64_t i = 0; i < n; i++)
		row[i] = padding == PAD_NONE || (left ? i >= zeros : i < n - zeros);
}

static void fill_ids(struct seed *s, int64_t *to, int64_t count, int64_t range)
{
	for (int64_t i = 0; i < count; i++)
		to[i] = (int64_t)(next_random(s) % (uint64_t)(range > 0 ? range : 1));
}

static void fill_normal(struct seed *s, float *to, int64_t count)
{
	for (int64_t i = 0; i < count; i++) { /* Box and Muller */
		double u = (double)((next_random(s) >> 11) + 1) * 0x1p-53;
		double v = (double)(next_random(s) >> 11) * 0x1p-53;

		to[i] = (float)(sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v));
	}
}

static int fill(const input_spec *spec, struct seed *s, enum padding padding, array *a, error *e)
{
	int64_t count = array_count(a), n = a->rank ? a->shape[a->rank - 1] : 1;

	if (spec->fill == OXP_FILL_MASK && a->type == OXP_I64) {
		for (int64_t i = 0; n && i < count; i += n)
			fill_mask(s, (int64_t *)a->data + i, n, padding);
	} else if (spec->fill == OXP_FILL_IDS && a->type == OXP_I64) {
		fill_ids(s, a->data, count, spec->range);
	} else if (spec->fill == OXP_FILL_NORMAL && a->type == OXP_F32) {
		fill_normal(s, a->data, count);
	} else {
		return error_set(e, E_INTERNAL, "input %s: nothing is known to fill %s with",
				 spec->name, dtype_name(a->type));
	}
	return 0;
}

int inputs_make(const graph *g, int index, array *in, error *e)
{
	struct lengths l = { g, &sets[index] };
	struct seed s = { (uint64_t)index * 1000003 + 17 };

	memset(in, 0, sizeof *in * (size_t)g->inputs);
	for (int i = 0; i < g->inputs && !e->code; i++) {
		const value *v = g->input[i];
		int64_t shape[OXP_MAX_RANK];

		for (int k = 0; k < v->rank; k++)
			shape[k] = dim_value(v->dim[k], axis_length, &l);
		if (array_make(&in[i], v->type, v->rank, shape))
			error_memory(e);
		else
			fill(v->input, &s, l.set->padding, &in[i], e);
	}
	if (e->code)
		arrays_free(in, g->inputs);
	return e->code;
}

void arrays_free(array *a, int n)
{
	for (int i = 0; i < n; i++)
		array_free(&a[i]);
}
