#include "check/layers.h"

#include <stdlib.h>
#include <string.h>

struct watch {
	const graph *g;
	session *s;
	layer *layer;
	int layers;
	int *of_value;  /* by value id: its layer's number + 1, or 0 */
	int *of_output; /* by layer: the session's output, or -1 */
	array *found;   /* the session's outputs on the set at hand */
};

static void on_value(void *context, const value *v, const array *reference)
{
	struct watch *w = context;
	int i = w->of_value[v->id] - 1;
	const array *found = i >= 0 && w->of_output[i] >= 0 ? &w->found[w->of_output[i]] : NULL;
	layer *l;
	difference d;

	if (!found || found->type != reference->type ||
	    array_count(found) != array_count(reference))
		return;
	l = &w->layer[i];
	d = compare(reference, found, 0, 0);
	l->compared = 1;
	l->absolute = larger(l->absolute, d.most);
	l->largest = larger(l->largest, d.largest);
}

static int connect(struct watch *w)
{
	w->of_value = calloc((size_t)w->g->ordered + 1, sizeof *w->of_value);
	w->of_output = calloc((size_t)w->layers + 1, sizeof *w->of_output);
	w->found = calloc((size_t)w->s->outputs + 1, sizeof *w->found);
	if (!w->of_value || !w->of_output || !w->found)
		return -1;
	for (int i = 0; i < w->layers; i++) {
		w->of_value[w->layer[i].value->id] = i + 1;
		w->of_output[i] = -1;
		for (int k = 0; k < w->s->outputs && w->of_output[i] < 0; k++)
			if (strcmp(w->s->output[k], w->layer[i].tensor) == 0)
				w->of_output[i] = k;
	}
	return 0;
}

static int run_set(struct watch *w, int set, array *in, array *out, error *e)
{
	const exec_watch watch = { on_value, w };

	if (inputs_make(w->g, set, in, e) == 0 && w->s->run(w->s, in, w->found, e) == 0)
		(void)!exec_watched(w->g, in, out, &watch, e);
	arrays_free(in, w->g->inputs);
	arrays_free(out, w->g->outputs);
	arrays_free(w->found, w->s->outputs);
	return e->code;
}

int layers_compare(const graph *g, session *s, layer *l, int n, error *e)
{
	struct watch w = { .g = g, .s = s, .layer = l, .layers = n };
	array *in = calloc((size_t)g->inputs + 1, sizeof *in);
	array *out = calloc((size_t)g->outputs + 1, sizeof *out);

	if (!in || !out || connect(&w))
		error_memory(e);
	for (int set = 0; set < inputs_sets(g) && !e->code; set++)
		run_set(&w, set, in, out, e);
	free(in);
	free(out);
	free(w.of_value);
	free(w.of_output);
	free(w.found);
	return e->code;
}
