/* Masks as values to add to attention scores. */
#include <float.h>

#include "nn/nn.h"

/*
 * Zero where `seen`, the least float where not: what Transformers adds. A row that sees nothing becomes uniform,
 * as there.
 */
static value *additive(value *seen)
{
	graph *g = graph_of(seen);

	return op_where(seen, op_num(g, 0), op_num(g, -FLT_MAX));
}

/* [b, keys] of 0 and 1 → [b, 1, 1, keys] of truth values */
static value *real_tokens(value *mask)
{
	return op_unsqueeze(op_unsqueeze(op_cast(mask, OXP_BOOL), 1), 1);
}

value *oxp_nn_padding_mask(value *mask)
{
	return additive(real_tokens(mask));
}

value *oxp_nn_causal_mask(value *mask)
{
	value *i = op_range(graph_of(mask), dim_of(mask, 1));
	value *before = op_less_equal(op_unsqueeze(i, 0), op_unsqueeze(i, 1));

	return additive(op_and(real_tokens(mask), before));
}
