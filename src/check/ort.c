/*
 * ONNX Runtime through its C interface, loaded at run time. The interface is a table of functions
 * that only ever grows, so numbers of slots are enough and no header is needed: docs/FORMATS.md has
 * the source of each.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "check/check.h"

enum { API_VERSION = 17, LOG_ERROR = 3 };

typedef struct OrtStatus OrtStatus;

struct api_base {
	void *(*get_api)(uint32_t version);
	const char *(*get_version)(void);
};

/* Slots of the table, as onnxruntime_c_api.h orders them. */
enum slot {
	GET_ERROR_MESSAGE = 2,
	CREATE_ENV = 3,
	CREATE_SESSION = 7,
	RUN = 9,
	CREATE_SESSION_OPTIONS = 10,
	SET_INTRA_OP_THREADS = 24,
	INPUT_COUNT = 30,
	OUTPUT_COUNT = 31,
	INPUT_NAME = 36,
	OUTPUT_NAME = 37,
	CREATE_TENSOR = 49,
	TENSOR_DATA = 51,
	ELEMENT_TYPE = 60,
	DIMENSION_COUNT = 61,
	DIMENSIONS = 62,
	TYPE_AND_SHAPE = 65,
	CREATE_CPU_MEMORY_INFO = 69,
	ALLOCATOR_FREE = 76,
	DEFAULT_ALLOCATOR = 78,
	RELEASE_ENV = 92,
	RELEASE_STATUS = 93,
	RELEASE_MEMORY_INFO = 94,
	RELEASE_SESSION = 95,
	RELEASE_VALUE = 96,
	RELEASE_TYPE_AND_SHAPE = 99,
	RELEASE_SESSION_OPTIONS = 100,
};

typedef void any_fn(void);

struct ort {
	any_fn *const *table;
	const char *version;
	void *env, *memory, *allocator;
};

typedef struct ort_session {
	session base;
	ort *o;
	void *session;
	int inputs, outputs;
	char **input, **output; /* names, from ONNX Runtime's allocator */
} ort_session;

/* The function of a slot, with the type that it has. */
#define CALL(o, slot, ...) ((OrtStatus * (*)(__VA_ARGS__))(o)->table[slot])
#define RELEASE(o, slot, x) ((void (*)(void *))(o)->table[slot])(x)

/* An error from a status, which is released. */
static int check_status(const ort *o, OrtStatus *s, const char *what, error *e)
{
	const char *(*message)(const OrtStatus *);

	if (!s)
		return 0;
	message = (const char *(*)(const OrtStatus *))o->table[GET_ERROR_MESSAGE];
	error_set(e, E_RUNTIME, "ONNX Runtime %s: %s: %.2000s", o->version, what, message(s));
	RELEASE(o, RELEASE_STATUS, s);
	return e->code;
}

/* ---- Finding the library ---- */

static void note(text *looked, const char *what, const char *place)
{
	text_add(looked, "%s%s%s", looked->len ? ", " : "", what, place);
}

static void *open_library(const char *path, text *looked)
{
	note(looked, "", path);
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

/* The newest library that the pattern matches. */
static void *open_pattern(const char *pattern)
{
	glob_t found;
	void *lib = NULL;

	if (glob(pattern, 0, NULL, &found) != 0)
		return NULL;
	for (size_t i = found.gl_pathc; i-- > 0 && !lib;)
		lib = dlopen(found.gl_pathv[i], RTLD_NOW | RTLD_LOCAL);
	globfree(&found);
	return lib;
}

/* Below a Python environment's folder. */
static const char *const in_python[] = {
	"lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.*",
	"lib/python3*/dist-packages/onnxruntime/capi/libonnxruntime.so.*",
};

static void *find_below(const char *prefix, text *looked)
{
	void *lib = NULL;

	note(looked, "Python in ", prefix);
	for (int i = 0; i < 2 && !lib; i++) {
		char pattern[PATH_MAX];

		if ((size_t)snprintf(pattern, sizeof pattern, "%s/%s", prefix, in_python[i]) <
		    sizeof pattern)
			lib = open_pattern(pattern);
	}
	return lib;
}

/* Below "<start>/<rest>", where the start is known. */
static void *find_below_folder(const char *start, const char *rest, text *looked)
{
	char prefix[PATH_MAX];

	if (!start || (size_t)snprintf(prefix, sizeof prefix, "%s%s", start, rest) >= PATH_MAX)
		return NULL;
	return find_below(prefix, looked);
}

/* The first python3 of PATH, as it stands there and where links lead. No interpreter is started. */
static void *find_below_python(text *looked)
{
	const char *p = getenv("PATH");

	while (p && *p) {
		size_t n = strcspn(p, ":");
		char at[PATH_MAX], real[PATH_MAX];

		snprintf(at, sizeof at, "%.*s/python3", (int)n, p);
		if (n && path_is_file(at)) {
			void *lib;

			snprintf(real, sizeof real, "%.*s", (int)n, p);
			lib = find_below_folder(real, "/..", looked);
			if (lib || !realpath(at, real))
				return lib;
			*strrchr(real, '/') = 0;
			return strncmp(real, p, n) == 0 && !real[n]
				       ? NULL
				       : find_below_folder(real, "/..", looked);
		}
		p += n + (p[n] == ':');
	}
	return NULL;
}

/* The system's library, then the Python environments that are active or usual. */
static void *find_library(text *looked)
{
	const char *home = getenv("HOME"), *pyenv = getenv("PYENV_ROOT");
	void *lib = open_library("libonnxruntime.so.1", looked);

	if (!lib)
		lib = open_library("libonnxruntime.so", looked);
	if (!lib)
		lib = find_below_folder(getenv("VIRTUAL_ENV"), "", looked);
	if (!lib)
		lib = find_below_folder(getenv("CONDA_PREFIX"), "", looked);
	if (!lib)
		lib = find_below_python(looked);
	if (!lib)
		lib = pyenv ? find_below_folder(pyenv, "/versions/*", looked)
			    : find_below_folder(home, "/.pyenv/versions/*", looked);
	if (!lib)
		lib = find_below_folder(home, "/.local", looked);
	if (!lib)
		lib = find_below("/usr/local", looked);
	return lib ? lib : find_below("/usr", looked);
}

static int start(ort *o, error *e)
{
	OrtStatus *s =
		CALL(o, CREATE_ENV, int, const char *, void **)(LOG_ERROR, "onnxport", &o->env);

	if (!s)
		s = CALL(o, CREATE_CPU_MEMORY_INFO, int, int, void **)(1, 0, &o->memory);
	if (!s)
		s = CALL(o, DEFAULT_ALLOCATOR, void **)(&o->allocator);
	return check_status(o, s, "cannot start", e);
}

ort *ort_open(const char *path, text *looked, error *e)
{
	const char *asked = path ? path : getenv("ONNXPORT_ORT");
	struct api_base *(*get_base)(void) = NULL;
	struct api_base *base;
	void *lib, *f;
	ort *o;

	lib = asked && *asked ? open_library(asked, looked) : find_library(looked);
	if (!lib) {
		if (asked && *asked)
			error_set(e, E_RUNTIME, "%s: is no ONNX Runtime library: %s", asked,
				  dlerror());
		return NULL;
	}
	f = dlsym(lib, "OrtGetApiBase");
	memcpy(&get_base, &f, sizeof get_base);
	base = f ? get_base() : NULL;
	f = base ? base->get_api(API_VERSION) : NULL;
	o = f ? calloc(1, sizeof *o) : NULL;
	if (!o) {
		error_set(e, f ? E_MEMORY : E_RUNTIME,
			  f ? "out of memory"
			    : "%s: is no ONNX Runtime that knows version 17 of its interface",
			  asked ? asked : "libonnxruntime");
		return NULL;
	}
	o->table = f;
	o->version = base->get_version();
	if (start(o, e)) {
		ort_close(o);
		return NULL;
	}
	return o;
}

void ort_close(ort *o)
{
	if (!o)
		return;
	if (o->memory)
		RELEASE(o, RELEASE_MEMORY_INFO, o->memory);
	if (o->env)
		RELEASE(o, RELEASE_ENV, o->env);
	free(o); /* the library stays: its threads may outlive us */
}

const char *ort_version(const ort *o)
{
	return o->version;
}

/* ---- Sessions ---- */

static int read_names(ort_session *s, enum slot count, enum slot name, char ***to, int *n, error *e)
{
	const ort *o = s->o;
	size_t total = 0;

	if (check_status(o, CALL(o, count, void *, size_t *)(s->session, &total), "count", e))
		return e->code;
	*to = calloc(total + 1, sizeof **to);
	if (!*to)
		return error_memory(e);
	for (size_t i = 0; i < total; i++) {
		OrtStatus *status = CALL(o, name, void *, size_t, void *,
					 char **)(s->session, i, o->allocator, &(*to)[i]);

		if (check_status(o, status, "name", e))
			return e->code;
		++*n;
	}
	return 0;
}

static void ort_unload(session *base)
{
	ort_session *s = (ort_session *)base;
	const ort *o = s->o;

	for (int i = 0; i < s->inputs; i++)
		(void)CALL(o, ALLOCATOR_FREE, void *, void *)(o->allocator, s->input[i]);
	for (int i = 0; i < s->outputs; i++)
		(void)CALL(o, ALLOCATOR_FREE, void *, void *)(o->allocator, s->output[i]);
	if (s->session)
		RELEASE(o, RELEASE_SESSION, s->session);
	free(s->input);
	free(s->output);
	free(s);
}

static int copy_result(const ort *o, void *result, array *out, error *e)
{
	void *info = NULL, *data = NULL;
	size_t rank = 0;
	int type = 0;
	int64_t shape[OXP_MAX_RANK];
	OrtStatus *s = CALL(o, TYPE_AND_SHAPE, void *, void **)(result, &info);

	if (!s)
		s = CALL(o, ELEMENT_TYPE, void *, int *)(info, &type);
	if (!s)
		s = CALL(o, DIMENSION_COUNT, void *, size_t *)(info, &rank);
	if (!s && rank <= OXP_MAX_RANK)
		s = CALL(o, DIMENSIONS, void *, int64_t *, size_t)(info, shape, rank);
	if (!s)
		s = CALL(o, TENSOR_DATA, void *, void **)(result, &data);
	check_status(o, s, "reading a result", e);
	if (info)
		RELEASE(o, RELEASE_TYPE_AND_SHAPE, info);
	if (e->code)
		return e->code;
	if (rank > OXP_MAX_RANK || !dtype_size((dtype)type))
		return error_set(e, E_RUNTIME, "ONNX Runtime gave a result of an unexpected type");
	if (array_make(out, (dtype)type, (int)rank, shape))
		return error_memory(e);
	memcpy(out->data, data, (size_t)array_count(out) * dtype_size(out->type));
	return 0;
}

/* The caller's arrays as values that look into them. */
static int wrap_inputs(ort_session *s, const array *in, void **to, error *e)
{
	const ort *o = s->o;

	for (int i = 0; i < s->inputs; i++) {
		size_t bytes = (size_t)array_count(&in[i]) * dtype_size(in[i].type);
		OrtStatus *status =
			CALL(o, CREATE_TENSOR, void *, void *, size_t, const int64_t *, size_t, int,
			     void **)(o->memory, in[i].data, bytes, in[i].shape, (size_t)in[i].rank,
				      (int)in[i].type, &to[i]);

		if (check_status(o, status, s->input[i], e))
			return e->code;
	}
	return 0;
}

static void release_values(const ort *o, void **x, int n)
{
	for (int i = 0; x && i < n; i++)
		if (x[i])
			RELEASE(o, RELEASE_VALUE, x[i]);
	free(x);
}

static int ort_run(session *base, const array *in, array *out, error *e)
{
	ort_session *s = (ort_session *)base;
	const ort *o = s->o;
	void **from = calloc((size_t)s->inputs + 1, sizeof *from);
	void **to = calloc((size_t)s->outputs + 1, sizeof *to);

	memset(out, 0, sizeof *out * (size_t)s->outputs);
	if (!from || !to)
		error_memory(e);
	else if (wrap_inputs(s, in, from, e) == 0)
		check_status(o,
			     CALL(o, RUN, void *, void *, char *const *, void *const *, size_t,
				  char *const *, size_t, void **)(s->session, NULL, s->input, from,
								  (size_t)s->inputs, s->output,
								  (size_t)s->outputs, to),
			     "running the model", e);
	for (int i = 0; i < s->outputs && !e->code; i++)
		copy_result(o, to[i], &out[i], e);
	release_values(o, from, s->inputs);
	release_values(o, to, s->outputs);
	if (e->code)
		arrays_free(out, s->outputs);
	return e->code;
}

session *ort_load(ort *o, const char *path, error *e)
{
	ort_session *s = calloc(1, sizeof *s);
	void *options = NULL;
	OrtStatus *status;

	if (!s) {
		error_memory(e);
		return NULL;
	}
	s->o = o;
	status = CALL(o, CREATE_SESSION_OPTIONS, void **)(&options);
	if (!status)
		status = CALL(o, SET_INTRA_OP_THREADS, void *, int)(options, thread_count());
	if (!status)
		status = CALL(o, CREATE_SESSION, void *, const char *, void *,
			      void **)(o->env, path, options, &s->session);
	check_status(o, status, path, e);
	if (options)
		RELEASE(o, RELEASE_SESSION_OPTIONS, options);
	if (e->code || read_names(s, INPUT_COUNT, INPUT_NAME, &s->input, &s->inputs, e) ||
	    read_names(s, OUTPUT_COUNT, OUTPUT_NAME, &s->output, &s->outputs, e)) {
		ort_unload(&s->base);
		return NULL;
	}
	s->base = (session){ .inputs = s->inputs,
			     .outputs = s->outputs,
			     .input = (const char *const *)s->input,
			     .output = (const char *const *)s->output,
			     .run = ort_run,
			     .close = ort_unload };
	return &s->base;
}
