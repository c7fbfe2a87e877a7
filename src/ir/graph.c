/* The graph's life: making it, declaring what it reads, ordering it, giving it back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ir/ir.h"

graph *graph_new(checkpoint *weights, const arch *a, error *e)
{
	graph *g = calloc(1, sizeof *g);

	if (!g || !(g->poison = arena_alloc(&g->arena, sizeof *g->poison))) {
		graph_free(g);
		error_memory(e);
		return NULL;
	}
	g->error = e;
	g->weights = weights;
	g->arch = a;
	g->prefix = a ? a->prefix : NULL;
	g->poison->g = g;
	g->poison->scope = "";
	return g;
}

void graph_free(graph *g)
{
	if (!g)
		return;
	map_free(&g->values);
	arena_free(&g->arena);
	free(g);
}

value *graph_fail(graph *g, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	error_setv(g->error, code, fmt, args);
	va_end(args);
	return g->poison;
}

static value *no_memory(graph *g)
{
	error_memory(g->error);
	return g->poison;
}

int is_poison(const value *v)
{
	return !v || v->type == OXP_BAD || v->g->error->code != 0;
}

graph *oxp_graph_of(const value *x)
{
	return x->g;
}

scope oxp_at(scope s, const char *fmt, ...)
{
	va_list args;
	char *leaf;
	scope child = s;

	va_start(args, fmt);
	leaf = arena_vprintf(&s.g->arena, fmt, args);
	va_end(args);
	if (leaf && *s.path)
		leaf = *leaf ? arena_printf(&s.g->arena, "%s.%s", s.path, leaf)
			     : arena_strdup(&s.g->arena, s.path);
	if (leaf)
		child.path = leaf;
	else
		error_memory(s.g->error);
	return child;
}

scope oxp_body(scope s)
{
	return s.g->prefix ? oxp_at(s, "%s", s.g->prefix) : s;
}

value *oxp_memory(scope s)
{
	s.g->memory_taken = 1;
	return s.g->memory;
}

const void *oxp_family(scope s)
{
	return s.g->arch ? s.g->arch->family : NULL;
}

/* Results of a layer belong beside it: the scope of what is done to them is the layer's parent. */
static const char *scope_of(graph *g, const value *x)
{
	const char *dot = x && x->is_layer ? strrchr(x->scope, '.') : NULL, *owner;

	if (!x)
		return "";
	if (!x->is_layer)
		return x->scope;
	owner = dot ? arena_strndup(&g->arena, x->scope, (size_t)(dot - x->scope)) : "";
	if (!owner)
		no_memory(g);
	return owner ? owner : "";
}

value *value_new(graph *g, enum op op, value *a, value *b, value *c, value *d)
{
	return value_of(g, op, (value *[]){ a, b, c, d }, 4);
}

value *value_of(graph *g, enum op op, value *const *in, int n)
{
	const char *where = "";
	value *v;

	if (g->error->code)
		return g->poison;
	v = arena_alloc(&g->arena, sizeof *v);
	if (!v)
		return no_memory(g);
	v->g = g;
	v->op = op;
	v->id = -1;
	for (int i = 0; i < n && in[i]; i++) {
		if (is_poison(in[i]))
			return g->poison;
		v->in[v->inputs++] = in[i];
		if (!*where && in[i]->op != OP_param && in[i]->op != OP_constant &&
		    in[i]->op != OP_literal)
			where = scope_of(g, in[i]);
	}
	v->scope = where;
	return v;
}

value *oxp_input(scope s, const input_spec *spec)
{
	graph *g = s.g;
	value *v = value_new(g, OP_input, NULL, NULL, NULL, NULL), **more;
	input_spec *copy = arena_alloc(&g->arena, sizeof *copy);

	if (v == g->poison)
		return v;
	more = arena_grow(&g->arena, g->input, (size_t)g->inputs, sizeof(*more));
	if (!copy || !more)
		return no_memory(g);
	*copy = *spec;
	copy->name = arena_strdup(&g->arena, spec->name);
	if (!copy->name)
		return no_memory(g);
	v->input = copy;
	v->type = spec->type;
	v->rank = spec->rank;
	memcpy(v->dim, spec->dim, sizeof v->dim);
	g->input = more;
	g->input[g->inputs++] = v;
	return v;
}

void oxp_inputs_in_order(scope s, const char *names)
{
	graph *g = s.g;
	int placed = 0;

	while (*names && !g->error->code) {
		size_t n = strcspn(names, " ");

		for (int i = placed; i < g->inputs; i++) {
			value *v = g->input[i];

			if (strlen(v->input->name) != n || strncmp(v->input->name, names, n) != 0)
				continue;
			memmove(&g->input[placed + 1], &g->input[placed],
				(size_t)(i - placed) * sizeof(*g->input));
			g->input[placed++] = v;
			break;
		}
		names += n + strspn(names + n, " ");
	}
}

void oxp_output(scope s, const char *name, value *x)
{
	graph *g = s.g;
	output_value *more;

	if (is_poison(x))
		return;
	more = arena_grow(&g->arena, g->output, (size_t)g->outputs, sizeof(*more));
	if (!more || !(name = arena_strdup(&g->arena, name))) {
		no_memory(g);
		return;
	}
	g->output = more;
	g->output[g->outputs++] = (output_value){ name, x };
}

/* The tensor of a parameter, by its path or one of its others; checks the shape. */
static void bind(graph *g, param *p)
{
	char has[128], wants[128];
	tensor *t;

	if (!g->weights || p->view)
		return;
	t = checkpoint_find(g->weights, p->path, g->prefix);
	for (int i = 0; i < MOST_ALSO && !t && p->also[i]; i++)
		t = checkpoint_find(g->weights, p->also[i], g->prefix);
	if (!t)
		return;
	if (!tensor_fit(t, p->shape, p->rank)) {
		graph_fail(g, E_MODEL, "%s: the checkpoint has %s, config.json says %s", t->name,
			   shape_text(has, sizeof has, t->shape, t->rank),
			   shape_text(wants, sizeof wants, p->shape, p->rank));
		return;
	}
	if (!dtype_is_float(t->type)) {
		graph_fail(g, E_UNSUPPORTED, "%s: the checkpoint has %s, expected floating point",
			   t->name, dtype_name(t->type));
		return;
	}
	p->view = t;
	p->name = t->name;
}

value *oxp_param(scope s, const char *name, int rank, const int64_t *shape)
{
	graph *g = s.g;
	const char *path = oxp_at(s, "%s", name).path;
	value *v = g->error->code ? g->poison : map_get(&g->values, path);

	if (v)
		return v;
	v = value_new(g, OP_param, NULL, NULL, NULL, NULL);
	if (v == g->poison)
		return v;
	v->param = arena_alloc(&g->arena, sizeof *v->param);
	if (!v->param || map_put(&g->values, path, v))
		return no_memory(g);
	v->scope = path;
	v->type = OXP_F32;
	v->rank = rank;
	v->param->path = v->param->name = path;
	v->param->rank = rank;
	for (int i = 0; i < rank; i++) {
		v->param->shape[i] = shape[i];
		v->dim[i] = dim_const(g, shape[i]);
	}
	bind(g, v->param);
	return g->error->code ? g->poison : v;
}

value *oxp_param_also(value *p, scope s, const char *name)
{
	if (is_poison(p) || p->op != OP_param)
		return p;
	for (int i = 0; i < MOST_ALSO; i++) {
		const char *path = oxp_at(s, "%s", name).path;

		if (p->param->also[i] && strcmp(p->param->also[i], path) != 0)
			continue;
		p->param->also[i] = path;
		bind(p->g, p->param);
		break;
	}
	return p->g->error->code ? p->g->poison : p;
}

static value *scalar(graph *g, dtype type, double x)
{
	char *key = arena_printf(&g->arena, "%s %.17g", dtype_name(type), x);
	value *v = key && !g->error->code ? map_get(&g->values, key) : NULL;

	if (v)
		return v;
	v = value_new(g, OP_constant, NULL, NULL, NULL, NULL);
	if (v == g->poison)
		return v;
	if (!key || map_put(&g->values, key, v))
		return no_memory(g);
	v->type = type;
	v->number = x;
	return v;
}

value *oxp_num(graph *g, double x)
{
	return scalar(g, OXP_F32, x);
}

value *oxp_int(graph *g, int64_t n)
{
	return scalar(g, OXP_I64, (double)n);
}

static value *literal(graph *g, dtype type, int rank, const int64_t *shape, const void *data)
{
	value *v = value_new(g, OP_literal, NULL, NULL, NULL, NULL);
	size_t size = (size_t)shape_count(shape, rank) * dtype_size(type);
	void *copy = v == g->poison ? NULL : arena_alloc(&g->arena, size + 1);

	if (v == g->poison)
		return v;
	if (!copy)
		return no_memory(g);
	memcpy(copy, data, size);
	v->data = copy;
	v->type = type;
	v->rank = rank;
	for (int i = 0; i < rank; i++)
		v->dim[i] = dim_const(g, shape[i]);
	return value_done(v);
}

value *oxp_floats(graph *g, int rank, const int64_t *shape, const float *data)
{
	return literal(g, OXP_F32, rank, shape, data);
}

value *oxp_ints(graph *g, int rank, const int64_t *shape, const int64_t *data)
{
	return literal(g, OXP_I64, rank, shape, data);
}

/* ---- The order ---- */

struct walk {
	value **order;
	int n, room;
	int failed;
};

static void visit(struct walk *w, value *v)
{
	value **more;

	if (v->id >= 0)
		return;
	v->id = 0; /* on the way; the graph has no cycles, so this only marks */
	for (int i = 0; i < v->inputs; i++)
		visit(w, v->in[i]);
	if (w->n == w->room) {
		int room = w->room ? w->room * 2 : 256;

		more = realloc(w->order, (size_t)room * sizeof(*more));
		if (!more) {
			w->failed = 1;
			return;
		}
		w->order = more;
		w->room = room;
	}
	v->id = w->n;
	w->order[w->n++] = v;
}

int graph_order(graph *g)
{
	struct walk w = { 0 };

	for (int i = 0; i < g->ordered; i++)
		g->order[i]->id = -1;
	for (int i = 0; i < g->outputs; i++)
		visit(&w, g->output[i].x);
	g->order = w.failed ? NULL : arena_array(&g->arena, (size_t)w.n, sizeof(*g->order));
	if (!g->order) {
		free(w.order);
		g->ordered = 0;
		return error_memory(g->error);
	}
	g->ordered = w.n;
	if (w.n)
		memcpy(g->order, w.order, (size_t)w.n * sizeof(*g->order));
	free(w.order);
	for (int i = 0; i < g->ordered; i++)
		g->order[i]->users = 0;
	for (int i = 0; i < g->ordered; i++)
		for (int k = 0; k < g->order[i]->inputs; k++)
			g->order[i]->in[k]->users++;
	return 0;
}

/* Parameters that are needed and that no file has: all of them in one error, or seeded. */
static int check_weights(graph *g, error *e)
{
	text list = { 0 };
	int missing = 0;

	for (int i = 0; g->weights && i < g->ordered; i++) {
		param *p = g->order[i]->param;

		if (g->order[i]->op != OP_param || p->view)
			continue;
		if (g->allow_missing) {
			p->seeded = 1;
			g->seeded++;
			continue;
		}
		if (missing++ < 12)
			text_add(&list, "\n  %s", p->path);
	}
	if (missing > 12)
		text_add(&list, "\n  … and %d more", missing - 12);
	if (missing)
		error_set(
			e, E_MODEL,
			"%s: the checkpoint lacks %d parameter%s that this feature needs:%s\n"
			"choose a feature that the checkpoint was saved for, or --allow-missing to "
			"fill them with seeded values",
			g->weights->folder, missing, missing == 1 ? "" : "s", list.s ? list.s : "");
	text_free(&list);
	return e->code;
}

int graph_finish(graph *g, error *e)
{
	if (e->code)
		return e->code;
	if (!g->outputs)
		return error_set(e, E_INTERNAL, "the architecture gave the graph no output");
	if (graph_order(g))
		return e->code;
	return check_weights(g, e);
}

void param_read(const param *p, int64_t first, int64_t count, float *out)
{
	if (p->view)
		tensor_read(p->view, first, count, out);
	else
		fill_values(p->name, p->shape, p->rank, first, count, out);
}

const float *param_data(const param *p)
{
	if (!p->view || p->view->strided || p->view->type != OXP_F32 ||
	    p->view->offset % sizeof(float))
		return NULL;
	return (const float *)(const void *)(p->view->file->data + p->view->offset);
}
