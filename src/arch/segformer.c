/*
 * SegFormer: transformer stages on ever smaller images, with keys from an even smaller one.
 * Follows transformers 4.57.6, models/segformer/modeling_segformer.py.
 */
#include "arch/image.h"

enum { MOST_STAGES = 16 };

typedef struct segformer_config {
	int64_t channels, stages, decoder;
	ints depths, reductions, widths, patches, strides, heads, ratios;
	oxp_act act;
	int as_image; /* the last stage too */
} segformer_config;

static const double EPS = 1e-5;

static segformer_config read_config(cfg *j)
{
	segformer_config c = {
		.channels = cfg_int(j, "num_channels", 3),
		.stages = cfg_int(j, "num_encoder_blocks", 4),
		.decoder = cfg_int(j, "decoder_hidden_size", 256),
		.depths = cfg_ints(j, "depths", (ints){ 4, { 2, 2, 2, 2 } }),
		.reductions = cfg_ints(j, "sr_ratios", (ints){ 4, { 8, 4, 2, 1 } }),
		.widths = cfg_ints(j, "hidden_sizes", (ints){ 4, { 32, 64, 160, 256 } }),
		.patches = cfg_ints(j, "patch_sizes", (ints){ 4, { 7, 3, 3, 3 } }),
		.strides = cfg_ints(j, "strides", (ints){ 4, { 4, 2, 2, 2 } }),
		.heads = cfg_ints(j, "num_attention_heads", (ints){ 4, { 1, 2, 5, 8 } }),
		.ratios = cfg_ints(j, "mlp_ratios", (ints){ 4, { 4, 4, 4, 4 } }),
		.act = cfg_act(j, "hidden_act", "gelu"),
		.as_image = cfg_bool(j, "reshape_last_stage", 1),
	};
	const ints *lists[] = { &c.depths,  &c.reductions, &c.widths, &c.patches,
				&c.strides, &c.heads,      &c.ratios };

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
		if (c.stages > lists[i]->n || c.stages > MOST_STAGES) {
			cfg_refuse(j, "num_encoder_blocks: %lld, but a list has %d entries",
				   (long long)c.stages, lists[i]->n);
			c.stages = 0;
		}
	for (int64_t i = 0; i < c.stages; i++)
		check_heads(j, c.heads.at[i], c.widths.at[i]);
	cfg_ignore(j, "hidden_dropout_prob attention_probs_dropout_prob classifier_dropout_prob "
		      "initializer_range drop_path_rate layer_norm_eps semantic_loss_ignore_index "
		      "image_size downsampling_rates");
	return c;
}

/* x [batch, height × width, channels] as an image for the length of one convolution. */
static value *convolve(scope s, const char *name, value *x, const dim *height, const dim *width,
		       const window *w)
{
	x = nn_unflatten_image(x, height, width);
	return nn_flatten_image(nn_conv(s, name, x, dim_number(dim_of(x, 1)), w));
}

static value *attend(scope s, const segformer_config *c, int i, value *x, const dim *height,
		     const dim *width)
{
	int64_t n = c->widths.at[i], ratio = c->reductions.at[i];
	window shrink = { .size = { ratio, ratio }, .stride = { ratio, ratio } };
	value *q = nn_linear(s, "query", x, n), *small = x;

	if (ratio > 1) {
		small = convolve(s, "sr", x, height, width, &shrink);
		small = nn_layer_norm(s, "layer_norm", small, EPS);
	}
	return nn_attention(q, nn_linear(s, "key", small, n), nn_linear(s, "value", small, n),
			    &(attention){ .heads = c->heads.at[i] });
}

static value *layer(scope s, const segformer_config *c, int i, value *x, const dim *height,
		    const dim *width)
{
	int64_t n = c->widths.at[i], inner = n * c->ratios.at[i];
	window each = { .size = { 3, 3 }, .pad = { 1, 1 }, .groups = inner };
	scope mlp = at(s, "mlp");
	value *y = nn_layer_norm(s, "layer_norm_1", x, EPS);

	y = attend(at(s, "attention.self"), c, i, y, height, width);
	x = op_add(nn_linear(s, "attention.output.dense", y, n), x);

	y = nn_linear(mlp, "dense1", nn_layer_norm(s, "layer_norm_2", x, EPS), inner);
	y = nn_act(mlp, "intermediate_act_fn", c->act,
		   convolve(mlp, "dwconv.dwconv", y, height, width, &each));
	return op_add(nn_linear(mlp, "dense2", y, n), x);
}

/* Every stage's states as an image; the last as it leaves the encoder too. */
static value *stages(scope s, cfg *j, const segformer_config *c, value *image[MOST_STAGES])
{
	scope e = at(body_of(s), "encoder");
	value *x = nn_image(s, &(image_spec){ .channels = c->channels,
					      .size = { 224, 224 },
					      .any_size = 1 }),
	      *last = x;

	for (int i = 0; i < c->stages; i++) {
		int64_t patch = c->patches.at[i], stride = c->strides.at[i];
		window w = { .size = { patch, patch },
			     .stride = { stride, stride },
			     .pad = { patch / 2, patch / 2 } };
		scope p = at(e, "patch_embeddings.%d", i);
		const dim *height, *width;

		x = nn_conv(p, "proj", x, c->widths.at[i], &w);
		height = dim_of(x, 2);
		width = dim_of(x, 3);
		x = nn_layer_norm(p, "layer_norm", nn_flatten_image(x), EPS);
		for (int k = 0; k < c->depths.at[i]; k++)
			x = layer(at(e, "block.%d.%d", i, k), c, i, x, height, width);
		last = nn_layer_norm(at(e, "layer_norm"), cfg_key(j, "%d", i), x, EPS);
		x = image[i] = nn_unflatten_image(last, height, width);
	}
	return c->as_image ? x : last;
}

static value *body(scope s, cfg *j)
{
	segformer_config c = read_config(j);
	value *image[MOST_STAGES];

	return stages(s, j, &c, image);
}

static value *pool(scope s, cfg *j, value *x)
{
	(void)s;
	(void)j;
	return rank_of(x) == 4 ? image_mean(x) : op_mean(x, 1);
}

/* All stages at the first one's size, side by side, through one convolution. */
static void semantic_segmentation(scope s, cfg *j)
{
	segformer_config c = read_config(j);
	scope head = at(s, "decode_head");
	window one = { .size = { 1, 1 } };
	value *image[MOST_STAGES], *all = NULL;

	stages(s, j, &c, image);
	for (int i = 0; i < c.stages; i++) {
		const dim *height = dim_of(image[i], 2), *width = dim_of(image[i], 3);
		scope mlp = at(head, "linear_c.%d", i);
		value *x = nn_linear(mlp, "proj", nn_flatten_image(image[i]), c.decoder);

		x = nn_unflatten_image(x, height, width);
		x = op_resize(x, dim_of(image[0], 2), dim_of(image[0], 3));
		all = all ? op_concat(x, all, 1) : x;
	}
	all = nn_conv_no_bias(head, "linear_fuse", all, c.decoder, &one);
	all = op_relu(nn_batch_norm(head, "batch_norm", all, EPS));
	op_output(s, "logits", nn_conv(head, "classifier", all, cfg_labels(j), &one));
}

static const image_model segformer = { body, pool, "classifier" };

static const task tasks[] = {
	{ .feature = "default", .build = image_default, .opset = 12, .atol = 1e-4 },
	{ .feature = "image-classification",
	  .build = image_classification,
	  .opset = 12,
	  .atol = 1e-4 },
	{ .feature = "semantic-segmentation",
	  .build = semantic_segmentation,
	  .opset = 12,
	  .atol = 1e-4 },
	{ 0 },
};

const arch arch_segformer = {
	.types = "segformer",
	.prefix = "segformer",
	.family = &segformer,
	.tasks = tasks,
};
