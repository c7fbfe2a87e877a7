/* Models within models: building another row's graph as a part of this one. */
#include "arch/registry.h"

/* The row of a part, entered for as long as its task builds. */
static void enter(graph *g, const arch *a, const inner_model *in)
{
	g->arch = a;
	g->prefix = in->bare ? NULL : a->prefix;
	g->memory = in->memory;
	g->outputs = 0;
}

int oxp_build(scope s, cfg *j, const inner_model *in, value **output, int most)
{
	graph *g = s.g, outer = *g;
	const char *type = g->error->code ? NULL : registry_model_type(j, g->error);
	const arch *a = type ? registry_find(g->registry, type, g->error) : NULL;
	const task *t = a ? registry_task(a, type, in->feature, g->error) : NULL;
	int n = 0;

	for (int i = 0; i < most; i++)
		output[i] = g->poison;
	if (!t || cfg_set_defaults(j, a->defaults, g->error))
		return 0;
	enter(g, a, in);
	g->output = NULL;
	t->build(s, j);
	for (n = 0; n < g->outputs && n < most && !g->error->code; n++)
		output[n] = g->output[n].x;
	g->arch = outer.arch;
	g->prefix = outer.prefix;
	g->memory = outer.memory;
	g->output = outer.output;
	g->outputs = outer.outputs;
	return n;
}
