/*
 * ConvNeXt and ConvNeXt V2: depthwise convolutions with a feed-forward over each pixel.
 * Follows transformers 4.57.6, models/convnext/modeling_convnext.py and
 * models/convnextv2/modeling_convnextv2.py.
 */
#include "arch/image.h"

typedef struct convnext_config {
	int64_t channels, patch, image[2];
	ints widths, depths;
	oxp_act act;
	double eps;
	int layer_scale;
} convnext_config;

/* What the second version does between its two linear layers; the first: nothing. */
typedef struct convnext_family {
	image_model image;
	value *(*response_norm)(scope s, value *x);
} convnext_family;

static const double EPS = 1e-6;

static convnext_config read_config(cfg *j)
{
	convnext_config c = {
		.channels = cfg_int(j, "num_channels", 3),
		.patch = cfg_int(j, "patch_size", 4),
		.widths = cfg_ints(j, "hidden_sizes", (ints){ 4, { 96, 192, 384, 768 } }),
		.depths = cfg_ints(j, "depths", (ints){ 4, { 3, 3, 9, 3 } }),
		.act = cfg_act(j, "hidden_act", "gelu"),
		.eps = cfg_num(j, "layer_norm_eps", 1e-12),
		.layer_scale = cfg_num(j, "layer_scale_init_value", 1e-6) > 0,
	};

	c.depths.n = (int)cfg_int(j, "num_stages", c.depths.n);
	cfg_pair(j, "image_size", 224, c.image);
	if (c.depths.n > c.widths.n || c.depths.n > OXP_MOST_INTS)
		cfg_refuse(j, "num_stages: more than there are hidden_sizes");
	cfg_ignore(j, "initializer_range drop_path_rate out_features out_indices stage_names");
	return c;
}

/* Global response normalization (Woo et al. 2023) over x [batch, height, width, channels]. */
static value *response_norm(scope s, value *x)
{
	graph *g = s.g;
	int64_t width = dim_number(dim_of(x, -1));
	value *weight = PARAM(s, "grn.weight", 1, 1, 1, width);
	value *bias = PARAM(s, "grn.bias", 1, 1, 1, width);
	value *norm = op_sqrt(op_sum(op_sum(op_mul(x, x), 1), 1)); /* batch, channels */
	value *mean = op_unsqueeze(op_mean(norm, 1), 1);

	norm = op_div(norm, op_add(mean, op_num(g, EPS)));
	norm = op_unsqueeze(op_unsqueeze(norm, 1), 1);
	return op_add(op_add(op_mul(weight, op_mul(x, norm)), bias), x);
}

static value *layer(scope s, const convnext_config *c, value *x)
{
	const convnext_family *f = family_of(s);
	int64_t width = dim_number(dim_of(x, 1));
	window w = { .size = { 7, 7 }, .pad = { 3, 3 }, .groups = width };
	value *y = op_transpose(nn_conv(s, "dwconv", x, width, &w), (int[]){ 0, 2, 3, 1 });

	y = nn_linear(s, "pwconv1", nn_layer_norm(s, "layernorm", y, EPS), 4 * width);
	y = nn_act(s, "act", c->act, y);
	if (f->response_norm)
		y = f->response_norm(s, y);
	y = nn_linear(s, "pwconv2", y, width);
	if (c->layer_scale && !f->response_norm)
		y = op_mul(PARAM(s, "layer_scale_parameter", width), y);
	return op_add(x, op_transpose(y, (int[]){ 0, 3, 1, 2 }));
}

static value *body(scope s, cfg *j)
{
	convnext_config c = read_config(j);
	scope b = body_of(s), e = at(b, "embeddings");
	window patch = { .size = { c.patch, c.patch }, .stride = { c.patch, c.patch } };
	window half = { .size = { 2, 2 }, .stride = { 2, 2 } };
	value *x = nn_image(s, &(image_spec){ .channels = c.channels,
					      .size = { c.image[0], c.image[1] },
					      .any_size = 1 });

	x = nn_conv(e, "patch_embeddings", x, c.widths.at[0], &patch);
	x = nn_channel_norm(e, "layernorm", x, EPS);
	for (int i = 0; i < c.depths.n; i++) {
		scope stage = at(b, "encoder.stages.%d", i);

		if (i > 0) {
			x = nn_channel_norm(stage, "downsampling_layer.0", x, EPS);
			x = nn_conv(stage, "downsampling_layer.1", x, c.widths.at[i], &half);
		}
		for (int k = 0; k < c.depths.at[i]; k++)
			x = layer(at(stage, "layers.%d", k), &c, x);
	}
	return x;
}

static value *pool(scope s, cfg *j, value *x)
{
	convnext_config c = read_config(j);

	return nn_layer_norm(body_of(s), "layernorm", image_mean(x), c.eps);
}

static const convnext_family first = { { body, pool, "classifier" }, NULL };
static const convnext_family second = { { body, pool, "classifier" }, response_norm };

static const task tasks[] = {
	{ .feature = "default", .build = image_default },
	{ .feature = "image-classification", .build = image_classification },
	{ 0 },
};

const arch arch_convnext = {
	.types = "convnext",
	.prefix = "convnext",
	.family = &first,
	.tasks = tasks,
};

const arch arch_convnextv2 = {
	.types = "convnextv2",
	.prefix = "convnextv2",
	.family = &second,
	.tasks = tasks,
};
