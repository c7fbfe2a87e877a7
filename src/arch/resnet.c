/*
 * ResNet: convolutions with batch norms, and shortcuts around them.
 * Follows transformers 4.57.6, models/resnet/modeling_resnet.py.
 */
#include "arch/resnet.h"

const resnet_names resnet_own_names = {
	.stem = { "embedder.embedder.convolution", "embedder.embedder.normalization",
		  "embedder.embedder.activation" },
	.stage = "encoder.stages.",
	.layer = "layers.",
	.convolution = { "layer.0.convolution", "layer.1.convolution", "layer.2.convolution" },
	.norm = { "layer.0.normalization", "layer.1.normalization", "layer.2.normalization" },
	.shortcut = { "shortcut.convolution", "shortcut.normalization" },
};

/* Of the library timm, as checkpoints of detectors keep them. */
const resnet_names resnet_timm_names = {
	.stem = { "conv1", "bn1", "act1" },
	.stage = "layer",
	.layer = "",
	.convolution = { "conv1", "conv2", "conv3" },
	.norm = { "bn1", "bn2", "bn3" },
	.shortcut = { "downsample.0", "downsample.1" },
	.first_stage = 1,
};

static const double EPS = 1e-5;

resnet_config resnet_read_config(cfg *j)
{
	resnet_config c = {
		.channels = cfg_int(j, "num_channels", 3),
		.stem = cfg_int(j, "embedding_size", 64),
		.widths = cfg_ints(j, "hidden_sizes", (ints){ 4, { 256, 512, 1024, 2048 } }),
		.depths = cfg_ints(j, "depths", (ints){ 4, { 3, 4, 6, 3 } }),
		.bottleneck = cfg_choice(j, "layer_type", "bottleneck", "basic bottleneck"),
		.shrink_first = cfg_bool(j, "downsample_in_first_stage", 0),
		.shrink_in_bottleneck = cfg_bool(j, "downsample_in_bottleneck", 0),
		.act = cfg_act(j, "hidden_act", "relu"),
		.names = &resnet_own_names,
	};

	if (c.widths.n < c.depths.n)
		cfg_refuse(j, "hidden_sizes: expected one for each of the %d depths, found %d",
			   c.depths.n, c.widths.n);
	cfg_ignore(j, "out_features out_indices stage_names");
	return c;
}

static window square(int64_t size, int64_t stride, int64_t dilation)
{
	int64_t pad = size / 2 * dilation;

	return (window){ .size = { size, size },
			 .stride = { stride, stride },
			 .pad = { pad, pad },
			 .dilation = { dilation, dilation } };
}

static value *conv_norm(scope s, const char *const name[2], value *x, int64_t width, window w)
{
	return nn_batch_norm(s, name[1], nn_conv_no_bias(s, name[0], x, width, &w), EPS);
}

/* How one layer walks: its first convolution that does not only mix channels may dilate less. */
typedef struct pace {
	int64_t stride, first, dilation;
} pace;

static value *layer(scope s, const resnet_config *c, value *x, int64_t width, pace p)
{
	const resnet_names *n = c->names;
	int64_t narrow = c->bottleneck ? width / 4 : width, early = c->shrink_in_bottleneck;
	window basic[] = { square(3, p.stride, p.first), square(3, 1, p.dilation) };
	window bottleneck[] = { square(1, early ? p.stride : 1, 1),
				square(3, early ? 1 : p.stride, p.first), square(1, 1, 1) };
	const window *w = c->bottleneck ? bottleneck : basic;
	int last = c->bottleneck ? 2 : 1;
	value *short_cut = x;

	if (dim_number(dim_of(x, 1)) != width || p.stride != 1)
		short_cut = conv_norm(s, n->shortcut, x, width, square(1, p.stride, 1));
	for (int i = 0; i <= last; i++) {
		const char *name[] = { n->convolution[i], n->norm[i] };

		x = conv_norm(s, name, x, i == last ? width : narrow, w[i]);
		if (i < last) /* whatever hidden_act says */
			x = op_relu(x);
	}
	return nn_act(s, "activation", c->act, op_add(x, short_cut));
}

value *resnet_stages(scope s, const resnet_config *c, value *x, value **stage)
{
	window pool = square(3, 2, 1);

	x = conv_norm(s, c->names->stem, x, c->stem, square(7, 2, 1));
	x = nn_act(s, c->names->stem[2], c->act, x);
	x = op_max_pool(x, &pool);
	for (int i = 0; i < c->depths.n; i++) {
		for (int k = 0; k < c->depths.at[i]; k++) {
			int shrinks = k == 0 && (i > 0 || c->shrink_first);
			int dilated = c->dilated && i == c->depths.n - 1;
			pace p = { shrinks && !dilated ? 2 : 1, dilated && k ? 2 : 1,
				   dilated ? 2 : 1 };
			scope l = at(s, "%s%d.%s%d", c->names->stage, i + c->names->first_stage,
				     c->names->layer, k);

			x = layer(l, c, x, c->widths.at[i], p);
		}
		if (stage)
			stage[i] = x;
	}
	return x;
}

static value *body(scope s, cfg *j)
{
	resnet_config c = resnet_read_config(j);
	value *x = nn_image(
		s, &(image_spec){ .channels = c.channels, .size = { 224, 224 }, .any_size = 1 });

	return resnet_stages(body_of(s), &c, x, NULL);
}

static value *pool(scope s, cfg *j, value *x)
{
	(void)s;
	(void)j;
	return image_mean(x);
}

static const image_model resnet = { body, pool, "classifier.1" };

static const task tasks[] = {
	{ .feature = "default", .build = image_default, .atol = 1e-3 },
	{ .feature = "image-classification", .build = image_classification, .atol = 1e-3 },
	{ 0 },
};

const arch arch_resnet = {
	.types = "resnet",
	.prefix = "resnet",
	.family = &resnet,
	.tasks = tasks,
};
