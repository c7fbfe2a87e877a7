/* The exported file against the reference executor, in the words of transformers.onnx. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"

static const double RTOL = 1e-5; /* what numpy.allclose takes when told only atol */

struct check {
	const graph *g;
	session *s;
	double atol;
	const validation_sink *sink;
	validation *result;
	error *e;
	int sets;
	array *in;                /* of the set that runs */
	array *reference, *found; /* all outputs of all sets: [set][output] */
	difference *difference;   /* likewise, of those that have the same form */
};

static void say(struct check *c, const char *fmt, ...) PRINTF(2, 3);

static void say(struct check *c, const char *fmt, ...)
{
	va_list args;
	char line[2048];

	va_start(args, fmt);
	vsnprintf(line, sizeof line, fmt, args);
	va_end(args);
	if (c->sink->log)
		c->sink->log(c->sink->context, line);
}

/* A shape as Python writes a tuple: (3, 9, 768), (3,), (). */
static const char *tuple(char *buffer, size_t room, const int64_t *n, int rank)
{
	size_t used = (size_t)snprintf(buffer, room, "(");

	for (int i = 0; i < rank && used < room; i++)
		used += (size_t)snprintf(buffer + used, room - used, "%s%lld", i ? ", " : "",
					 (long long)n[i]);
	if (used < room)
		snprintf(buffer + used, room - used, "%s)", rank == 1 ? "," : "");
	return buffer;
}

static int find_output(const session *s, const char *name)
{
	for (int i = 0; i < s->outputs; i++)
		if (strcmp(s->output[i], name) == 0)
			return i;
	return -1;
}

/* The same names, none beyond and none missing. */
static int check_names(struct check *c)
{
	text ours = { 0 }, theirs = { 0 };
	int same = c->s->outputs == c->g->outputs;

	for (int i = 0; i < c->g->outputs; i++) {
		text_add(&ours, "%s'%s'", i ? ", " : "", c->g->output[i].name);
		same &= find_output(c->s, c->g->output[i].name) >= 0;
	}
	for (int i = 0; i < c->s->outputs; i++)
		text_add(&theirs, "%s'%s'", i ? ", " : "", c->s->output[i]);
	if (c->s->inputs != c->g->inputs) {
		error_set(c->e, E_MISMATCH, "the ONNX model has %d inputs, the reference model %d",
			  c->s->inputs, c->g->inputs);
		same = 0;
	}
	for (int i = 0; i < c->g->inputs && !c->e->code; i++)
		if (strcmp(c->s->input[i], c->g->input[i]->input->name) != 0)
			error_set(c->e, E_MISMATCH, "input %d of the ONNX model is %s, expected %s",
				  i, c->s->input[i], c->g->input[i]->input->name);
	if (same && !c->e->code) {
		say(c, "\t-[✓] ONNX model output names match reference model ({%s})", ours.s);
	} else {
		say(c, "\t-[x] ONNX model output names {%s} do not match reference model {%s}",
		    theirs.s ? theirs.s : "", ours.s ? ours.s : "");
		error_set(c->e, E_MISMATCH,
			  "Outputs doesn't match between reference model and ONNX exported model: "
			  "{%s} against {%s}",
			  ours.s ? ours.s : "", theirs.s ? theirs.s : "");
	}
	text_free(&ours);
	text_free(&theirs);
	return c->e->code;
}

static int run_set(struct check *c, int set)
{
	array *reference = c->reference + set * c->g->outputs;
	array *found = c->found + set * c->g->outputs;

	if (c->sink->progress &&
	    c->sink->progress(c->sink->context, (uint64_t)set, (uint64_t)c->sets))
		return error_set(c->e, E_CANCELLED, "validation: cancelled");
	if (inputs_make(c->g, set, c->in, c->e))
		return c->e->code;
	if (exec_run(c->g, c->in, reference, c->e) == 0)
		(void)!c->s->run(c->s, c->in, found, c->e);
	arrays_free(c->in, c->g->inputs);
	return c->e->code;
}

/* "[1, 4, 17]" of an element's number */
static const char *place(char *buffer, size_t room, const array *a, int64_t index)
{
	int64_t n[OXP_MAX_RANK] = { 0 };
	size_t used;

	for (int i = a->rank; i-- > 0;) {
		n[i] = index % a->shape[i];
		index /= a->shape[i];
	}
	tuple(buffer, room, n, a->rank);
	buffer[0] = '[';
	used = strlen(buffer);
	while (used && (buffer[used - 1] == ')' || buffer[used - 1] == ','))
		used--;
	snprintf(buffer + used, room - used, "]");
	return buffer;
}

static double number_at(const array *a, int64_t i)
{
	return a->type == OXP_F32 ? (double)((const float *)a->data)[i]
				  : (double)((const int64_t *)a->data)[i];
}

static int same_form(const array *a, const array *b)
{
	return a->type == b->type && a->rank == b->rank &&
	       memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
}

static const array *found_output(const struct check *c, int set, int i)
{
	return &c->found[set * c->g->outputs + find_output(c->s, c->g->output[i].name)];
}

/* The figures of an output, whatever the verdict will be. */
static void measure_output(struct check *c, int i)
{
	output_difference *to = &c->result->output[i];

	for (int set = 0; set < c->sets; set++) {
		const array *a = &c->reference[set * c->g->outputs + i];
		const array *b = found_output(c, set, i);
		difference *d = &c->difference[set * c->g->outputs + i];

		if (!same_form(a, b)) {
			to->differs = 1;
			continue;
		}
		*d = compare(a, b, RTOL, c->atol);
		to->most = larger(to->most, d->most);
		to->largest = larger(to->largest, d->largest);
		to->differs |= d->worst >= 0;
	}
}

static int judge_output(struct check *c, int set, int i)
{
	const array *a = &c->reference[set * c->g->outputs + i], *b = found_output(c, set, i);
	const difference *d = &c->difference[set * c->g->outputs + i];
	const char *name = c->g->output[i].name;
	char left[128], right[128];

	tuple(left, sizeof left, b->shape, b->rank);
	tuple(right, sizeof right, a->shape, a->rank);
	if (!same_form(a, b)) {
		say(c, "\t\t-[x] shape %s doesn't match %s", left, right);
		return error_set(
			c->e, E_MISMATCH,
			"output %s, input set %d: the ONNX model gives %s %s, the reference "
			"%s %s",
			name, set, dtype_name(b->type), left, dtype_name(a->type), right);
	}
	say(c, "\t\t-[✓] %s matches %s", left, right);
	if (d->worst < 0) {
		say(c, "\t\t-[✓] all values close (atol: %g)", c->atol);
		return 0;
	}
	say(c, "\t\t-[x] values not close enough (atol: %g)", c->atol);
	return error_set(
		c->e, E_MISMATCH,
		"Outputs values doesn't match between reference model and ONNX exported "
		"model: output %s, input set %d, at %s: reference %.9g, ONNX %.9g, largest "
		"difference %.3g (atol: %g). Where that is close enough, say so with a "
		"larger --atol",
		name, set, place(left, sizeof left, a, d->worst), number_at(a, d->worst),
		number_at(b, d->worst), d->most, c->atol);
}

static int check_values(struct check *c)
{
	for (int set = 0; set < c->sets; set++)
		if (run_set(c, set))
			return c->e->code;
	c->result->sets = c->sets;
	for (int i = 0; i < c->g->outputs; i++)
		measure_output(c, i);
	for (int i = 0; i < c->g->outputs; i++) {
		say(c, "\t- Validating ONNX Model output \"%s\":", c->g->output[i].name);
		for (int set = 0; set < c->sets; set++)
			if (judge_output(c, set, i))
				return c->e->code;
	}
	return 0;
}

int validate(const graph *g, session *s, double atol, const validation_sink *sink,
	     validation *result, error *e)
{
	struct check c = { .g = g, .s = s, .atol = atol, .sink = sink, .result = result, .e = e };
	size_t outputs;

	c.sets = inputs_sets(g);
	outputs = (size_t)g->outputs * (size_t)c.sets;
	say(&c, "Validating ONNX model...");
	c.in = calloc((size_t)g->inputs + 1, sizeof *c.in);
	c.reference = calloc(outputs + 1, sizeof *c.reference);
	c.found = calloc(outputs + 1, sizeof *c.found);
	c.difference = calloc(outputs + 1, sizeof *c.difference);
	if (!c.in || !c.reference || !c.found || !c.difference)
		error_memory(e);
	else if (check_names(&c) == 0)
		check_values(&c);
	if (c.reference)
		arrays_free(c.reference, (int)outputs);
	if (c.found)
		arrays_free(c.found, (int)outputs);
	free(c.in);
	free(c.reference);
	free(c.found);
	free(c.difference);
	return e->code;
}
