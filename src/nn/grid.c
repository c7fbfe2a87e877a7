/* Places on a grid of rows and columns: learned distances, windows, rolls. */
#include "nn/nn.h"

/* Both differences of two cells as one number, row by row of a grid of 2h-1 by 2w-1. */
static int64_t cell_distance(int64_t a, int64_t b, int64_t h, int64_t w)
{
	return (a / w - b / w + h - 1) * (2 * w - 1) + a % w - b % w + w - 1;
}

value *oxp_nn_grid_bias(value *table, int64_t h, int64_t w, int with_class)
{
	graph *g = graph_of(table);
	int64_t first = with_class ? 1 : 0, n = h * w + first, most = (2 * h - 1) * (2 * w - 1);
	int64_t *index = arena_array(&g->arena, (size_t)(n * n), sizeof *index), *p = index;

	if (!index)
		return graph_fail(g, E_MEMORY, "out of memory");
	for (int64_t a = 0; a < n; a++) {
		for (int64_t b = 0; b < n; b++) {
			if (a >= first && b >= first)
				*p++ = cell_distance(a - first, b - first, h, w);
			else
				*p++ = most + (a >= first) + 2 * (a == b); /* to and from it */
		}
	}
	table = op_embedding(table, op_ints(g, 2, (int64_t[]){ n, n }, index));
	return op_unsqueeze(op_transpose(table, (int[]){ 2, 0, 1 }), 0);
}

value *oxp_nn_to_windows(value *x, int64_t size)
{
	graph *g = graph_of(x);
	const dim *rows = dim_div(g, dim_of(x, 1), size), *columns = dim_div(g, dim_of(x, 2), size);
	const dim *n = dim_const(g, size), *width = dim_of(x, 3);
	const dim *cut[] = { dim_of(x, 0), rows, n, columns, n, width };
	const dim *to[] = { dim_mul(g, dim_of(x, 0), dim_mul(g, rows, columns)), dim_mul(g, n, n),
			    width };

	return op_reshape(op_transpose(op_reshape(x, 6, cut), (int[]){ 0, 1, 3, 2, 4, 5 }), 3, to);
}

value *oxp_nn_from_windows(value *x, int64_t size, const dim *batch, const dim *height,
			   const dim *width)
{
	graph *g = graph_of(x);
	const dim *n = dim_const(g, size);
	const dim *cut[] = { batch,       dim_div(g, height, size), dim_div(g, width, size), n, n,
			     dim_of(x, 2) };
	const dim *to[] = { batch, height, width, dim_of(x, 2) };

	return op_reshape(op_transpose(op_reshape(x, 6, cut), (int[]){ 0, 1, 3, 2, 4, 5 }), 4, to);
}

value *oxp_nn_roll(value *x, int axis, const dim *by)
{
	graph *g = graph_of(x);
	const dim *zero = dim_const(g, 0), *rest = dim_sub(g, dim_of(x, axis), by);

	if (dim_number(by) == 0)
		return x;
	return op_concat(op_slice(x, axis, by, rest), op_slice(x, axis, zero, by), axis);
}
