/* The inputs of text models. */
#include <string.h>

#include "nn/nn.h"

static value *text_input(scope s, input_spec spec, int choices)
{
	graph *g = s.g;
	const dim *batch = dim_axis(g, "batch"), *length = spec.dim[0];
	const dim *flat[] = { batch, length };
	value *x;

	spec.dim[spec.rank++] = batch;
	if (choices)
		spec.dim[spec.rank++] = dim_axis(g, "choice");
	spec.dim[spec.rank++] = length;
	x = op_input(s, &spec);
	if (!choices)
		return x;
	flat[0] = dim_mul(g, batch, spec.dim[1]);
	return op_reshape(x, 2, flat);
}

text_inputs oxp_nn_text_inputs(scope s, const text_spec *t)
{
	text_inputs in = { 0 };
	struct {
		const char *name;
		value **to;
		oxp_fill fill;
		int64_t range;
	} known[] = {
		{ "input_ids", &in.ids, OXP_FILL_IDS, t->vocab },
		{ "decoder_input_ids", &in.ids, OXP_FILL_IDS, t->vocab },
		{ "attention_mask", &in.mask, OXP_FILL_MASK, 2 },
		{ "decoder_attention_mask", &in.mask, OXP_FILL_MASK, 2 },
		{ "token_type_ids", &in.types, OXP_FILL_IDS, t->types },
		{ "task_type_ids", &in.tasks, OXP_FILL_IDS, t->tasks },
	};
	enum { KNOWN = sizeof known / sizeof known[0] };
	const dim *length = dim_axis(s.g, t->axis ? t->axis : "sequence");
	const char *p = t->names;

	while (*p) { /* in the order of the names */
		size_t n = strcspn(p, " "), i = 0;

		while (i < KNOWN &&
		       (strlen(known[i].name) != n || strncmp(known[i].name, p, n) != 0))
			i++;
		if (i == KNOWN) {
			graph_fail(s.g, E_INTERNAL, "\"%s\" names no text input", t->names);
			return in;
		}
		*known[i].to =
			text_input(s,
				   (input_spec){ .name = known[i].name,
						 .type = I64,
						 .fill = known[i].fill,
						 .range = known[i].range,
						 .dim = { known[i].fill == OXP_FILL_MASK && t->past
								  ? dim_add(s.g, t->past, length)
								  : length },
						 .longest = t->longest },
				   t->choices);
		p += n;
		p += strspn(p, " ");
	}
	return in;
}
