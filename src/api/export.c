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
#include "check/check.h"
#include "onnx/model.h"
#include "passes/passes.h"

/* ---- The file's place: written whole in a folder of its own, then moved ---- */

typedef struct staging {
	char *folder, *path; /* where it is written */
	char *to_folder, *to_path;
} staging;

static int stage_open(staging *s, arena *a, const char *output, error *e)
{
	size_t n = strlen(output);

	if (!n)
		return error_set(e, E_ARGUMENT, "the output has no name");
	if (n > 5 && strcmp(output + n - 5, ".onnx") == 0 && !path_is_folder(output)) {
		s->to_path = arena_strdup(a, output);
		s->to_folder = path_folder(a, output);
	} else {
		s->to_folder = arena_strdup(a, output);
		s->to_path = path_join(a, output, "model.onnx");
	}
	if (!s->to_path || !s->to_folder)
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
	if (chmod(s->folder, 0755) != 0 ||
	    !(s->path = path_join(a, s->folder, path_base(s->to_path))))
		return error_set(e, E_IO, "%s: cannot be prepared", s->folder);
	return 0;
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

/* Everything in the staging folder to its place, the model last. */
static int stage_publish(staging *s, arena *a, error *e)
{
	const char *model = path_base(s->to_path);
	char *data = arena_printf(a, "%s_data", model);
	DIR *d = opendir(s->folder);
	struct dirent *x;

	if (!d || !data) {
		if (d)
			closedir(d);
		return error_set(e, E_IO, "%s: %s", s->folder, strerror(errno));
	}
	while (!e->code && (x = readdir(d))) {
		char *from, *to;

		if (x->d_name[0] == '.' || strcmp(x->d_name, model) == 0)
			continue;
		from = path_join(a, s->folder, x->d_name);
		to = path_join(a, s->to_folder, x->d_name);
		if (!from || !to)
			error_memory(e);
		else
			(void)!move_file(from, to, strcmp(x->d_name, data) != 0, e);
	}
	closedir(d);
	return e->code ? e->code : move_file(s->path, s->to_path, 0, e);
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

/* ---- Validation ---- */

static void on_line(void *context, const char *line)
{
	api_log(context, OXP_LOG_INFO, "%s", line);
}

static int on_set(void *context, uint64_t done, uint64_t total)
{
	oxp_context *c = context;

	return c->progress ? c->progress(c->progress_user, "validation", done, total) : 0;
}

static int keep_differences(oxp_context *c, const graph *g, const validation *v, oxp_result *result)
{
	oxp_difference *d = arena_array(&c->results, (size_t)g->outputs + 1, sizeof *d);

	if (!d)
		return error_memory(&c->error);
	for (int i = 0; i < g->outputs; i++) {
		d[i].output = arena_strdup(&c->results, g->output[i].name);
		d[i].absolute = v->most[i];
		if (!d[i].output)
			return error_memory(&c->error);
	}
	result->validated = 1;
	result->input_sets = v->sets;
	result->output_count = g->outputs;
	result->output = d;
	return 0;
}

/* 0 with result->validated unset: no ONNX Runtime was found, which `looked` tells about. */
static int run_validation(oxp_context *c, loaded *l, const char *path, const oxp_options *o,
			  oxp_result *result, text *looked)
{
	const validation_sink sink = { on_line, on_set, c };
	double atol = o->atol > 0 ? o->atol : task_atol(l->task);
	validation v = { 0 };
	ort *runtime = ort_open(o->onnxruntime, looked, &c->error);

	if (!runtime)
		return c->error.code;
	api_log(c, OXP_LOG_DEBUG, "validating with ONNX Runtime %s", ort_version(runtime));
	v.most = arena_array(&l->arena, (size_t)l->graph->outputs + 1, sizeof *v.most);
	if (!v.most)
		error_memory(&c->error);
	else if (validate(l->graph, path, runtime, atol, &sink, &v, &c->error) == 0)
		keep_differences(c, l->graph, &v, result);
	ort_close(runtime);
	return c->error.code;
}

/* ---- Export ---- */

static int on_weights(void *context, uint64_t done, uint64_t total)
{
	oxp_context *c = context;

	return c->progress ? c->progress(c->progress_user, "weights", done, total) : 0;
}

static int check_options(oxp_context *c, const loaded *l, const oxp_options *o)
{
	int least = task_opset(l->task);

	if (o->opset && o->opset < least)
		return error_set(
			&c->error, E_ARGUMENT,
			"Opset %d is not sufficient to export %s. At least  %d is required.",
			o->opset, l->type, least);
	if (o->opset > ONNX_OPSET_NEWEST)
		return error_set(&c->error, E_ARGUMENT, "opset %d is not known; expected %d to %d",
				 o->opset, least, ONNX_OPSET_NEWEST);
	if (o->atol < 0)
		return error_set(&c->error, E_ARGUMENT,
				 "atol: expected a positive number, found %g", o->atol);
	return 0;
}

/* Where the model came from, without the folders of this machine: a folder's name, or a hub id. */
static void put_source(const loaded *l, const char *model, onnx_model *m, error *e)
{
	int is_folder = path_is_folder(model);
	char *source = is_folder ? realpath(model, NULL) : strdup(model);

	if (!source) {
		error_memory(e);
		return;
	}
	if (!is_folder) {
		source[strcspn(source, "@")] = 0;
		onnx_metadata(m, "revision", path_base(l->folder), e); /* snapshots/<commit> */
	}
	onnx_metadata(m, "source", is_folder ? path_base(source) : source, e);
	free(source);
}

/* What the file says of itself. */
static void put_metadata(const loaded *l, const char *model, onnx_model *m, error *e)
{
	put_source(l, model, m, e);
	onnx_metadata(m, "model_type", l->type, e);
	onnx_metadata(m, "feature", l->feature, e);
	onnx_metadata(m, "onnxport_version", OXP_VERSION, e);
	if (l->graph->seeded)
		onnx_metadata(m, "seeded_weights", "true", e);
}

static int write_model(oxp_context *c, loaded *l, const char *model, const staging *s,
		       const oxp_options *o, oxp_result *result)
{
	onnx_options lower = { .opset = o->opset ? o->opset : task_opset(l->task),
			       .linear = o->linear,
			       .weights = o->weights };
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
	put_metadata(l, model, m, &c->error);
	if (!c->error.code && onnx_write(m, s->path, &how, &written, &c->error) == 0) {
		result->opset = m->opset;
		result->bytes = written.bytes;
		result->nodes = m->graph.count;
		result->initializers = m->initializers;
	}
	onnx_model_free(m);
	return c->error.code;
}

static int export_loaded(oxp_context *c, loaded *l, const char *model, const char *output,
			 const oxp_options *o, oxp_result *result)
{
	staging s = { 0 };
	text looked = { 0 };

	(void)(stage_open(&s, &l->arena, output, &c->error) ||
	       write_model(c, l, model, &s, o, result));
	if (!c->error.code && o->validation == OXP_VALIDATE)
		(void)!run_validation(c, l, s.path, o, result, &looked);
	if (!c->error.code && stage_publish(&s, &l->arena, &c->error) == 0) {
		snprintf(result->path, sizeof result->path, "%s", s.to_path);
		snprintf(result->feature, sizeof result->feature, "%s", l->feature);
		if (o->validation == OXP_VALIDATE && !result->validated)
			api_log(c, OXP_LOG_WARNING,
				"the model was NOT validated: no ONNX Runtime was found (looked "
				"for %s). "
				"Install one (pip install onnxruntime), or name its library with "
				"--onnxruntime or ONNXPORT_ORT",
				looked.s ? looked.s : "libonnxruntime.so");
		api_log(c, OXP_LOG_INFO, "All good, model saved at: %s", s.to_path);
	}
	stage_close(&s);
	text_free(&looked);
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
	if (api_load(c, model, o, &l) == 0 && check_options(c, &l, o) == 0)
		export_loaded(c, &l, model, output, o, result);
	api_unload(&l);
	return c->error.code;
}

int oxp_validate(oxp_context *c, const char *model, const char *onnx_path,
		 const oxp_options *options, oxp_result *result)
{
	static const oxp_options defaults;
	const oxp_options *o = options ? options : &defaults;
	oxp_result unwanted;
	loaded l = { 0 };
	text looked = { 0 };
	const char *path; /* a copy: it may be the last result's own */

	if (!result)
		result = &unwanted;
	path = arena_strdup(&l.arena, onnx_path);
	api_start(c, result);
	if (!path)
		error_memory(&c->error);
	else if (api_load(c, model, o, &l) == 0 &&
		 run_validation(c, &l, path, o, result, &looked) == 0) {
		snprintf(result->path, sizeof result->path, "%s", path);
		snprintf(result->feature, sizeof result->feature, "%s", l.feature);
		if (!result->validated)
			error_set(&c->error, E_RUNTIME, "no ONNX Runtime was found (looked for %s)",
				  looked.s ? looked.s : "libonnxruntime.so");
	}
	text_free(&looked);
	api_unload(&l);
	return c->error.code;
}
