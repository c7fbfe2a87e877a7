/* Validating: an exported file against the reference executor. */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "api/report.h"

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
		d[i].absolute = v->output[i].most;
		if (!d[i].output)
			return error_memory(&c->error);
	}
	result->validated = 1;
	result->input_sets = v->sets;
	result->output_count = g->outputs;
	result->output = d;
	return 0;
}

session *api_session(ort *runtime, const char *path, error *e)
{
	return runtime ? ort_load(runtime, path, e) : eval_load(path, e);
}

/* ONNX Runtime where it is wanted and found; NULL and no error: the built-in evaluator will do. */
static ort *open_runtime(oxp_context *c, const oxp_options *o, oxp_result *result)
{
	text looked = { 0 };
	error *e = &c->error;
	ort *r = o->runtime == OXP_RUNTIME_BUILTIN ? NULL : ort_open(o->onnxruntime, &looked, e);

	if (!r && !e->code && o->runtime == OXP_RUNTIME_ONNXRUNTIME)
		error_set(e, E_RUNTIME,
			  "no ONNX Runtime was found (looked for %s). Install one (pip install "
			  "onnxruntime), name its library with --onnxruntime or ONNXPORT_ORT, or "
			  "use --runtime builtin",
			  looked.s ? looked.s : "libonnxruntime.so");
	else if (!r && !e->code && o->runtime == OXP_RUNTIME_AUTO)
		api_log(c, OXP_LOG_INFO,
			"No ONNX Runtime was found; the built-in evaluator stands in for it.");
	text_free(&looked);
	if (!e->code) {
		snprintf(result->runtime, sizeof result->runtime, "%s%s",
			 r ? "ONNX Runtime " : "built-in", r ? ort_version(r) : "");
		api_log(c, OXP_LOG_DEBUG, "validating with: %s", result->runtime);
	}
	return r;
}

static void compare_runs(oxp_context *c, loaded *l, const char *path, validation *v, double atol,
			 ort *runtime)
{
	const validation_sink sink = { on_line, on_set, c };
	session *s = api_session(runtime, path, &c->error);

	if (!s)
		return;
	(void)!validate(l->graph, s, atol, &sink, v, &c->error);
	s->close(s);
}

int api_validate(oxp_context *c, loaded *l, const char *path, const oxp_options *o,
		 oxp_result *result)
{
	double atol = o->atol > 0 ? o->atol : task_atol(l->task);
	validation v = { .output = arena_array(&l->arena, (size_t)l->graph->outputs + 1,
					       sizeof *v.output) };
	ort *runtime = v.output ? open_runtime(c, o, result) : NULL;

	if (!v.output)
		error_memory(&c->error);
	if (!c->error.code)
		compare_runs(c, l, path, &v, atol, runtime);
	if (o->report && v.sets)
		api_report(c, l, &(reported){ path, o, runtime, result->runtime, &v, atol });
	if (!c->error.code)
		keep_differences(c, l->graph, &v, result);
	ort_close(runtime);
	return c->error.code;
}

/* The file of the graph at hand: the one named, or in the folder named. */
static const char *file_of(oxp_context *c, loaded *l, const char *path)
{
	if (!path_is_folder(path))
		return path;
	path = path_join(&l->arena, path, api_file(l));
	if (!path)
		error_memory(&c->error);
	return path;
}

/* A named file of a feature that is several is the one of that name. */
static int turn_to(oxp_context *c, loaded *l, const char *path, const oxp_options *o)
{
	while (!path_is_folder(path) && l->task->file &&
	       strcmp(path_base(path), l->task->file) != 0) {
		if (api_next(c, l, o))
			return c->error.code;
		if (!l->task)
			return error_set(&c->error, E_ARGUMENT,
					 "%s: the feature has no file of that name", path);
	}
	return 0;
}

static int validate_all(oxp_context *c, loaded *l, const char *path, const oxp_options *o,
			oxp_result *r)
{
	while (l->task) {
		const char *name = file_of(c, l, path);

		if (!name || api_validate(c, l, name, o, r))
			return c->error.code;
		snprintf(r->path, sizeof r->path, "%s", name);
		snprintf(r->feature, sizeof r->feature, "%s", l->feature);
		if (!path_is_folder(path) || api_next(c, l, o))
			break;
		if (l->task && !(r = api_next_result(c, r)))
			break;
	}
	return c->error.code;
}

int oxp_validate(oxp_context *c, const char *model, const char *onnx_path,
		 const oxp_options *options, oxp_result *result)
{
	static const oxp_options defaults;
	const oxp_options *o = options ? options : &defaults;
	oxp_result unwanted;
	loaded l = { 0 };
	const char *path; /* a copy: it may be the last result's own */

	if (!result)
		result = &unwanted;
	path = arena_strdup(&l.arena, onnx_path);
	api_start(c, result);
	if (!path)
		error_memory(&c->error);
	else if (api_load(c, model, o, &l) == 0 && turn_to(c, &l, path, o) == 0)
		validate_all(c, &l, path, o, result);
	(void)!api_report_write(c, o);
	api_unload(&l);
	return c->error.code;
}
