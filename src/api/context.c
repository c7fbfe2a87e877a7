/* Contexts, and the questions about what there is. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

oxp_context *oxp_context_new(void)
{
	return calloc(1, sizeof(oxp_context));
}

void oxp_context_free(oxp_context *c)
{
	if (!c)
		return;
	arena_free(&c->results);
	text_free(&c->report);
	free(c->registry.custom);
	free(c);
}

const char *oxp_error_message(const oxp_context *c)
{
	return c->error.text;
}

const char *oxp_version(void)
{
	return OXP_VERSION;
}

void oxp_set_log(oxp_context *c, oxp_log_fn *log, void *user)
{
	c->log = log;
	c->log_user = user;
}

void oxp_set_progress(oxp_context *c, oxp_progress_fn *progress, void *user)
{
	c->progress = progress;
	c->progress_user = user;
}

void api_log(oxp_context *c, oxp_log_level level, const char *fmt, ...)
{
	char line[8192];
	va_list args;

	if (!c->log)
		return;
	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	c->log(c->log_user, level, line);
}

void api_start(oxp_context *c, oxp_result *result)
{
	c->error = (error){ 0 };
	arena_free(&c->results);
	text_free(&c->report);
	memset(result, 0, sizeof *result);
}

int oxp_register(oxp_context *c, const oxp_arch *a)
{
	const arch **more;

	c->error = (error){ 0 };
	if (!a || !a->types || !*a->types || !a->tasks || !a->tasks->feature)
		return error_set(&c->error, E_ARGUMENT,
				 "an architecture needs types and at least one task");
	more = realloc(c->registry.custom, sizeof(*more) * (size_t)(c->registry.customs + 1));
	if (!more)
		return error_memory(&c->error);
	memmove(more + 1, more, sizeof(*more) * (size_t)c->registry.customs);
	more[0] = a;
	c->registry.custom = more;
	c->registry.customs++;
	return 0;
}

const char *oxp_model_type(oxp_context *c, int i)
{
	return i >= 0 && registry_type(&c->registry, i, c->name) ? c->name : NULL;
}

const char *oxp_feature(oxp_context *c, const char *type, int i)
{
	error ignored = { 0 };
	const arch *a = registry_find(&c->registry, type, &ignored);

	for (int k = 0; a && a->tasks[k].feature; k++)
		if (!task_next(&a->tasks[k]) && i-- == 0)
			return a->tasks[k].feature;
	return NULL;
}

/* ---- Describing ---- */

static int describe_tensor(arena *a, oxp_tensor_info *t, const char *name, const value *v)
{
	t->name = arena_strdup(a, name);
	t->type = v->type;
	t->rank = v->rank;
	for (int i = 0; i < v->rank; i++)
		if (!(t->axis[i] = arena_strdup(a, v->dim[i]->text)))
			return -1;
	return t->name ? 0 : -1;
}

struct described {
	oxp_description public; /* first: what the caller holds */
	arena arena;
};

static int describe(const loaded *l, const oxp_description **result, error *e)
{
	struct described *d = calloc(1, sizeof *d);
	const graph *g = l->graph;
	oxp_tensor_info *in, *out;
	int failed = 0;

	if (!d)
		return error_memory(e);
	in = arena_array(&d->arena, (size_t)g->inputs + 1, sizeof *in);
	out = arena_array(&d->arena, (size_t)g->outputs + 1, sizeof *out);
	for (int i = 0; in && i < g->inputs; i++)
		failed |= describe_tensor(&d->arena, &in[i], g->input[i]->input->name, g->input[i]);
	for (int i = 0; out && i < g->outputs; i++)
		failed |= describe_tensor(&d->arena, &out[i], g->output[i].name, g->output[i].x);
	d->public = (oxp_description){ .type = arena_strdup(&d->arena, l->type),
				       .feature = arena_strdup(&d->arena, l->feature),
				       .file = arena_strdup(&d->arena, api_file(l)),
				       .opset = task_opset(l->task),
				       .atol = task_atol(l->task),
				       .input_count = g->inputs,
				       .output_count = g->outputs,
				       .inputs = in,
				       .outputs = out };
	if (failed || !in || !out || !d->public.type || !d->public.feature || !d->public.file) {
		oxp_description_free(&d->public);
		return error_memory(e);
	}
	*result = &d->public;
	return 0;
}

/* Every graph of the feature, from the one that is built on. */
static int describe_all(oxp_context *c, loaded *l, oxp_description **result)
{
	static const oxp_options defaults;
	const oxp_description *d = NULL, *last = NULL;

	while (l->task && describe(l, &d, &c->error) == 0) {
		if (last)
			((struct described *)(uintptr_t)last)->public.next = d;
		else
			*result = (oxp_description *)(uintptr_t)d;
		last = d;
		if (api_next(c, l, &defaults))
			break;
	}
	return c->error.code;
}

/* A type's graph with the defaults of its configuration class, or the row's example. */
static int load_type(oxp_context *c, const arch *a, const char *type, const char *feature,
		     loaded *l)
{
	error *e = &c->error;

	l->type = arena_strdup(&l->arena, type);
	l->config = a->example ? cfg_parse("(example)", a->example, strlen(a->example), e)
			       : cfg_empty(e);
	if (!l->config || !l->type)
		return error_memory(e);
	l->task = registry_task(a, type, feature, e);
	if (!l->task)
		return e->code;
	l->feature = l->task->feature;
	return api_build(c, a, l, &(oxp_options){ 0 });
}

int oxp_describe(oxp_context *c, const char *model, const oxp_options *options,
		 oxp_description **result)
{
	static const oxp_options defaults;
	const oxp_options *o = options ? options : &defaults;
	const char *feature = o->feature ? o->feature : "default";
	error unknown = { 0 };
	loaded l = { 0 };
	const arch *a;

	c->error = (error){ 0 };
	*result = NULL;
	a = registry_find(&c->registry, model, &unknown);
	if (a && !path_is_folder(model)) {
		(void)!load_type(c, a, model, feature, &l);
	} else if (!a && !strchr(model, '/') && !path_is_folder(model)) {
		c->error = unknown;
	} else {
		a = api_find(c, model, o, &l);
		if (a)
			(void)!api_build(c, a, &l, o);
	}
	if (!c->error.code && describe_all(c, &l, result)) {
		oxp_description_free(*result);
		*result = NULL;
	}
	api_unload(&l);
	return c->error.code;
}

void oxp_description_free(oxp_description *d)
{
	while (d) {
		struct described *x = (struct described *)d;

		d = (oxp_description *)(uintptr_t)d->next;
		arena_free(&x->arena);
		free(x);
	}
}
