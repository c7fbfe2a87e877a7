/*
 * DETR's masks: where each query looks, grown through the backbone's earlier features.
 * Follows transformers 4.57.6, models/detr/modeling_detr.py (DetrMHAttentionMap,
 * DetrMaskHeadSmallConv).
 */
#include <math.h>

#include "arch/detr.h"

static const double EPS = 1e-5;

/* Where each query looks: [batch × queries, heads, height, width] */
static value *box_attention(scope s, const detr_config *c, const detr_states *d)
{
	graph *g = s.g;
	int64_t n = c->heads[DETR_ENCODER];
	value *q = nn_split_heads(nn_linear(s, "q_linear", d->x, c->hidden), n);
	value *k = nn_split_heads(nn_linear(s, "k_linear", d->memory, c->hidden), n), *x;
	const dim *batch = dim_of(d->x, 0), *queries = dim_of(d->x, 1), *heads = dim_const(g, n);
	const dim *pixels = dim_of(d->memory, 1);
	const dim *flat[] = { batch, queries, dim_mul(g, heads, pixels) };
	const dim *to[] = { dim_mul(g, batch, queries), heads, dim_of(d->projected, 2),
			    dim_of(d->projected, 3) };

	q = op_mul(q, op_num(g, 1 / sqrt((double)c->hidden / (double)n)));
	x = op_add(op_matmul(q, op_transpose(k, (int[]){ 0, 1, 3, 2 })), d->mask);
	x = op_reshape(op_transpose(x, (int[]){ 0, 2, 1, 3 }), 3, flat);
	return op_reshape(op_softmax(x, 2), 4, to);
}

/* [batch, channels, height, width] once for every query → [batch × queries, …] */
static value *for_queries(const detr_config *c, value *x)
{
	graph *g = graph_of(x);
	const dim *n = dim_const(g, c->queries), *batch = dim_of(x, 0);
	const dim *to[] = { batch, n, dim_of(x, 1), dim_of(x, 2), dim_of(x, 3) };
	const dim *flat[] = { dim_mul(g, batch, n), to[2], to[3], to[4] };

	return op_reshape(op_expand(op_unsqueeze(x, 1), 5, to), 4, flat);
}

/* The masks grow through the backbone's earlier features. */
static value *mask_head(scope s, cfg *j, const detr_config *c, const detr_states *d, value *boxes)
{
	window three = { .size = { 3, 3 }, .pad = { 1, 1 } }, one = { .size = { 1, 1 } };
	value *x = op_concat(for_queries(c, d->projected), boxes, 1);
	int64_t first = dim_number(dim_of(x, 1));
	int64_t width[] = { first, c->hidden / 2, c->hidden / 4, c->hidden / 8, c->hidden / 16 };

	for (int i = 0; i < 5; i++) {
		if (i >= 2) {
			value *f = nn_conv(s, cfg_key(j, "adapter%d", i - 1), d->feature[4 - i],
					   width[i - 1], &one);

			x = op_add(for_queries(c, f),
				   nn_resize_nearest(x, dim_of(f, 2), dim_of(f, 3)));
		}
		x = nn_conv(s, cfg_key(j, "lay%d", i + 1), x, width[i], &three);
		x = op_relu(nn_group_norm(s, cfg_key(j, "gn%d", i + 1), x,
					  width[i] < 8 ? width[i] : 8, EPS));
	}
	return nn_conv(s, "out_lay", x, 1, &three);
}

value *detr_masks(scope s, cfg *j, const detr_config *c, const detr_states *d)
{
	value *x;

	if (c->backbone.features.n < 3) {
		cfg_refuse(j,
			   "image-segmentation needs three of the backbone's stages or more; it "
			   "has %d in out_indices",
			   c->backbone.features.n);
		return d->x;
	}
	if ((c->hidden + c->heads[DETR_ENCODER]) % 8)
		cfg_refuse(j,
			   "d_model and encoder_attention_heads: expected a multiple of 8 as "
			   "their sum, found %lld",
			   (long long)(c->hidden + c->heads[DETR_ENCODER]));
	x = mask_head(at(s, "mask_head"), j, c, d, box_attention(at(s, "bbox_attention"), c, d));
	return op_reshape(
		x, 4,
		(const dim *[]){ dim_of(d->x, 0), dim_of(d->x, 1), dim_of(x, 2), dim_of(x, 3) });
}
