/* Inputs for validation: seeded, ragged, and never one repeated token. */
#include <math.h>
#include <string.h>

#include "base/text.h"
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
	int64_t batch, sequence, choice, past, encoder, other;
	enum padding padding;
} sets[INPUT_SETS] = {
	{ 3, 9, 2, 5, 7, 5, PAD_RIGHT },
	{ 2, 16, 3, 0, 11, 7, PAD_LEFT },
	{ 1, 1, 1, 4, 1, 1, PAD_NONE },
	{ 4, 29, 2, 12, 18, 3, PAD_MIXED },
};

/* Images cost more, so they come alone: of the usual size, then of others where the model takes
 * them. */
enum { IMAGE_SETS = 3 };
static const int64_t image_batch[IMAGE_SETS] = { 1, 2, 1 };

struct lengths {
	const graph *g;
	const struct set *set;
	int index, images;
};

static int is_image(const value *v)
{
	return v->rank == 4 && v->input->usual[2] > 0;
}

static int has_images(const graph *g)
{
	for (int i = 0; i < g->inputs; i++)
		if (is_image(g->input[i]))
			return 1;
	return 0;
}

/* An image's own size, then smaller ones, not square. */
static int64_t image_length(const graph *g, int index, int axis)
{
	int64_t usual = 64;

	for (int i = 0; i < g->inputs; i++)
		if (is_image(g->input[i]))
			usual = g->input[i]->input->usual[axis];
	if (index == 0)
		return usual;
	return usual / 2 + (index == 1 ? 13 : 21) - 7 * (axis - 2);
}

static int counts_axis(const dim *d, const char *axis)
{
	for (int i = 0; i < d->terms; i++)
		if (d->term[i].factors == 1 && strcmp(d->term[i].factor[0]->name, axis) == 0)
			return 1;
	return 0;
}

/* The most that an axis may be for the longest input to hold it, beside the others it holds. */
static int64_t longest(const graph *g, const char *axis)
{
	int64_t most = INT64_MAX;

	for (int i = 0; i < g->inputs; i++) {
		const value *v = g->input[i];
		const dim *d = v->rank ? v->dim[v->rank - 1] : NULL;
		int64_t room = d && d->terms ? v->input->longest / d->terms : 0;

		if (room && room < most && counts_axis(d, axis))
			most = room;
	}
	return most;
}

static int64_t wanted_length(const struct lengths *l, const char *axis)
{
	if (strcmp(axis, "batch") == 0)
		return l->images ? image_batch[l->index] : l->set->batch;
	if (strcmp(axis, "image_batch") == 0)
		return image_batch[l->index % IMAGE_SETS];
	if (strcmp(axis, "choice") == 0)
		return l->set->choice;
	if (strcmp(axis, "height") == 0 || strcmp(axis, "width") == 0)
		return image_length(l->g, l->index, *axis == 'h' ? 2 : 3);
	if (starts_with(axis, "past_encoder") || starts_with(axis, "encoder"))
		return l->set->encoder;
	if (starts_with(axis, "past"))
		return l->set->past;
	if (ends_with(axis, "sequence"))
		return l->set->sequence;
	return l->set->other;
}

static int64_t axis_length(void *context, const char *axis)
{
	const struct lengths *l = context;
	int64_t most = longest(l->g, axis), want = wanted_length(l, axis);

	return want < most ? want : most;
}

int inputs_sets(const graph *g)
{
	int fixed = 1;

	if (!has_images(g))
		return INPUT_SETS;
	for (int i = 0; i < g->inputs; i++)
		for (int k = 2; k < 4; k++)
			if (is_image(g->input[i]) && dim_number(g->input[i]->dim[k]) < 0)
				fixed = 0;
	return fixed ? IMAGE_SETS - 1 : IMAGE_SETS;
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

/* What an image was padded with, below and to the right, does not count. */
static void fill_image_mask(struct seed *s, int64_t *to, const array *a)
{
	int64_t height = a->shape[1], width = a->shape[2];

	for (int64_t i = 0; i < a->shape[0]; i++) {
		int64_t rows = 1 + (int64_t)(next_random(s) % (uint64_t)height);
		int64_t columns = 1 + (int64_t)(next_random(s) % (uint64_t)width);

		for (int64_t k = 0; k < height * width; k++)
			*to++ = i == 0 || (k / width < rows && k % width < columns);
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
	} else if (spec->fill == OXP_FILL_IMAGE_MASK && a->type == OXP_I64 && a->rank == 3) {
		fill_image_mask(s, a->data, a);
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
	struct lengths l = { g, &sets[index], index, has_images(g) };
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
