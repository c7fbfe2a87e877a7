/* Multi-head attention around the one op that computes it. */
#include <math.h>

#include "nn/nn.h"

value *oxp_nn_split_heads(value *x, int64_t heads)
{
	graph *g = graph_of(x);
	int64_t width = dim_number(dim_of(x, 2));
	const dim *to[] = { dim_of(x, 0), dim_of(x, 1), dim_const(g, heads),
			    dim_const(g, heads > 0 ? width / heads : 0) };

	if (heads < 1 || width % heads)
		return graph_fail(g, E_MODEL, "%s: %lld heads do not divide a width of %lld",
				  x->scope, (long long)heads, (long long)width);
	return op_transpose(op_reshape(x, 4, to), (int[]){ 0, 2, 1, 3 });
}

value *oxp_nn_merge_heads(value *x)
{
	const dim *to[] = { dim_of(x, 0), dim_of(x, 2),
			    dim_mul(graph_of(x), dim_of(x, 1), dim_of(x, 3)) };

	return op_reshape(op_transpose(x, (int[]){ 0, 2, 1, 3 }), 3, to);
}

value *oxp_nn_attend(value *q, value *k, value *v, value *bias, double scale)
{
	if (scale == 0)
		scale = 1 / sqrt((double)dim_number(dim_of(q, 3)));
	return nn_merge_heads(op_attention(q, k, v, bias, scale));
}

value *oxp_nn_attention(value *q, value *k, value *v, const attention *a)
{
	return nn_attend(nn_split_heads(q, a->heads), nn_split_heads(k, a->heads),
			 nn_split_heads(v, a->heads), a->bias, a->scale);
}

void oxp_nn_split_fused(value *x, int64_t heads, oxp_fused order, int64_t parts, value **part)
{
	graph *g = graph_of(x);
	int64_t width = dim_number(dim_of(x, 2)) / (heads * parts);
	const dim *h = dim_const(g, heads), *p = dim_const(g, parts);
	int by_part = order == OXP_FUSED_PARTS_FIRST;
	const dim *to[] = { dim_of(x, 0), dim_of(x, 1), by_part ? p : h, by_part ? h : p,
			    dim_const(g, width) };
	static const int turn[][5] = { { 2, 0, 3, 1, 4 }, { 3, 0, 2, 1, 4 } };

	x = op_transpose(op_reshape(x, 5, to), turn[!by_part]);
	for (int64_t i = 0; i < parts; i++)
		part[i] = op_select(x, 0, i);
}

/*
 * scores[b, h, l, r] = q[b, h, l] · table[l - r + most - 1], and for KEY_QUERY + k[b, h, r] · the
 * same row: as matrix products whose batch is the position.
 */
value *oxp_nn_relative_scores(scope s, const char *name, oxp_relative kind, value *q, value *k,
			      int64_t heads, int64_t most)
{
	graph *g = s.g;
	int64_t width = dim_number(dim_of(q, 2));
	value *table = PARAM(at(s, "%s", name), "weight", 2 * most - 1, heads ? width / heads : 0);
	value *i = op_range(g, dim_of(q, 1));
	value *distance = op_sub(op_unsqueeze(i, 1), op_unsqueeze(i, 0));         /* l, r */
	value *rows = op_embedding(table, op_add(distance, op_int(g, most - 1))); /* l, r, d */
	value *to_l, *to_r, *scores;

	q = op_transpose(nn_split_heads(q, heads), (int[]){ 2, 0, 1, 3 }); /* l, b, h, d */
	to_r = op_unsqueeze(op_transpose(rows, (int[]){ 0, 2, 1 }), 1);    /* l, 1, d, r */
	scores = op_transpose(op_matmul(q, to_r), (int[]){ 1, 2, 0, 3 });
	if (kind != OXP_RELATIVE_KEY_QUERY)
		return scores;
	k = op_transpose(nn_split_heads(k, heads), (int[]){ 2, 0, 1, 3 }); /* r, b, h, d */
	to_l = op_unsqueeze(op_transpose(rows, (int[]){ 1, 2, 0 }), 1);    /* r, 1, d, l */
	return op_add(scores, op_transpose(op_matmul(k, to_l), (int[]){ 1, 2, 3, 0 }));
}
