/*
 * The built-in evaluator: reads an ONNX file back, writes its functions out where they are called,
 * and runs one operator after the other. It shares the matrix product with the reference executor
 * and nothing else: what lowering and writing made of the graph is what is run.
 */
#include "check/eval.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "check/session.h"

enum { DEEPEST = 8, NO_SLOT = -1 };

typedef struct planned {
	onnx_step *step;
	eval_kernel *kernel;
	int in[MOST_NODE_OPERANDS]; /* slots */
	int out;
} planned;

typedef struct evaluation {
	session base;
	onnx_file *file;
	planned *plan;
	int planned, room;
	int slots;
	const onnx_tensor **constant; /* by slot: an initializer, or NULL */
	int *output;                  /* slots of the graph's */
	int *uses;
	int64_t most; /* elements that a run may make */
	error *e;
} evaluation;

/* ---- Planning ---- */

static eval_kernel *find_kernel(const char *op)
{
	static const struct {
		const char *op;
		eval_kernel *kernel;
	} table[] = {
#define OP(name) { #name, eval_##name },
#include "check/eval_ops.def"
#undef OP
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].op, op) == 0)
			return table[i].kernel;
	return NULL;
}

static int new_slot(evaluation *x, map *names, const char *name)
{
	if (map_put(names, name, (void *)(intptr_t)(x->slots + 1)))
		error_memory(x->e);
	return x->slots++;
}

static int slot_of(evaluation *x, const map *names, const char *name)
{
	int found = (int)(intptr_t)map_get(names, name);

	if (!*name)
		return NO_SLOT;
	if (!found)
		error_set(x->e, E_MODEL, "the ONNX model uses %.100s before anything gives it",
			  name);
	return found - 1;
}

static planned *new_plan(evaluation *x)
{
	if (x->planned == x->room) {
		int room = x->room ? x->room * 2 : 256;
		planned *more = realloc(x->plan, sizeof *more * (size_t)room);

		if (!more) {
			error_memory(x->e);
			return NULL;
		}
		x->plan = more;
		x->room = room;
	}
	memset(&x->plan[x->planned], 0, sizeof *x->plan);
	return &x->plan[x->planned++];
}

static const onnx_body *find_function(const onnx_file *f, const char *name)
{
	for (int i = 0; i < f->functions; i++)
		if (strcmp(f->function[i]->name, name) == 0)
			return f->function[i];
	return NULL;
}

/* A node of a function with the settings that it takes from the call. */
static onnx_step *resolved(evaluation *x, const onnx_step *n, const onnx_step *call)
{
	onnx_step *copy = arena_alloc(&x->file->arena, sizeof *copy);

	if (!copy) {
		error_memory(x->e);
		return NULL;
	}
	*copy = *n;
	for (int i = 0; i < n->settings; i++) {
		onnx_setting *s = &copy->setting[i];
		const char *name = s->name, *wanted = s->of_call;
		int found = 0;

		for (int k = 0; wanted && call && k < call->settings && !found; k++) {
			found = strcmp(call->setting[k].name, wanted) == 0;
			if (found)
				*s = call->setting[k];
		}
		s->name = name;
		if (wanted && !found)
			error_set(x->e, E_MODEL, "%s: the call does not set %s", n->op, wanted);
	}
	return copy;
}

static void plan_body(evaluation *x, const onnx_body *b, map *names, const onnx_step *call,
		      int depth);

/* The function's nodes in the place of its call; the last one's result is the call's. */
static void plan_call(evaluation *x, const onnx_step *call, map *names, int depth)
{
	const onnx_body *f = find_function(x->file, call->op);
	map inside = { 0 };
	int failed = 0, result;

	if (!f || depth == DEEPEST || call->inputs > f->inputs) {
		error_set(x->e, E_MODEL, "the ONNX model calls %s, which it does not hold",
			  call->op);
		return;
	}
	for (int i = 0; i < call->inputs && !x->e->code; i++)
		failed |= map_put(&inside, f->input[i],
				  (void *)(intptr_t)(slot_of(x, names, call->in[i]) + 1));
	if (failed)
		error_memory(x->e);
	plan_body(x, f, &inside, call, depth + 1);
	result = x->e->code ? 0 : slot_of(x, &inside, f->output[0]);
	if (failed || map_put(names, call->out, (void *)(intptr_t)(result + 1)))
		error_memory(x->e);
	map_free(&inside);
}

static void plan_step(evaluation *x, const onnx_step *n, map *names, const onnx_step *call)
{
	eval_kernel *kernel = find_kernel(n->op);
	onnx_step *step = resolved(x, n, call);
	planned *p;

	if (!kernel)
		error_set(x->e, E_UNSUPPORTED,
			  "the built-in evaluator has no operator %s; use --runtime onnxruntime",
			  n->op);
	p = x->e->code ? NULL : new_plan(x);
	if (!p)
		return;
	p->step = step;
	p->kernel = kernel;
	for (int i = 0; i < n->inputs && !x->e->code; i++)
		p->in[i] = slot_of(x, names, n->in[i]);
	p->out = new_slot(x, names, n->out);
}

static void plan_body(evaluation *x, const onnx_body *b, map *names, const onnx_step *call,
		      int depth)
{
	for (int i = 0; i < b->steps && !x->e->code; i++) {
		if (*b->step[i]->domain)
			plan_call(x, b->step[i], names, depth);
		else
			plan_step(x, b->step[i], names, call);
	}
}

/* Slots: the inputs first, then the initializers, then what nodes give. */
static void plan(evaluation *x)
{
	const onnx_body *g = &x->file->graph;
	arena *a = &x->file->arena;
	map names = { 0 };

	for (int i = 0; i < g->inputs; i++)
		new_slot(x, &names, g->input[i]);
	for (int i = 0; i < g->tensors; i++)
		new_slot(x, &names, g->tensor[i]->name);
	plan_body(x, g, &names, NULL, 0);
	x->constant = arena_array(a, (size_t)x->slots + 1, sizeof(*x->constant));
	x->output = arena_array(a, (size_t)g->outputs + 1, sizeof *x->output);
	x->uses = arena_array(a, (size_t)x->slots + 1, sizeof *x->uses);
	if (!x->constant || !x->output || !x->uses)
		error_memory(x->e);
	for (int i = 0; i < g->tensors && !x->e->code; i++)
		x->constant[g->inputs + i] = g->tensor[i];
	for (int i = 0; i < g->outputs && !x->e->code; i++) {
		x->output[i] = slot_of(x, &names, g->output[i]);
		if (!x->e->code)
			x->uses[x->output[i]]++;
	}
	for (int i = 0; i < x->planned && !x->e->code; i++)
		for (int k = 0; k < x->plan[i].step->inputs; k++)
			if (x->plan[i].in[k] >= 0)
				x->uses[x->plan[i].in[k]]++;
	map_free(&names);
}

/* ---- Running ---- */

/* An initializer's elements: where they lie, or an aligned copy for as long as it is used. */
static int load_constant(const onnx_tensor *t, array *to, error *e)
{
	*to = (array){ .type = t->type, .rank = t->rank, .data = (void *)(uintptr_t)t->data };
	memcpy(to->shape, t->shape, sizeof to->shape);
	if ((uintptr_t)t->data % 8 == 0)
		return 0;
	if (array_make(to, t->type, t->rank, t->shape))
		return error_memory(e);
	memcpy(to->data, t->data, (size_t)t->size);
	return 0;
}

static int run_planned(const planned *p, const evaluation *x, array *slot, int64_t *left, error *e)
{
	eval_call c = { .step = p->step,
			.inputs = p->step->inputs,
			.out = &slot[p->out],
			.left = left,
			.threads = thread_count(),
			.e = e };

	for (int i = 0; i < c.inputs; i++) {
		int at = p->in[i];

		if (at < 0)
			continue;
		if (x->constant[at] && !slot[at].data &&
		    load_constant(x->constant[at], &slot[at], e))
			return e->code;
		c.in[i] = &slot[at];
	}
	return p->kernel(&c);
}

static int copy_array(const array *from, array *to, error *e)
{
	if (!from->data || array_make(to, from->type, from->rank, from->shape))
		return error_memory(e);
	memcpy(to->data, from->data, (size_t)array_count(from) * dtype_size(from->type));
	return 0;
}

static int run_plan(evaluation *x, const array *in, array *out, array *slot, int *left, error *e)
{
	int64_t elements = x->most;

	for (int i = 0; i < x->base.inputs; i++) {
		slot[i] = in[i];
		slot[i].owned = 0;
	}
	memcpy(left, x->uses, sizeof *left * (size_t)x->slots);
	for (int i = 0; i < x->planned; i++) {
		const planned *p = &x->plan[i];

		if (run_planned(p, x, slot, &elements, e))
			return e->code;
		for (int k = 0; k < p->step->inputs; k++)
			if (p->in[k] >= 0 && --left[p->in[k]] == 0)
				array_free(&slot[p->in[k]]);
		if (left[p->out] == 0)
			array_free(&slot[p->out]);
	}
	for (int i = 0; i < x->base.outputs; i++) {
		array *from = &slot[x->output[i]];

		if (x->constant[x->output[i]] && !from->data &&
		    load_constant(x->constant[x->output[i]], from, e))
			return e->code;
		if (copy_array(from, &out[i], e))
			return e->code;
	}
	return 0;
}

/* ---- What the file says of its inputs and outputs must be so ---- */

typedef struct axes_seen {
	map length; /* of an axis by its symbol, + 1 */
	error *e;
} axes_seen;

static void check_axis(axes_seen *seen, const onnx_declared *d, int k, int64_t length)
{
	const char *axis = d->axis[k];
	int64_t said = axis ? (int64_t)(intptr_t)map_get(&seen->length, axis) - 1 : d->length[k];

	if (axis && said < 0) {
		if (map_put(&seen->length, axis, (void *)(intptr_t)(length + 1)))
			error_memory(seen->e);
		return;
	}
	if (said != length)
		error_set(seen->e, E_MISMATCH,
			  "%s: the ONNX model says that axis %d (%s) is %lld long; it is %lld",
			  d->name, k, axis ? axis : "fixed", (long long)said, (long long)length);
}

static int check_declared(axes_seen *seen, onnx_declared *const *d, const array *a, int n)
{
	for (int i = 0; i < n && !seen->e->code; i++) {
		if (d[i]->rank < 0) /* a layer of a report */
			continue;
		if (d[i]->type != a[i].type || d[i]->rank != a[i].rank)
			error_set(seen->e, E_MISMATCH,
				  "%s: the ONNX model says %s of rank %d; it is %s of rank %d",
				  d[i]->name, dtype_name(d[i]->type), d[i]->rank,
				  dtype_name(a[i].type), a[i].rank);
		for (int k = 0; k < d[i]->rank && !seen->e->code; k++)
			check_axis(seen, d[i], k, a[i].shape[k]);
	}
	return seen->e->code;
}

static int run_checked(evaluation *x, const array *in, array *out, array *slot, int *left, error *e)
{
	const onnx_body *g = &x->file->graph;
	axes_seen seen = { .e = e };

	if (check_declared(&seen, g->in, in, g->inputs) == 0 &&
	    run_plan(x, in, out, slot, left, e) == 0)
		check_declared(&seen, g->out, out, g->outputs);
	map_free(&seen.length);
	return e->code;
}

static int eval_run(session *s, const array *in, array *out, error *e)
{
	evaluation *x = (evaluation *)s;
	array *slot = calloc((size_t)x->slots + 1, sizeof *slot);
	int *left = calloc((size_t)x->slots + 1, sizeof *left);

	memset(out, 0, sizeof *out * (size_t)s->outputs);
	if (!slot || !left)
		error_memory(e);
	else
		(void)!run_checked(x, in, out, slot, left, e);
	for (int i = 0; slot && i < x->slots; i++)
		array_free(&slot[i]);
	free(slot);
	free(left);
	for (int i = 0; e->code && i < s->outputs; i++)
		array_free(&out[i]);
	return e->code;
}

static void eval_close(session *s)
{
	evaluation *x = (evaluation *)s;

	onnx_file_close(x->file);
	free(x->plan);
	free(x);
}

session *eval_open(onnx_file *f, int64_t most, error *e)
{
	evaluation *x = calloc(1, sizeof *x);

	if (!x) {
		onnx_file_close(f);
		error_memory(e);
		return NULL;
	}
	x->file = f;
	x->most = most;
	x->e = e;
	x->base = (session){ .inputs = f->graph.inputs,
			     .outputs = f->graph.outputs,
			     .input = f->graph.input,
			     .output = f->graph.output,
			     .run = eval_run,
			     .close = eval_close };
	plan(x);
	if (e->code) {
		eval_close(&x->base);
		return NULL;
	}
	return &x->base;
}

session *eval_load(const char *path, error *e)
{
	onnx_file *f = onnx_file_open(path, e);

	return f ? eval_open(f, INT64_MAX, e) : NULL;
}
