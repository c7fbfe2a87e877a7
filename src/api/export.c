/* Exporting and validating: the way of the data from a folder to a file that has been checked. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "onnx/model.h"
#include "passes/passes.h"

/* ---- The file's place: written whole in a folder of its own, then moved ---- */

typedef struct staging {
	char *folder;    /* where everything is written */
	char *to_folder; /* and where it goes */
	const char *own; /* the file's name where the caller gave one, or NULL */
} staging;

/* A path ending in .onnx is a file's, for features that are one file. */
static int stage_open(staging *s, arena *a, const char *output, const task *t, error *e)
{
	size_t n = strlen(output);

	if (!n)
		return error_set(e, E_ARGUMENT, "the output has no name");
	if (n > 5 && strcmp(output + n - 5, ".onnx") == 0 && !path_is_folder(output)) {
		if (t->file)
			return error_set(e, E_ARGUMENT,
					 "%s: this feature makes several files; expected a folder",
					 output);
		s->own = path_base(output);
		s->to_folder = path_folder(a, output);
	} else {
		s->to_folder = arena_strdup(a, output);
	}
	if (!s->to_folder)
		return error_memory(e);
	if (path_make_folder(s->to_folder, e))
		return e->code;
	s->folder = arena_printf(a, "%s/.onnxport-XXXXXX", s->to_folder);
	if (!s->folder)
		return error_memory(e);
	if (!mkdtemp(s->folder)) {
		s->folder = NULL;
		return error_set(e, E_IO, "%s: cannot be written: %s", s->to_folder,
				 strerror(errno));
	}
	return chmod(s->folder, 0755) == 0
		       ? 0
		       : error_set(e, E_IO, "%s: cannot be prepared", s->folder);
}

static int same_file(const char *a, const char *b)
{
	struct stat x, y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Files beside the model that are the checkpoint's own must not replace the user's. */
static int move_file(const char *from, const char *to, int linked, error *e)
{
	if (linked && path_is_file(to)) {
		if (same_file(from, to)) /* rename would do nothing and leave both */
			return unlink(from) == 0
				       ? 0
				       : error_set(e, E_IO, "%s: %s", from, strerror(errno));
		return error_set(
			e, E_IO,
			"%s: is in the way of the linked weights; move it or choose another "
			"output",
			to);
	}
	if (rename(from, to) != 0)
		return error_set(e, E_IO, "%s: cannot take its name: %s", to, strerror(errno));
	return 0;
}

/* 0: weights, which go first; 1: models, which name them */
static int is_model(const char *name)
{
	return ends_with(name, ".onnx");
}

static int is_linked(const char *name)
{
	return !is_model(name) && !ends_with(name, ".onnx_data");
}

/* Everything in the staging folder to its place, the models last. */
static int stage_publish(staging *s, arena *a, error *e)
{
	for (int models = 0; models < 2 && !e->code; models++) {
		DIR *d = opendir(s->folder);
		struct dirent *x;

		if (!d)
			return error_set(e, E_IO, "%s: %s", s->folder, strerror(errno));
		while (!e->code && (x = readdir(d))) {
			char *from, *to;

			if (x->d_name[0] == '.' || is_model(x->d_name) != models)
				continue;
			from = path_join(a, s->folder, x->d_name);
			to = path_join(a, s->to_folder, x->d_name);
			if (!from || !to)
				error_memory(e);
			else
				(void)!move_file(from, to, is_linked(x->d_name), e);
		}
		closedir(d);
	}
	return e->code;
}

static void stage_close(const staging *s)
{
	DIR *d = s->folder ? opendir(s->folder) : NULL;
	struct dirent *x;

	while (d && (x = readdir(d)))
		if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
			unlinkat(dirfd(d), x->d_name, 0);
	if (d)
		closedir(d);
	if (s->folder)
		rmdir(s->folder);
}

/* ---- Export ---- */

static int on_weights(void *context, uint64_t done, uint64_t total)
{
	oxp_context *c = context;

	return c->progress ? c->progress(c->progress_user, "weights", done, total) : 0;
}

/* What the file says of itself. */
static void put_metadata(const loaded *l, onnx_model *m, error *e)
{
	if (hub_commit(l->hub))
		onnx_metadata(m, "revision", hub_commit(l->hub), e);
	onnx_metadata(m, "source", l->source, e);
	onnx_metadata(m, "model_type", l->type, e);
	onnx_metadata(m, "feature", l->feature, e);
	onnx_metadata(m, "onnxport_version", OXP_VERSION, e);
	if (l->graph->seeded)
		onnx_metadata(m, "seeded_weights", "true", e);
}

static int write_model(oxp_context *c, loaded *l, const char *path, const oxp_options *o,
		       oxp_result *result)
{
	onnx_options lower = { .opset = o->opset ? o->opset : task_opset(l->task),
			       .linear = o->linear,
			       .batch_norm = o->batch_norm,
			       .weights = o->weights,
			       .dtype = o->dtype };
	onnx_write_options how = { .weights = lower.weights,
				   .sync = o->durability == OXP_SYNCED,
				   .progress = { on_weights, c } };
	onnx_written written;
	onnx_model *m;

	if (passes_simplify(l->graph))
		return c->error.code;
	m = onnx_lower(l->graph, &lower, &c->error);
	if (!m)
		return c->error.code;
	put_metadata(l, m, &c->error);
	if (!c->error.code && onnx_write(m, path, &how, &written, &c->error) == 0) {
		result->opset = m->opset;
		result->bytes = written.bytes;
		result->nodes = m->graph.count;
		result->initializers = m->initializers;
	}
	onnx_model_free(m);
	return c->error.code;
}

static int export_graph(oxp_context *c, loaded *l, const staging *s, const oxp_options *o,
			oxp_result *result)
{
	const char *name = s->own ? s->own : api_file(l);
	char *path = path_join(&l->arena, s->folder, name);

	if (!path || snprintf(result->path, sizeof result->path, "%s/%s", s->to_folder, name) < 0)
		return error_memory(&c->error);
	snprintf(result->feature, sizeof result->feature, "%s", l->feature);
	if (write_model(c, l, path, o, result))
		return c->error.code;
	return o->validation == OXP_VALIDATE ? api_validate(c, l, path, o, result) : 0;
}

oxp_result *api_next_result(oxp_context *c, oxp_result *r)
{
	oxp_result *next = arena_alloc(&c->results, sizeof *next);

	if (!next)
		error_memory(&c->error);
	r->next = next;
	return next;
}

static void log_end(oxp_context *c, const oxp_result *r)
{
	text where = { 0 };

	for (; r; r = r->next)
		text_add(&where, "%s%s", where.len ? ", " : "", r->path);
	api_log(c, OXP_LOG_INFO, "All good, model saved at: %s", where.s ? where.s : "");
	text_free(&where);
}

static int export_loaded(oxp_context *c, loaded *l, const char *output, const oxp_options *o,
			 oxp_result *result)
{
	oxp_result *r = result;
	staging s = { 0 };

	if (stage_open(&s, &l->arena, output, l->task, &c->error) == 0) {
		while (l->task && export_graph(c, l, &s, o, r) == 0 && api_next(c, l, o) == 0)
			if (l->task && !(r = api_next_result(c, r)))
				break;
	}
	if (api_report_write(c, o) == 0 && stage_publish(&s, &l->arena, &c->error) == 0)
		log_end(c, result);
	stage_close(&s);
	return c->error.code;
}

int oxp_export(oxp_context *c, const char *model, const char *output, const oxp_options *options,
	       oxp_result *result)
{
	static const oxp_options defaults;
	const oxp_options *o = options ? options : &defaults;
	oxp_result unwanted;
	loaded l = { 0 };

	if (!result)
		result = &unwanted;
	api_start(c, result);
	if (api_load(c, model, o, &l) == 0)
		export_loaded(c, &l, output, o, result);
	api_unload(&l);
	return c->error.code;
}
