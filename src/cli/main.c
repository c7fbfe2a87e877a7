/* onnxport, the command: options in, the library's calls, and what people or machines read. */
#include <jansson.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "options.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* What a run has to say, and whether a progress line stands on the terminal. */
struct terminal {
	const options *o;
	json_t *warnings;
	int shows_progress, colours;
	int on_line;       /* a progress line has to be wiped before the next one */
	double last;       /* when it was drawn */
	const char *stage; /* and since when, from where, the stage it shows runs */
	double start;
	uint64_t from;
};

static void wipe(struct terminal *t)
{
	if (t->on_line)
		fprintf(stderr, "\r\033[K");
	t->on_line = 0;
}

static void on_log(void *user, oxp_log_level level, const char *line)
{
	struct terminal *t = user;

	if (level == OXP_LOG_DEBUG && !t->o->verbose)
		return;
	wipe(t);
	if (t->o->json) {
		if (level == OXP_LOG_WARNING)
			json_array_append_new(t->warnings, json_string(line));
	} else if (level == OXP_LOG_WARNING) {
		fprintf(stderr, "%swarning:%s %s\n", t->colours ? "\033[33m" : "",
			t->colours ? "\033[0m" : "", line);
	} else if (!t->o->quiet) {
		printf("%s\n", line);
		fflush(stdout);
	}
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* " 45 % [====      ] 12.3 of 27.0 MB, 5.2 MB/s, 0:03 left": what takes as long as the network. */
static void draw_download(const struct terminal *t, double when, uint64_t done, uint64_t total)
{
	char bar[] = "[                    ]";
	double speed = when > t->start ? (double)(done - t->from) / (when - t->start) : 0;
	double left = speed > 0 ? (double)(total - done) / speed : 0;

	for (int i = 1; i <= 20 && (double)i <= 20.0 * (double)done / (double)total; i++)
		bar[i] = '=';
	fprintf(stderr, " %s %.1f of %.1f MB, %.1f MB/s", bar, (double)done / 1e6,
		(double)total / 1e6, speed / 1e6);
	if (left > 0 && left < 1e6)
		fprintf(stderr, ", %d:%02d left", (int)left / 60, (int)left % 60);
}

static int on_progress(void *user, const char *stage, uint64_t done, uint64_t total)
{
	struct terminal *t = user;
	double when = now();

	if (interrupted)
		return 1;
	if (!t->shows_progress || !total)
		return 0;
	if (!t->stage || strcmp(t->stage, stage) != 0 || done < t->from) {
		t->stage = stage;
		t->start = when;
		t->from = done;
	}
	if (when - t->last < 0.1)
		return 0;
	t->last = when;
	t->on_line = 1;
	fprintf(stderr, "\r\033[K%s %3d %%", stage, (int)(100.0 * (double)done / (double)total));
	if (strcmp(stage, "download") == 0)
		draw_download(t, when, done, total);
	fflush(stderr);
	return 0;
}

static void print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2));
	printf("\n");
	json_decref(o);
}

static int fail(struct terminal *t, const oxp_context *c, int code)
{
	wipe(t);
	if (t->o->json)
		print_json(json_pack("{s:{s:i, s:s}, s:O}", "error", "code", code, "message",
				     oxp_error_message(c), "warnings", t->warnings));
	else
		fprintf(stderr, "%serror:%s %s\n", t->colours ? "\033[31m" : "",
			t->colours ? "\033[0m" : "", oxp_error_message(c));
	return 1;
}

/* ---- Export ---- */

static json_t *result_json(const struct terminal *t, const oxp_result *r)
{
	json_t *outputs = json_array();

	for (int i = 0; i < r->output_count; i++)
		json_array_append_new(outputs,
				      json_pack("{s:s, s:f}", "name", r->output[i].output,
						"max_abs_difference", r->output[i].absolute));
	return json_pack("{s:s, s:s, s:i, s:I, s:i, s:i, s:b, s:i, s:s, s:o, s:O}", "path", r->path,
			 "feature", r->feature, "opset", r->opset, "bytes", (json_int_t)r->bytes,
			 "nodes", r->nodes, "initializers", r->initializers, "validated",
			 r->validated, "input_sets", r->input_sets, "runtime", r->runtime,
			 "outputs", outputs, "warnings", t->warnings);
}

/* One object; where a feature has several graphs, with a list of them all. */
static void print_result(const struct terminal *t, const oxp_result *r)
{
	json_t *first = result_json(t, r), *all = json_array();

	for (const oxp_result *x = r; r->next && x; x = x->next)
		json_array_append_new(all, result_json(t, x));
	if (r->next)
		json_object_set(first, "graphs", all);
	json_decref(all);
	print_json(first);
}

static int run_export(oxp_context *c, struct terminal *t)
{
	const options *o = t->o;
	oxp_result r;
	int rc = oxp_export(c, o->model, o->output, &o->export, &r);

	if (rc)
		return fail(t, c, rc);
	wipe(t);
	if (o->json)
		print_result(t, &r);
	return 0;
}

/* ---- Features ---- */

static json_t *features_of(oxp_context *c, const char *type)
{
	json_t *list = json_array();
	const char *feature;

	for (int i = 0; (feature = oxp_feature(c, type, i)); i++)
		json_array_append_new(list, json_string(feature));
	return list;
}

static int run_features(oxp_context *c, struct terminal *t)
{
	json_t *all = json_object(), *list;
	const char *type;
	size_t i;
	json_t *feature;

	if (t->o->model && !oxp_feature(c, t->o->model, 0)) {
		oxp_description *d; /* whose error says which type is the nearest */
		int rc = oxp_describe(c, t->o->model, NULL, &d);

		oxp_description_free(d);
		json_decref(all);
		return fail(t, c, rc);
	}
	if (t->o->model)
		json_object_set_new(all, t->o->model, features_of(c, t->o->model));
	for (int k = 0; !t->o->model && (type = oxp_model_type(c, k)); k++) {
		char copy[64];

		snprintf(copy, sizeof copy, "%s", type);
		json_object_set_new(all, copy, features_of(c, copy));
	}
	if (t->o->json) {
		print_json(all);
		return 0;
	}
	json_object_foreach(all, type, list)
	{
		printf("%s:", type);
		json_array_foreach(list, i, feature) printf(" %s", json_string_value(feature));
		printf("\n");
	}
	json_decref(all);
	return 0;
}

/* ---- Describe ---- */

static const char *type_name(oxp_dtype t)
{
	return t == OXP_F32 ? "float32" : t == OXP_I64 ? "int64" : t == OXP_BOOL ? "bool" : "other";
}

static json_t *describe_json(const oxp_tensor_info *x, int n)
{
	json_t *list = json_array();

	for (int i = 0; i < n; i++) {
		json_t *axes = json_array();

		for (int k = 0; k < x[i].rank; k++)
			json_array_append_new(axes, json_string(x[i].axis[k]));
		json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "name", x[i].name, "type",
						      type_name(x[i].type), "axes", axes));
	}
	return list;
}

static void describe_text(const char *title, const oxp_tensor_info *x, int n)
{
	printf("%s:\n", title);
	for (int i = 0; i < n; i++) {
		printf("  %s: %s [", x[i].name, type_name(x[i].type));
		for (int k = 0; k < x[i].rank; k++)
			printf("%s%s", k ? ", " : "", x[i].axis[k]);
		printf("]\n");
	}
}

static json_t *graph_json(const oxp_description *d)
{
	return json_pack("{s:s, s:s, s:s, s:i, s:f, s:o, s:o}", "model_type", d->type, "feature",
			 d->feature, "file", d->file, "default_opset", d->opset, "atol", d->atol,
			 "inputs", describe_json(d->inputs, d->input_count), "outputs",
			 describe_json(d->outputs, d->output_count));
}

/* One object; where a feature has several graphs, with a list of them all. */
static json_t *all_json(const oxp_description *d)
{
	json_t *first = graph_json(d), *all = json_array();

	for (const oxp_description *x = d; d->next && x; x = x->next)
		json_array_append_new(all, graph_json(x));
	if (d->next)
		json_object_set(first, "graphs", all);
	json_decref(all);
	return first;
}

static void graph_text(const oxp_description *d, int alone)
{
	printf("%s / %s%s%s\n", d->type, d->feature, alone ? "" : ": ", alone ? "" : d->file);
	describe_text("inputs", d->inputs, d->input_count);
	describe_text("outputs", d->outputs, d->output_count);
	printf("default opset: %d\natol: %g\n", d->opset, d->atol);
}

static int run_describe(oxp_context *c, struct terminal *t)
{
	oxp_description *d;
	int rc = oxp_describe(c, t->o->model, &t->o->export, &d);

	if (rc)
		return fail(t, c, rc);
	if (t->o->json) {
		print_json(all_json(d));
	} else {
		for (const oxp_description *x = d; x; x = x->next)
			graph_text(x, !d->next);
	}
	oxp_description_free(d);
	return 0;
}

int main(int argc, char **argv)
{
	options o;
	struct terminal t = { .o = &o };
	oxp_context *c;
	const char *no_colour = getenv("NO_COLOR");
	int rc = options_read(&o, argc, argv);

	if (rc)
		return rc;
	if (o.command == COMMAND_HELP) {
		options_help();
		return 0;
	}
	if (o.command == COMMAND_VERSION) {
		printf("onnxport %s\n", oxp_version());
		return 0;
	}
	setlocale(LC_CTYPE, "");
	c = oxp_context_new();
	t.warnings = json_array();
	if (!c || !t.warnings) {
		fprintf(stderr, "error: out of memory\n");
		return 1;
	}
	t.shows_progress = isatty(STDERR_FILENO) && !o.quiet && !o.json;
	t.colours = isatty(STDERR_FILENO) && !(no_colour && *no_colour);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	oxp_set_log(c, on_log, &t);
	oxp_set_progress(c, on_progress, &t);
	rc = o.command == COMMAND_FEATURES   ? run_features(c, &t)
	     : o.command == COMMAND_DESCRIBE ? run_describe(c, &t)
					     : run_export(c, &t);
	json_decref(t.warnings);
	oxp_context_free(c);
	return rc;
}
