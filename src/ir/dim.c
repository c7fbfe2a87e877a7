/* Symbolic dimensions. Equal ones are one object, so that equality is a pointer comparison. */
#include <stdio.h>
#include <string.h>

#include "ir/ir.h"

static int term_order(const dim_term *a, const dim_term *b)
{
	for (int i = 0; i < a->factors && i < b->factors; i++) {
		int c = strcmp(a->factor[i], b->factor[i]);

		if (c)
			return c;
	}
	return b->factors - a->factors; /* numbers last */
}

static const char *dim_text(graph *g, const struct oxp_dim *d)
{
	char buffer[512] = "0";
	size_t n = 0;

	for (int i = 0; i < d->terms; i++) {
		const dim_term *t = &d->term[i];
		const char *sep = i ? " + " : "";

		if (t->times != 1 || !t->factors) {
			n += (size_t)snprintf(buffer + n, sizeof buffer - n, "%s%lld", sep,
					      (long long)t->times);
			sep = "*";
		}
		for (int k = 0; k < t->factors && n < sizeof buffer; k++) {
			n += (size_t)snprintf(buffer + n, sizeof buffer - n, "%s%s", sep,
					      t->factor[k]);
			sep = "*";
		}
		if (n >= sizeof buffer)
			return NULL;
	}
	return arena_strdup(&g->arena, buffer);
}

static const dim *intern(graph *g, struct oxp_dim *d)
{
	const dim **more;
	struct oxp_dim *copy;

	if (g->error->code)
		return NULL;
	d->text = dim_text(g, d);
	for (int i = 0; d->text && i < g->dims; i++)
		if (strcmp(g->dim[i]->text, d->text) == 0)
			return g->dim[i];
	copy = arena_alloc(&g->arena, sizeof *copy);
	more = g->dims % 16 ? g->dim : arena_array(&g->arena, (size_t)g->dims + 16, sizeof(*more));
	if (!copy || !more || !d->text) {
		error_memory(g->error);
		return NULL;
	}
	if (more != g->dim && g->dims)
		memcpy(more, g->dim, (size_t)g->dims * sizeof(*more));
	*copy = *d;
	g->dim = more;
	g->dim[g->dims++] = copy;
	return copy;
}

/* Adds a term in its place; terms that cancel go away. */
static int add_term(struct oxp_dim *d, const dim_term *t)
{
	int i = 0;

	while (i < d->terms && term_order(&d->term[i], t) < 0)
		i++;
	if (i < d->terms && term_order(&d->term[i], t) == 0) {
		if (__builtin_add_overflow(d->term[i].times, t->times, &d->term[i].times))
			return -1;
		if (d->term[i].times == 0) {
			memmove(&d->term[i], &d->term[i + 1],
				(size_t)(d->terms - i - 1) * sizeof *t);
			d->terms--;
		}
		return 0;
	}
	if (t->times == 0)
		return 0;
	if (d->terms == MOST_TERMS)
		return -1;
	memmove(&d->term[i + 1], &d->term[i], (size_t)(d->terms - i) * sizeof *t);
	d->term[i] = *t;
	d->terms++;
	return 0;
}

const dim *oxp_dim_const(graph *g, int64_t n)
{
	struct oxp_dim d = { .terms = n != 0, .term = { { .times = n } } };

	return intern(g, &d);
}

const dim *oxp_dim_axis(graph *g, const char *name)
{
	struct oxp_dim d = { .terms = 1, .term = { { .times = 1, .factors = 1 } } };

	d.term[0].factor[0] = arena_strdup(&g->arena, name);
	if (!d.term[0].factor[0]) {
		error_memory(g->error);
		return NULL;
	}
	return intern(g, &d);
}

static const dim *too_long(graph *g, const dim *a, const dim *b)
{
	graph_fail(g, E_INTERNAL, "a dimension has too many terms: (%s) with (%s)", a->text,
		   b->text);
	return NULL;
}

const dim *oxp_dim_add(graph *g, const dim *a, const dim *b)
{
	struct oxp_dim d;

	if (!a || !b)
		return NULL;
	d = *a;
	for (int i = 0; i < b->terms; i++)
		if (add_term(&d, &b->term[i]))
			return too_long(g, a, b);
	return intern(g, &d);
}

static int multiply(dim_term *out, const dim_term *a, const dim_term *b)
{
	int i = 0, j = 0;

	*out = (dim_term){ 0 };
	if (a->factors + b->factors > MOST_FACTORS ||
	    __builtin_mul_overflow(a->times, b->times, &out->times))
		return -1;
	while (i < a->factors || j < b->factors) {
		int from_a = j == b->factors ||
			     (i < a->factors && strcmp(a->factor[i], b->factor[j]) <= 0);

		out->factor[out->factors++] = from_a ? a->factor[i++] : b->factor[j++];
	}
	return 0;
}

const dim *oxp_dim_mul(graph *g, const dim *a, const dim *b)
{
	struct oxp_dim d = { 0 };

	if (!a || !b)
		return NULL;
	for (int i = 0; i < a->terms; i++) {
		for (int j = 0; j < b->terms; j++) {
			dim_term t;

			if (multiply(&t, &a->term[i], &b->term[j]) || add_term(&d, &t))
				return too_long(g, a, b);
		}
	}
	return intern(g, &d);
}

int64_t oxp_dim_number(const dim *d)
{
	if (!d || d->terms > 1 || (d->terms && d->term[0].factors))
		return -1;
	return d->terms ? d->term[0].times : 0;
}

int64_t dim_value(const dim *d, int64_t (*of)(void *context, const char *axis), void *context)
{
	int64_t sum = 0;

	for (int i = 0; i < d->terms; i++) {
		int64_t n = d->term[i].times;

		for (int k = 0; k < d->term[i].factors; k++)
			n *= of(context, d->term[i].factor[k]);
		sum += n;
	}
	return sum;
}

const dim *oxp_dim_of(const value *x, int axis)
{
	if (is_poison(x))
		return NULL;
	if (axis < 0)
		axis += x->rank;
	if (axis < 0 || axis >= x->rank) {
		graph_fail(x->g, E_INTERNAL, "%s: has no axis %d", x->scope, axis);
		return NULL;
	}
	return x->dim[axis];
}

int oxp_rank_of(const value *x)
{
	return is_poison(x) ? 0 : x->rank;
}
