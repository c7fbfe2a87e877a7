/* Symbolic dimensions. Equal ones are one object, so that equality is a pointer comparison. */
#include <string.h>

#include "ir/ir.h"

static int term_order(const dim_term *a, const dim_term *b)
{
	for (int i = 0; i < a->factors && i < b->factors; i++) {
		int c = strcmp(a->factor[i]->name, b->factor[i]->name);

		if (c)
			return c;
	}
	return b->factors - a->factors; /* numbers last */
}

static const char *dim_text(graph *g, const struct oxp_dim *d)
{
	text t = { 0 };
	const char *copy;

	for (int i = 0; i < d->terms; i++) {
		const dim_term *p = &d->term[i];
		int64_t times = i && p->times < 0 ? -p->times : p->times;
		const char *sep = "";

		if (i)
			text_add(&t, p->times < 0 ? " - " : " + ");
		if (times != 1 || !p->factors) {
			text_add(&t, "%lld", (long long)times);
			sep = "*";
		}
		for (int k = 0; k < p->factors; k++, sep = "*")
			text_add(&t, "%s%s", sep, p->factor[k]->name);
	}
	copy = t.failed ? NULL : arena_strdup(&g->arena, d->terms ? t.s : "0");
	text_free(&t);
	return copy;
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
	more = arena_grow(&g->arena, g->dim, (size_t)g->dims, sizeof(*more));
	if (!copy || !more || !d->text) {
		error_memory(g->error);
		return NULL;
	}
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

/* A dimension of one factor alone. */
static const dim *of_factor(graph *g, dim_factor f)
{
	struct oxp_dim d = { .terms = 1, .term = { { .times = 1, .factors = 1 } } };
	dim_factor *copy = arena_alloc(&g->arena, sizeof *copy);

	if (!copy || !f.name) {
		error_memory(g->error);
		return NULL;
	}
	*copy = f;
	d.term[0].factor[0] = copy;
	return intern(g, &d);
}

const dim *oxp_dim_axis(graph *g, const char *name)
{
	return of_factor(g, (dim_factor){ .name = arena_strdup(&g->arena, name) });
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
		int from_a = j == b->factors || (i < a->factors && strcmp(a->factor[i]->name,
									  b->factor[j]->name) <= 0);

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

const dim *oxp_dim_sub(graph *g, const dim *a, const dim *b)
{
	return dim_add(g, a, dim_mul(g, b, dim_const(g, -1)));
}

static int is_number(const dim *d)
{
	return !d->terms || (d->terms == 1 && !d->term[0].factors);
}

int64_t oxp_dim_number(const dim *d)
{
	if (!d || !is_number(d))
		return -1;
	return d->terms ? d->term[0].times : 0;
}

static int64_t floor_div(int64_t a, int64_t by)
{
	return a / by - (a % by < 0);
}

/* What divides evenly stands outside: (4*h + w + 5) floordiv 4 is h + 1 + (w + 1) floordiv 4. */
const dim *oxp_dim_div(graph *g, const dim *a, int64_t by)
{
	struct oxp_dim whole = { 0 }, rest = { 0 };
	const dim *left;

	if (!a || by < 1)
		return NULL;
	for (int i = 0; i < a->terms; i++) {
		dim_term t = a->term[i];
		int64_t times = t.factors && t.times % by ? 0 : floor_div(t.times, by);

		t.times = times;
		if (add_term(&whole, &t))
			return too_long(g, a, a);
		t.times = a->term[i].times - times * by;
		if (add_term(&rest, &t))
			return too_long(g, a, a);
	}
	left = intern(g, &rest);
	if (!left || dim_number(left) >= 0) /* a rest that is a number is below `by` */
		return intern(g, &whole);
	left = of_factor(g, (dim_factor){ .name = arena_printf(&g->arena, "((%s) floordiv %lld)",
							       left->text, (long long)by),
					  .kind = FACTOR_DIV,
					  .a = left,
					  .b = dim_const(g, by) });
	return dim_add(g, intern(g, &whole), left);
}

static const dim *extreme(graph *g, const dim *a, const dim *b, int most)
{
	if (!a || !b || a == b)
		return a ? b : a;
	if (is_number(a) && is_number(b))
		return (dim_number(a) > dim_number(b)) == most ? a : b;
	return of_factor(g,
			 (dim_factor){ .name = arena_printf(&g->arena, "%s(%s, %s)",
							    most ? "max" : "min", a->text, b->text),
				       .kind = most ? FACTOR_MAX : FACTOR_MIN,
				       .a = a,
				       .b = b });
}

const dim *oxp_dim_min(graph *g, const dim *a, const dim *b)
{
	return extreme(g, a, b, 0);
}

const dim *oxp_dim_max(graph *g, const dim *a, const dim *b)
{
	return extreme(g, a, b, 1);
}

static int64_t factor_value(const dim_factor *f, int64_t (*of)(void *context, const char *axis),
			    void *context)
{
	int64_t a = f->a ? dim_value(f->a, of, context) : of(context, f->name);
	int64_t b = f->b ? dim_value(f->b, of, context) : 0;

	switch (f->kind) {
	case FACTOR_DIV:
		return floor_div(a, b);
	case FACTOR_MIN:
		return a < b ? a : b;
	case FACTOR_MAX:
		return a > b ? a : b;
	default:
		return a;
	}
}

int64_t dim_value(const dim *d, int64_t (*of)(void *context, const char *axis), void *context)
{
	int64_t sum = 0;

	for (int i = 0; i < d->terms; i++) {
		int64_t n = d->term[i].times;

		for (int k = 0; k < d->term[i].factors; k++)
			n *= factor_value(d->term[i].factor[k], of, context);
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
