/* From the graph to ONNX nodes: names, forms, constants, shapes. What each op becomes is in
 * lower_ops.c. */
#include "onnx/lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int onnx_ir_version(int opset)
{
	static const int version[] = {
		6, 7, 7, 7, 8, 8, 8, 8, 9, 9, 10, 10, 11, 12, 13, 13, 13, 14
	};

	return version[opset - ONNX_OPSET_LEAST];
}

static void no_memory(lowering *l)
{
	error_memory(l->e);
}

static int add_node(lowering *l, onnx_nodes *list, onnx_node *n)
{
	onnx_node **more = arena_grow(&l->m->arena, list->node, (size_t)list->count, sizeof(*more));

	if (!more)
		return -1;
	list->node = more;
	list->node[list->count++] = n;
	return 0;
}

/* encoder.layer.3.attention → /encoder/layer.3/attention, without the model's prefix */
static const char *node_folder(lowering *l)
{
	const char *s = l->now ? l->now->scope : "", *prefix = l->g->prefix;
	size_t n = prefix ? strlen(prefix) : 0;
	char *out;

	if (n && strncmp(s, prefix, n) == 0 && (s[n] == '.' || !s[n]))
		s += n + (s[n] == '.');
	out = arena_printf(&l->m->arena, "%s%s/", *s ? "/" : "", s);
	for (char *p = out; p && *p; p++)
		if (*p == '.' && (p[1] < '0' || p[1] > '9'))
			*p = '/';
	return out;
}

static const char *node_name(lowering *l, const char *op)
{
	const char *folder = l->in_function ? "" : node_folder(l);
	char *base = folder ? arena_printf(&l->m->arena, "%s%s", folder, op) : NULL;
	size_t taken;

	if (!base)
		return NULL;
	taken = (size_t)map_get(&l->names, base);
	if (map_put(&l->names, base, (void *)(taken + 1)))
		return NULL;
	return taken ? arena_printf(&l->m->arena, "%s_%zu", base, taken) : base;
}

/* A node's text without its name: what makes two nodes the same. */
static char *node_key(lowering *l, const emission *e)
{
	text t = { 0 };
	char *key;

	text_add(&t, "%p %s", (void *)l->sink, e->op);
	for (int i = 0; i < MOST_NODE_INPUTS && e->in[i]; i++)
		text_add(&t, " %s", e->in[i]);
	for (int i = 0; i < MOST_NODE_ATTRIBUTES && e->attribute[i].name; i++) {
		const attribute *a = &e->attribute[i];

		text_add(&t, " %s=%lld,%.17g,%s", a->name, (long long)a->i, a->f, a->s ? a->s : "");
		for (int k = 0; k < a->count; k++)
			text_add(&t, ",%lld", (long long)a->ints[k]);
	}
	key = t.s && !t.failed ? arena_strdup(&l->m->arena, t.s) : NULL;
	text_free(&t);
	return key;
}

const char *emit(lowering *l, const emission *e)
{
	char *key = l->e->code ? NULL : node_key(l, e);
	const char *known = key ? map_get(&l->emitted, key) : NULL;
	onnx_node *n;

	if (known)
		return known;
	n = key ? arena_alloc(&l->m->arena, sizeof *n) : NULL;
	if (!n || !(n->name = node_name(l, e->op)) ||
	    !(n->out = arena_printf(&l->m->arena, "%s_output", n->name)) ||
	    map_put(&l->emitted, key, (void *)(uintptr_t)n->out) || add_node(l, l->sink, n)) {
		no_memory(l);
		return "";
	}
	n->op = e->op;
	n->domain = e->domain ? e->domain : "";
	while (n->inputs < MOST_NODE_INPUTS && e->in[n->inputs]) {
		n->in[n->inputs] = e->in[n->inputs];
		n->inputs++;
	}
	while (n->attributes < MOST_NODE_ATTRIBUTES && e->attribute[n->attributes].name) {
		n->attribute[n->attributes] = e->attribute[n->attributes];
		n->attributes++;
	}
	return n->out;
}

/* ---- Initializers ---- */

static onnx_initializer *add_initializer(lowering *l, const char *name)
{
	onnx_model *m = l->m;
	onnx_initializer *x = arena_alloc(&m->arena, sizeof *x);
	onnx_initializer **more =
		arena_grow(&m->arena, m->initializer, (size_t)m->initializers, sizeof(*more));

	if (!x || !more || map_put(&l->initializers, name, x)) {
		no_memory(l);
		return NULL;
	}
	x->name = name;
	m->initializer = more;
	m->initializer[m->initializers++] = x;
	return x;
}

static const char *literal(lowering *l, const char *name, onnx_initializer like, const void *data)
{
	onnx_initializer *x;
	void *copy;

	if (!name) {
		no_memory(l);
		return "";
	}
	if (map_get(&l->initializers, name))
		return name;
	x = add_initializer(l, name);
	copy = x ? arena_alloc(&l->m->arena, (size_t)like.size + 1) : NULL;
	if (!copy) {
		no_memory(l);
		return "";
	}
	memcpy(copy, data, (size_t)like.size);
	like.name = name;
	like.literal = copy;
	*x = like;
	return name;
}

const char *const_float(lowering *l, double x)
{
	float f = (float)x;

	if (l->in_function)
		return EMIT(l, .op = "Constant",
			    .attribute = { { .name = "value", .kind = ATTRIBUTE_SCALAR, .f = f } });
	return literal(l, arena_printf(&l->m->arena, "/constant/%.9g", (double)f),
		       (onnx_initializer){ .type = OXP_F32, .size = sizeof f }, &f);
}

const char *const_ints(lowering *l, int rank, const int64_t *x, int n)
{
	text t = { 0 };
	const char *name;
	attribute list = { .name = "value_ints", .kind = ATTRIBUTE_INTS, .count = n };

	if (l->in_function) {
		memcpy(list.ints, x, sizeof *x * (size_t)n);
		return EMIT(l, .op = "Constant", .attribute = { list });
	}
	text_add(&t, rank ? "/constant/int64" : "/constant/int64_scalar");
	for (int i = 0; i < n; i++)
		text_add(&t, "_%lld", (long long)x[i]);
	name = t.s && !t.failed ? arena_strdup(&l->m->arena, t.s) : NULL;
	text_free(&t);
	return literal(l, name,
		       (onnx_initializer){ .type = OXP_I64,
					   .rank = rank,
					   .shape = { n },
					   .size = (uint64_t)n * sizeof *x },
		       x);
}

const char *const_int(lowering *l, int64_t x)
{
	return const_ints(l, 0, &x, 1);
}

const char *const_no_floats(lowering *l)
{
	return literal(l, "/constant/none", (onnx_initializer){ .type = OXP_F32, .rank = 1 }, "");
}

const char *const_tensor(lowering *l, const value *v)
{
	onnx_initializer like = { .type = v->type, .rank = v->rank };

	for (int i = 0; i < v->rank; i++)
		like.shape[i] = dim_number(v->dim[i]);
	like.size = (uint64_t)shape_count(like.shape, like.rank) * dtype_size(like.type);
	for (int i = 0; i < l->m->initializers; i++) {
		const onnx_initializer *x = l->m->initializer[i];

		if (x->literal && x->type == like.type && x->rank == like.rank &&
		    memcmp(x->shape, like.shape, sizeof like.shape) == 0 &&
		    memcmp(x->literal, v->data, (size_t)like.size) == 0)
			return x->name;
	}
	return literal(l, arena_printf(&l->m->arena, "/constant/table_%d", l->m->initializers),
		       like, v->data);
}

static onnx_initializer *add_parameter(lowering *l, const char *name, const param *p, dtype type)
{
	onnx_initializer *x = add_initializer(l, name);

	if (!x)
		return NULL;
	x->type = type;
	x->param = p;
	x->rank = p->rank;
	memcpy(x->shape, p->shape, sizeof x->shape);
	x->size = (uint64_t)shape_count(p->shape, p->rank) * dtype_size(type);
	return x;
}

const char *folded_parameter(lowering *l, const param *p, const onnx_fold *f)
{
	const char *name = arena_printf(&l->m->arena, "%s.folded", p->name);
	onnx_fold *kept = arena_alloc(&l->m->arena, sizeof *kept);
	onnx_initializer *x = name && kept ? add_parameter(l, name, p, OXP_F32) : NULL;

	if (!x) {
		no_memory(l);
		return "";
	}
	*kept = *f;
	x->fold = kept;
	return name;
}

/* The type that a parameter is stored as. */
static dtype stored_type(const lowering *l, const param *p, int transposed)
{
	int is_linked = l->options->weights == OXP_WEIGHTS_LINK && !transposed;
	dtype type = p->view ? p->view->type : OXP_F32;

	switch (l->options->dtype) {
	case OXP_DTYPE_FP16:
		return OXP_F16;
	case OXP_DTYPE_BF16:
		return OXP_BF16;
	case OXP_DTYPE_KEEP:
		return type == OXP_F16 || type == OXP_BF16 ? type : OXP_F32;
	case OXP_DTYPE_AUTO: /* linked bytes are the checkpoint's, of whatever type */
		return is_linked && p->view && !p->view->strided ? type : OXP_F32;
	default:
		return OXP_F32;
	}
}

const char *parameter(lowering *l, const value *p, int transposed)
{
	const param *q = p->param;
	const char *name = q->name;
	onnx_initializer *x;

	if (transposed)
		name = arena_printf(&l->m->arena, "%s.transposed", name);
	if (!name) {
		no_memory(l);
		return "";
	}
	x = map_get(&l->initializers, name);
	if (!x) {
		x = add_parameter(l, name, q, stored_type(l, q, transposed));
		if (!x)
			return "";
		x->transposed = transposed;
		if (transposed) {
			x->shape[0] = q->shape[1];
			x->shape[1] = q->shape[0];
		}
	}
	if (x->type == OXP_F32)
		return name;
	if (x->type == OXP_BF16 && l->opset < 13) {
		error_set(
			l->e, E_UNSUPPORTED,
			"%s: is stored as bfloat16, which opset %d cannot take; use --opset 13 or "
			"higher, or --dtype fp32",
			name, l->opset);
		return "";
	}
	return EMIT(l, .op = "Cast", .in = { name }, .attribute = { ATTR_I("to", OXP_F32) });
}

/* ---- Forms ---- */

int has_flat(const lowering *l, const value *v)
{
	return l->form[v->id].flat != NULL;
}

int has_full(const lowering *l, const value *v)
{
	return l->form[v->id].full != NULL;
}

void set_full(lowering *l, const value *v, const char *name)
{
	l->form[v->id].full = name;
	if (v->rank == 2)
		l->form[v->id].flat = name;
}

void set_flat(lowering *l, const value *v, const char *name)
{
	l->form[v->id].flat = name;
	if (v->rank == 2)
		l->form[v->id].full = name;
}

/* The dimensions of the flat form. */
static void flat_dims(lowering *l, const value *v, const dim *to[2])
{
	to[0] = dim_const(l->g, 1);
	for (int i = 0; i + 1 < v->rank; i++)
		to[0] = dim_mul(l->g, to[0], v->dim[i]);
	to[1] = v->dim[v->rank - 1];
}

/* A reshape is made when somebody asks, straight from its operand to the form asked for. */
static const char *reshaped(lowering *l, const value *v, const dim *const *to, int rank)
{
	const value *x = v->in[0];
	const dim *from[2];

	if (has_full(l, x) || !has_flat(l, x) || x->op == OP_param)
		return reshape_to(l, full(l, x), x->dim, x->rank, to, rank);
	flat_dims(l, x, from);
	if (rank == 2 && from[0] == to[0] && from[1] == to[1])
		return flat(l, x);
	return reshape_to(l, flat(l, x), from, 2, to, rank);
}

const char *full(lowering *l, const value *v)
{
	value_forms *f = &l->form[v->id];

	if (!f->full && v->op == OP_param)
		f->full = parameter(l, v, 0);
	if (!f->full && !f->flat && v->op == OP_reshape)
		f->full = reshaped(l, v, v->dim, v->rank);
	if (!f->full && f->flat) {
		const dim *from[2];

		flat_dims(l, v, from);
		f->full = reshape_to(l, f->flat, from, 2, v->dim, v->rank);
	}
	return f->full ? f->full : "";
}

const char *flat(lowering *l, const value *v)
{
	value_forms *f = &l->form[v->id];

	if (!f->flat) {
		const dim *to[2];

		flat_dims(l, v, to);
		if (v->rank == 2)
			f->flat = full(l, v);
		else if (v->op == OP_reshape && !f->full)
			f->flat = reshaped(l, v, to, 2);
		else
			f->flat = reshape_to(l, full(l, v), v->dim, v->rank, to, 2);
	}
	return f->flat;
}

/* ---- Shapes at run time ---- */

static const onnx_port *axis_source(lowering *l, const char *axis, int *at)
{
	for (int i = 0; i < l->m->inputs; i++) {
		const onnx_port *p = &l->m->input[i];

		for (*at = 0; *at < p->rank; ++*at)
			if (strcmp(p->dim[*at]->text, axis) == 0)
				return p;
	}
	return NULL;
}

static const char *axis_length(lowering *l, const char *axis, int scalar)
{
	int k;
	const onnx_port *p = axis_source(l, axis, &k);
	const char *shape;

	if (!p) {
		error_set(l->e, E_INTERNAL, "no input has the axis %s", axis);
		return "";
	}
	shape = EMIT(l, .op = "Shape", .in = { p->name });
	return EMIT(l, .op = "Gather", .in = { shape, const_ints(l, !scalar, &(int64_t){ k }, 1) },
		    .attribute = { ATTR_I("axis", 0) });
}

static const char *factor_length(lowering *l, const dim_factor *f, int scalar)
{
	const char *a, *b, *swap;

	if (f->kind == FACTOR_AXIS)
		return axis_length(l, f->name, scalar);
	a = run_time_dim(l, f->a, scalar);
	b = run_time_dim(l, f->b, scalar);
	if (f->kind == FACTOR_DIV)
		return EMIT(l, .op = "Div", .in = { a, b });
	swap = EMIT(l, .op = f->kind == FACTOR_MIN ? "Greater" : "Less", .in = { a, b });
	return EMIT(l, .op = "Where", .in = { swap, b, a });
}

const char *run_time_dim(lowering *l, const dim *d, int scalar)
{
	const char *sum = NULL;

	if (!d) /* after an error */
		return "";
	for (int i = 0; i < d->terms; i++) {
		const dim_term *t = &d->term[i];
		const char *product =
			t->times == 1 && t->factors ? NULL : const_ints(l, !scalar, &t->times, 1);

		for (int k = 0; k < t->factors; k++) {
			const char *n = factor_length(l, t->factor[k], scalar);

			product = product ? EMIT(l, .op = "Mul", .in = { product, n }) : n;
		}
		sum = sum ? EMIT(l, .op = "Add", .in = { sum, product }) : product;
	}
	return sum ? sum : const_ints(l, !scalar, &(int64_t){ 0 }, 1);
}

/* How much work a dimension is at run time: the one that costs most becomes Reshape's -1. */
static int dim_cost(const dim *d)
{
	int cost = d->terms > 1;

	for (int i = 0; i < d->terms; i++)
		cost += d->term[i].factors + (d->term[i].times != 1);
	return cost;
}

const char *run_time_shape(lowering *l, const dim *const *to, int rank)
{
	emission concat = { .op = "Concat", .attribute = { ATTR_I("axis", 0) } };

	for (int i = 0; i < rank; i++)
		concat.in[i] = run_time_dim(l, to[i], 0);
	return rank == 1 ? concat.in[0] : emit(l, &concat);
}

/*
 * Reshape's target. Constants stand for themselves, 0 copies a dimension that stays in place, -1 is
 * one that follows from the rest; only what then is left is asked for at run time.
 */
static const char *shape_operand(lowering *l, const dim *const *from, int from_rank,
				 const dim *const *to, int rank)
{
	int64_t n[OXP_MAX_RANK];
	const char *piece[MOST_NODE_INPUTS] = { 0 };
	int unknown = 0, inferred = -1, pieces = 0;
	emission concat = { .op = "Concat", .attribute = { ATTR_I("axis", 0) } };

	if (l->e->code)
		return "";
	for (int i = 0; i < rank; i++) {
		n[i] = dim_number(to[i]);
		if (n[i] >= 0)
			continue;
		if (i < from_rank && from[i] == to[i])
			n[i] = 0;
		else if (unknown++ == 0 || dim_cost(to[i]) > dim_cost(to[inferred]))
			inferred = i;
	}
	if (unknown <= 1)
		return const_ints(l, 1, n, rank);
	for (int i = 0; i < rank; pieces++) {
		int start = i;

		if (n[i] < 0 && i != inferred) {
			piece[pieces] = run_time_dim(l, to[i++], 0);
			continue;
		}
		while (i < rank && (n[i] >= 0 || i == inferred))
			i++;
		piece[pieces] = const_ints(l, 1, n + start, i - start);
	}
	memcpy(concat.in, piece, sizeof concat.in);
	return emit(l, &concat);
}

const char *reshape_to(lowering *l, const char *x, const dim *const *from, int from_rank,
		       const dim *const *to, int rank)
{
	return EMIT(l, .op = "Reshape", .in = { x, shape_operand(l, from, from_rank, to, rank) });
}

const char *emit_unsqueeze(lowering *l, const char *x, int axis)
{
	attribute axes = { .name = "axes", .kind = ATTRIBUTE_INTS, .ints = { axis }, .count = 1 };

	if (l->opset < 13)
		return EMIT(l, .op = "Unsqueeze", .in = { x }, .attribute = { axes });
	return EMIT(l, .op = "Unsqueeze", .in = { x, const_ints(l, 1, &(int64_t){ axis }, 1) });
}

/* ---- Functions ---- */

static onnx_function *find_function(const onnx_model *m, const char *name)
{
	for (int i = 0; i < m->functions; i++)
		if (strcmp(m->function[i]->name, name) == 0)
			return m->function[i];
	return NULL;
}

/* The body, with the function's own input names for operands. */
static onnx_function *make_function(lowering *l, const written_out *w)
{
	static const char *const letters[] = { "a", "b", "c", "d" };
	onnx_function *f = arena_alloc(&l->m->arena, sizeof *f);
	onnx_nodes *sink = l->sink;
	written_out inside = *w;

	if (!f || l->m->functions == MOST_FUNCTIONS) {
		no_memory(l);
		return NULL;
	}
	l->m->function[l->m->functions++] = f;
	f->name = w->name;
	f->inputs = w->inputs;
	f->attribute = w->attribute;
	memcpy(f->in, letters, (size_t)w->inputs * sizeof(*letters));
	memcpy(inside.in, f->in, sizeof inside.in);
	l->sink = &f->body;
	l->in_function = 1;
	f->out = w->body(l, &inside);
	l->sink = sink;
	l->in_function = 0;
	return f;
}

const char *emit_function(lowering *l, const written_out *w)
{
	emission call = { .op = w->name, .domain = ONNX_FUNCTIONS };

	if (l->m->ir_version < 8)
		return w->body(l, w);
	if (!find_function(l->m, w->name) && !make_function(l, w))
		return "";
	memcpy(call.in, w->in, (size_t)w->inputs * sizeof w->in[0]);
	if (w->attribute)
		call.attribute[0] = ATTR_F(w->attribute, w->number);
	return emit(l, &call);
}

const char *const_attribute(lowering *l, const written_out *w)
{
	if (!l->in_function)
		return const_float(l, w->number);
	return EMIT(l, .op = "Constant",
		    .attribute = { { .name = "value_float",
				     .kind = ATTRIBUTE_REFERENCE,
				     .s = w->attribute } });
}

/* ---- The whole ---- */

static const struct {
	void (*lower)(lowering *l, const value *v);
} table[] = {
#define OP(name, least, most) { lower_##name },
#include "ir/ops.def"
#undef OP
};

static int lower_inputs(lowering *l)
{
	onnx_model *m = l->m;
	const graph *g = l->g;

	m->input = arena_array(&m->arena, (size_t)g->inputs + 1, sizeof *m->input);
	m->output = arena_array(&m->arena, (size_t)g->outputs + 1, sizeof *m->output);
	if (!m->input || !m->output)
		return error_memory(l->e);
	for (int i = 0; i < g->inputs; i++) {
		const value *v = g->input[i];
		onnx_port *p = &m->input[m->inputs++];

		*p = (onnx_port){ v->input->name, v->type, v->rank, { 0 } };
		memcpy(p->dim, v->dim, sizeof p->dim);
	}
	return 0;
}

static onnx_node *producer(const onnx_model *m, const char *name)
{
	for (int i = m->graph.count; i-- > 0;)
		if (m->graph.node[i]->out == name)
			return m->graph.node[i];
	return NULL;
}

/* Gives the tensor of a graph output the output's name. */
static void lower_output(lowering *l, const output_value *o)
{
	onnx_model *m = l->m;
	const char *name = full(l, o->x), *old;
	onnx_port *p = &m->output[m->outputs++];
	onnx_node *n = producer(m, name);

	*p = (onnx_port){ o->name, o->x->type, o->x->rank, { 0 } };
	memcpy(p->dim, o->x->dim, sizeof p->dim);
	for (int i = 0; n && i + 1 < m->outputs; i++)
		if (m->output[i].name == name) /* two outputs of one value */
			n = NULL;
	if (!n) {
		l->now = NULL;
		old = EMIT(l, .op = "Identity", .in = { name }, .attribute = { { 0 } });
		n = producer(m, old);
		if (!n)
			return;
	}
	old = n->out;
	n->out = o->name;
	for (int i = 0; i < m->graph.count; i++)
		for (int k = 0; k < m->graph.node[i]->inputs; k++)
			if (m->graph.node[i]->in[k] == old)
				m->graph.node[i]->in[k] = o->name;
	l->form[o->x->id].full = o->name;
}

static int is_output(const onnx_model *m, const char *name)
{
	for (int i = 0; i < m->outputs; i++)
		if (strcmp(m->output[i].name, name) == 0)
			return 1;
	return 0;
}

/* Drops what lowering made and nothing took: nodes from the end, then initializers. */
static int drop_unneeded(lowering *l)
{
	onnx_model *m = l->m;
	map needed = { 0 };
	int kept = 0;

	for (int i = m->graph.count; i-- > 0;) {
		onnx_node *n = m->graph.node[i];

		if (!is_output(m, n->out) && !map_get(&needed, n->out))
			continue;
		n->needed = 1;
		for (int k = 0; k < n->inputs; k++)
			if (map_put(&needed, n->in[k], n)) {
				map_free(&needed);
				return error_memory(l->e);
			}
	}
	for (int i = 0; i < m->graph.count; i++)
		if (m->graph.node[i]->needed)
			m->graph.node[kept++] = m->graph.node[i];
	m->graph.count = kept;
	kept = 0;
	for (int i = 0; i < m->initializers; i++)
		if (map_get(&needed, m->initializer[i]->name))
			m->initializer[kept++] = m->initializer[i];
	m->initializers = kept;
	map_free(&needed);
	return 0;
}

/* Where the layers' results are in the file; those that no node gives any more are left out. */
static int find_layers(lowering *l)
{
	onnx_model *m = l->m;
	map given = { 0 };
	int failed = 0;

	m->layer = arena_array(&m->arena, (size_t)l->g->ordered + 1, sizeof *m->layer);
	for (int i = 0; i < m->graph.count; i++)
		failed |= map_put(&given, m->graph.node[i]->out, m->graph.node[i]);
	for (int i = 0; m->layer && !failed && i < l->g->ordered; i++) {
		const value *v = l->g->order[i];
		const value_forms *f = &l->form[v->id];
		const char *name = f->full && map_get(&given, f->full) ? f->full : f->flat;

		if (v->is_layer && v->type == OXP_F32 && name && map_get(&given, name))
			m->layer[m->layers++] = (onnx_layer){ v, name };
	}
	map_free(&given);
	return !m->layer || failed ? error_memory(l->e) : 0;
}

static int lower_graph(lowering *l)
{
	const graph *g = l->g;

	l->form = arena_array(&l->m->arena, (size_t)g->ordered + (size_t)g->inputs + 1,
			      sizeof *l->form);
	if (!l->form)
		return error_memory(l->e);
	if (lower_inputs(l))
		return l->e->code;
	for (int i = 0; i < g->ordered && !l->e->code; i++) {
		l->now = g->order[i];
		table[g->order[i]->op].lower(l, g->order[i]);
	}
	for (int i = 0; i < g->outputs && !l->e->code; i++) {
		l->now = g->output[i].x;
		lower_output(l, &g->output[i]);
	}
	if (l->e->code || drop_unneeded(l))
		return l->e->code;
	return l->options->layers ? find_layers(l) : 0;
}

onnx_model *onnx_lower(graph *g, const onnx_options *o, error *e)
{
	onnx_model *m = calloc(1, sizeof *m);
	lowering l = { .g = g, .m = m, .e = e, .options = o, .opset = o->opset };

	if (!m) {
		error_memory(e);
		return NULL;
	}
	m->opset = o->opset;
	m->ir_version = onnx_ir_version(o->opset);
	m->name = "onnxport";
	l.sink = &m->graph;
	lower_graph(&l);
	map_free(&l.emitted);
	map_free(&l.names);
	map_free(&l.initializers);
	if (e->code) {
		onnx_model_free(m);
		return NULL;
	}
	return m;
}

void onnx_metadata(onnx_model *m, const char *key, const char *what, error *e)
{
	char *copy = arena_strdup(&m->arena, what);

	if (!copy || m->metadatas == MOST_METADATA) {
		error_memory(e);
		return;
	}
	m->metadata[m->metadatas][0] = key;
	m->metadata[m->metadatas++][1] = copy;
}

void onnx_model_free(onnx_model *m)
{
	if (!m)
		return;
	arena_free(&m->arena);
	free(m);
}
