/* One place of a sequence, chosen by its tokens. */
#include "nn/nn.h"

value *oxp_nn_last_place(value *seen)
{
	graph *g = graph_of(seen);
	value *places = op_range(g, dim_of(seen, 1));

	return op_largest(op_where(seen, places, op_int(g, 0)), 1);
}

/* Sequences end to end, so that a place's row is batch × length + place. */
value *oxp_nn_pick(value *x, value *place)
{
	graph *g = graph_of(x);
	const dim *batch = dim_of(x, 0), *length = dim_of(x, 1), *width = dim_of(x, 2);
	const dim *rows[] = { dim_mul(g, batch, length), width };
	value *first = op_mul(op_range(g, batch), op_length(g, length));

	return op_embedding(op_reshape(x, 2, rows), op_add(first, place));
}
