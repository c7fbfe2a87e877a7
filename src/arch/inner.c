/* Models within models: building another row's graph as a part of this one. */
#include <string.h>

#include "arch/registry.h"

/* The row of a part's model type; its defaults stand in for keys that the part lacks. */
static const arch *find_row(graph *g, cfg *j)
{
	const char *type = g->error->code ? NULL : registry_model_type(j, g->error);
	const arch *a = type ? registry_find(g->registry, type, g->error) : NULL;

	return a && cfg_set_defaults(j, a->defaults, g->error) == 0 ? a : NULL;
}

void oxp_inner_defaults(scope s, cfg *j)
{
	(void)find_row(s.g, j);
}

int oxp_build(scope s, cfg *j, const inner_model *in, value **output, int most)
{
	graph *g = s.g, outer = *g;
	const arch *a = find_row(g, j);
	const task *t = a ? registry_task(a, a->types, in->feature, g->error) : NULL;
	int n = 0;

	for (int i = 0; i < most; i++)
		output[i] = g->poison;
	if (!t)
		return 0;
	g->arch = a;
	g->prefix = in->bare ? NULL : a->prefix;
	g->memory = in->memory;
	g->memory_taken = 0;
	g->output = NULL;
	g->outputs = 0;
	t->build(s, j);
	for (int i = outer.inputs; in->input && i < g->inputs; i++)
		if (strcmp(g->input[i]->input->name, in->input) != 0)
			cfg_refuse(j, "expected a model that takes %s alone; a %s takes %s",
				   in->input, a->types, g->input[i]->input->name);
	if (in->memory && !g->memory_taken)
		cfg_refuse(j,
			   "this %s has no cross-attention, so it cannot follow an encoder (is "
			   "add_cross_attention set?)",
			   a->types);
	for (n = 0; n < g->outputs && n < most && !g->error->code; n++)
		output[n] = g->output[n].x;
	g->arch = outer.arch;
	g->prefix = outer.prefix;
	g->memory = outer.memory;
	g->output = outer.output;
	g->outputs = outer.outputs;
	return n;
}

int64_t oxp_inner_width(scope s, cfg *j, const char *feature)
{
	graph *g = graph_new(NULL, NULL, s.g->error);
	int64_t width = 1;
	value *x;

	if (!g)
		return width;
	g->registry = s.g->registry;
	if (oxp_build((scope){ g, "" }, j, &(inner_model){ .feature = feature }, &x, 1))
		width = dim_number(dim_of(x, -1));
	graph_free(g);
	return width;
}
