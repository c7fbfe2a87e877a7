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

/* The places of the queries [queries, 1], which are the last of the tokens, and of keys [1, keys]
 */
static void places(value *mask, const dim *queries, value **query, value **key)
{
	graph *g = graph_of(mask);
	const dim *length = dim_of(mask, 1);
	value *all = op_range(g, length);

	*key = op_unsqueeze(all, 0);
	*query = op_unsqueeze(op_slice(all, 0, dim_sub(g, length, queries), queries), 1);
}

value *oxp_nn_ahead_mask(scope s, const dim *length)
{
	value *place = op_range(s.g, length);

	return additive(op_less_equal(op_unsqueeze(place, 0), op_unsqueeze(place, 1)));
}

value *oxp_nn_causal_mask(value *mask, const dim *queries)
{
	value *query, *key;

	places(mask, queries, &query, &key);
	return additive(op_and(real_tokens(mask), op_less_equal(key, query)));
}

value *oxp_nn_causal_mask_added(value *mask, const dim *queries, int64_t reach)
{
	graph *g = graph_of(mask);
	value *query, *key, *none = op_num(g, 0), *half = op_num(g, MASKED / 2), *seen;

	places(mask, queries, &query, &key);
	seen = op_where(real_tokens(mask), none, half);
	if (reach) {
		value *near = op_less_equal(query, op_add(key, op_int(g, reach - 1)));

		seen = op_add(seen, op_where(near, none, half));
	}
	return op_where(op_less_equal(key, query), seen, op_num(g, MASKED));
}
