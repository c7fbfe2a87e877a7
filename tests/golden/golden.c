/*
 * golden SEED CASES WORK [FILTER]: the executor and ONNX Runtime against PyTorch.
 *
 * Every case folder below CASES is exported at every opset and run on its stored inputs; each
 * output must equal PyTorch's within the tolerance of its table row. The exported files stay in
 * WORK, for ONNX's own checker. Without an ONNX Runtime the run fails: a test that cannot compare
 * is no test. --exec leaves ONNX Runtime out.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/api.h"
#include "check/check.h"
#include "onnx/model.h"
#include "passes/passes.h"

static const double RTOL = 1e-5, ATOL = 1e-5;

enum { MOST_CASES = 4096, MOST_PORTS = 64, OTHER_FORMS_AT = 17, MOST_KEPT = 16 << 20 };

static int passed, failed;

static void verdict(int ok, const char *name, const char *what, const char *why)
{
	if (ok) {
		passed++;
		return;
	}
	failed++;
	printf("not ok %s %s: %s\n", name, what, why);
}

/* A stored tensor as an array that looks into the file. */
static int stored(checkpoint *io, int set, const char *name, array *a)
{
	char key[128];
	tensor *t;

	snprintf(key, sizeof key, "%d.%s", set, name);
	t = map_get(&io->by_name, key);
	if (!t)
		return -1;
	*a = (array){ .type = t->type, .rank = t->rank };
	memcpy(a->shape, t->shape, sizeof a->shape);
	a->data = malloc((size_t)t->size + 8); /* aligned, which the file need not be */
	memcpy(a->data, t->file->data + t->offset, (size_t)t->size);
	a->owned = 1;
	return 0;
}

static int same(const array *want, const array *got, char *why, size_t room)
{
	difference d;

	if (want->rank != got->rank ||
	    memcmp(want->shape, got->shape, sizeof(int64_t) * (size_t)want->rank) != 0) {
		char a[64], b[64];

		snprintf(why, room, "shape %s, expected %s",
			 shape_text(a, sizeof a, got->shape, got->rank),
			 shape_text(b, sizeof b, want->shape, want->rank));
		return 0;
	}
	d = compare(want, got, RTOL, ATOL);
	snprintf(why, room, "values differ by %g", d.most);
	return d.worst < 0;
}

static void check_outputs(const char *name, const char *what, checkpoint *io, int set,
			  const graph *g, const array *out)
{
	for (int i = 0; i < g->outputs; i++) {
		char why[256] = "not stored";
		array want = { 0 };
		int ok = stored(io, set, g->output[i].name, &want) == 0 &&
			 same(&want, &out[i], why, sizeof why);

		verdict(ok, name, what, why);
		array_free(&want);
	}
}

static int load_inputs(checkpoint *io, int set, const graph *g, array *in)
{
	for (int i = 0; i < g->inputs; i++)
		if (stored(io, set, g->input[i]->input->name, &in[i]))
			return -1;
	return 0;
}

static void check_executor(const char *name, checkpoint *io, const graph *g)
{
	array in[MOST_PORTS] = { 0 }, out[MOST_PORTS] = { 0 };

	for (int set = 0; load_inputs(io, set, g, in) == 0; set++) {
		error e = { 0 };

		if (exec_run(g, in, out, &e))
			verdict(0, name, "executor", e.text);
		else
			check_outputs(name, "executor", io, set, g, out);
		arrays_free(in, g->inputs);
		arrays_free(out, g->outputs);
	}
	arrays_free(in, g->inputs);
}

static void check_session(const char *name, const char *what, checkpoint *io, const graph *g,
			  session *s, error *e)
{
	array in[MOST_PORTS] = { 0 }, out[MOST_PORTS] = { 0 };

	verdict(s != NULL, name, what, e->text);
	for (int set = 0; s && load_inputs(io, set, g, in) == 0; set++) {
		if (s->run(s, in, out, e)) {
			verdict(0, name, what, e->text);
			break;
		}
		check_outputs(name, what, io, set, g, out);
		arrays_free(in, g->inputs);
		arrays_free(out, g->outputs);
	}
	arrays_free(in, g->inputs);
	if (s)
		s->close(s);
}

/* By ONNX Runtime, and by the evaluator of our own. */
static void check_file(const char *name, const char *path, int opset, checkpoint *io,
		       const graph *g, ort *runtime)
{
	char what[64];
	error e = { 0 };

	snprintf(what, sizeof what, "opset %d", opset);
	check_session(name, what, io, g, ort_load(runtime, path, &e), &e);
	e = (error){ 0 };
	snprintf(what, sizeof what, "opset %d, built-in", opset);
	check_session(name, what, io, g, eval_load(path, &e), &e);
}

/* CASES/type/feature-N with seeded weights, as a checkpoint's folder in WORK. */
static int prepare(const char *seed, const char *from, const char *folder)
{
	char command[8192];

	snprintf(command, sizeof command,
		 "mkdir -p %s && cp %s/config.json %s/ && %s %s/names.txt %s/model.safetensors",
		 folder, from, folder, seed, from, folder);
	return system(command);
}

struct run {
	const char *name, *folder;
	checkpoint *io;
	ort *runtime;
	oxp_context *c;
	oxp_options o;
};

/* All files of the feature at one opset, each against its graph in `l`; with each form that is not
 * the default where `other` says so. */
static void check_export(struct run *r, loaded *l, int opset, int other)
{
	char out[1100], why[64];
	const oxp_result *x;
	oxp_result first;

	r->o.opset = opset;
	r->o.linear = other ? OXP_LINEAR_MATMUL : OXP_LINEAR_GEMM;
	r->o.batch_norm = other ? OXP_BATCH_NORM_KEEP : OXP_BATCH_NORM_FOLD;
	snprintf(out, sizeof out, "%s/opset-%d%s", r->folder, opset, other ? "-other" : "");
	if (oxp_export(r->c, r->folder, out, &r->o, &first)) {
		verdict(0, r->name, "export", oxp_error_message(r->c));
		return;
	}
	for (x = &first; x && strcmp(path_base(x->path), api_file(l)) != 0;)
		x = x->next;
	snprintf(why, sizeof why, "no %s", api_file(l));
	verdict(x != NULL, r->name, "export", why);
	if (!x)
		return;
	check_file(r->name, x->path, opset, r->io, l->graph, r->runtime);
	if (x->bytes > MOST_KEPT && opset != OTHER_FORMS_AT)
		unlink(x->path); /* or the folder fills the disk; smaller ones of its kind stay */
}

static void check_graph(struct run *r, loaded *l)
{
	check_executor(r->name, r->io, l->graph);
	if (passes_simplify(l->graph) == 0)
		check_executor(r->name, r->io, l->graph);
	for (int n = task_opset(l->task); r->runtime && n <= ONNX_OPSET_NEWEST; n++) {
		check_export(r, l, n, 0);
		if (n == OTHER_FORMS_AT)
			check_export(r, l, n, 1);
	}
}

static void run_case(const char *seed, const char *cases, const char *work, const char *name,
		     ort *runtime)
{
	char from[1024], folder[1024], path[1100], feature[64];
	struct run r = { .name = name,
			 .folder = folder,
			 .runtime = runtime,
			 .c = oxp_context_new(),
			 .o = { .feature = feature, .validation = OXP_NO_VALIDATION } };
	error *e = &r.c->error;
	loaded l = { 0 };
	file *f;

	snprintf(from, sizeof from, "%s/%s", cases, name);
	snprintf(folder, sizeof folder, "%s/%s", work, name);
	snprintf(feature, sizeof feature, "%s", strchr(name, '/') + 1);
	*strrchr(feature, '-') = 0;
	snprintf(path, sizeof path, "%s/io.safetensors", from);
	if (prepare(seed, from, folder)) {
		verdict(0, name, "prepare", "failed");
		oxp_context_free(r.c);
		return;
	}
	r.io = checkpoint_new(from, e);
	f = r.io ? checkpoint_map(r.io, path, e) : NULL;
	if (f && safetensors_read(r.io, f, e) == 0 && api_load(r.c, folder, &r.o, &l) == 0) {
		do
			check_graph(&r, &l);
		while (api_next(r.c, &l, &r.o) == 0 && l.task);
	}
	verdict(!e->code, name, "load", e->text);
	api_unload(&l);
	checkpoint_close(r.io);
	oxp_context_free(r.c);
}

static char *names[MOST_CASES];
static int count;

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void find_cases(const char *cases, const char *filter)
{
	DIR *types = opendir(cases);
	struct dirent *t, *x;

	while (types && (t = readdir(types))) {
		char path[1024];
		DIR *d;

		snprintf(path, sizeof path, "%s/%s", cases, t->d_name);
		d = *t->d_name == '.' ? NULL : opendir(path);
		while (d && (x = readdir(d))) {
			char name[600];

			snprintf(name, sizeof name, "%s/%s", t->d_name, x->d_name);
			if (strchr(x->d_name, '-') && count < MOST_CASES &&
			    (!filter || strstr(name, filter)))
				names[count++] = strdup(name);
		}
		if (d)
			closedir(d);
	}
	if (types)
		closedir(types);
	qsort(names, (size_t)count, sizeof names[0], by_name);
}

/* The cases that are this worker's; 1 when it could not compare at all. */
static int work(char **argv, int worker, int workers, int with_runtime)
{
	text looked = { 0 };
	error e = { 0 };
	ort *runtime = with_runtime ? ort_open(NULL, &looked, &e) : NULL;

	if (with_runtime && !runtime) {
		fprintf(stderr, "golden: no ONNX Runtime: %s %s\n", e.text,
			looked.s ? looked.s : "");
		return 1;
	}
	text_free(&looked);
	for (int i = worker; i < count; i += workers)
		run_case(argv[1], argv[2], argv[3], names[i], runtime);
	ort_close(runtime);
	return 0;
}

/* Side by side, a worker per processor; what they count comes back through shared memory. */
static void work_all(char **argv, int workers, int with_runtime)
{
	int(*counts)[2] = mmap(NULL, sizeof *counts * (size_t)workers, PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (counts == MAP_FAILED) {
		failed++;
		return;
	}
	setenv("ONNXPORT_THREADS", "1", 0);
	for (int i = 0; i < workers; i++) {
		pid_t child = fork();

		if (child == 0) {
			int rc = work(argv, i, workers, with_runtime);

			counts[i][0] = passed;
			counts[i][1] = failed;
			fflush(stdout);
			_exit(rc);
		}
		failed += child < 0;
	}
	for (int status; wait(&status) > 0;)
		failed += status != 0; /* a crash, or no runtime */
	for (int i = 0; i < workers; i++) {
		passed += counts[i][0];
		failed += counts[i][1];
	}
	munmap(counts, sizeof *counts * (size_t)workers);
}

int main(int argc, char **argv)
{
	int with_runtime = argc < 2 || strcmp(argv[1], "--exec") != 0;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);

	argc -= !with_runtime;
	argv += !with_runtime;
	if (argc < 4) {
		fprintf(stderr, "usage: golden [--exec] SEED CASES WORK [FILTER]\n");
		return 2;
	}
	find_cases(argv[2], argc > 4 ? argv[4] : NULL);
	work_all(argv, processors < 1 ? 1 : processors > 16 ? 16 : (int)processors, with_runtime);
	for (int i = 0; i < count; i++)
		free(names[i]);
	if (!count)
		failed++;
	printf("golden: %d cases\n%d passed, %d failed\n", count, passed, failed);
	return failed ? 1 : 0;
}
