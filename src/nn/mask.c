/* Masks as values to add to attention scores. */
#include <float.h>

#include "nn/nn.h"

/*
 * Half the least float: any score vanishes in it, so a row that sees nothing becomes uniform, as in
 * Transformers. Its own value, the least float itself, ONNX Runtime's Attention (opsets 23 and 24)
 * takes for "nothing to see" and gives zeros.
 */
static const double MASKED = -(double)FLT_MAX / 2;

/* Zero where `seen`. */
static value *additive(value *seen)
{
	graph *g = graph_of(seen);

	return op_where(seen, op_num(g, 0), op_num(g, MASKED));
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
