/* ONNX files as validation reads them back: the reader, and the evaluator on small inputs. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "check/check.h"

enum { MOST_INPUTS = 32, MOST_ELEMENTS = 200000 };

/* A length that the file leaves open. */
static int64_t open_length(const char *axis)
{
	if (strcmp(axis, "height") == 0 || strcmp(axis, "width") == 0)
		return 32;
	return strstr(axis, " + ") ? 4 : 2;
}

/* As the file says. */
static int make_input(const onnx_declared *d, array *a)
{
	int64_t shape[OXP_MAX_RANK], count = 1;

	for (int i = 0; i < d->rank; i++) {
		shape[i] = d->axis[i] ? open_length(d->axis[i]) : d->length[i];
		if (shape[i] < 0 || shape[i] > MOST_ELEMENTS ||
		    (count *= shape[i] ? shape[i] : 1) > MOST_ELEMENTS)
			return -1;
	}
	if (d->rank < 0 || !dtype_size(d->type) || array_make(a, d->type, d->rank, shape))
		return -1;
	memset(a->data, 0, (size_t)array_count(a) * dtype_size(a->type));
	for (int64_t i = 0; i < array_count(a); i++) {
		if (a->type == OXP_F32)
			((float *)a->data)[i] = (float)(i % 7) - 3;
		else if (a->type == OXP_I64)
			((int64_t *)a->data)[i] = i % 2;
	}
	return 0;
}

static void run(session *s, const onnx_body *g, error *e)
{
	array in[MOST_INPUTS] = { 0 }, *out = calloc((size_t)s->outputs + 1, sizeof *out);
	int failed = !out || s->inputs > MOST_INPUTS;

	for (int i = 0; !failed && i < s->inputs; i++)
		failed = make_input(g->in[i], &in[i]);
	if (!failed && s->run(s, in, out, e) == 0)
		arrays_free(out, s->outputs);
	if (s->inputs <= MOST_INPUTS)
		arrays_free(in, s->inputs);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	error e = { 0 };
	onnx_file *f = onnx_file_read(data, size, NULL, &e);
	session *s = f ? eval_open(f, MOST_ELEMENTS, &e) : NULL;

	if (s) {
		run(s, &f->graph, &e);
		s->close(s);
	}
	return 0;
}
