/*
 * Swin: attention within windows of an image, shifted in every other layer, over images that halve
 * from stage to stage.
 * Follows transformers 4.57.6, models/swin/modeling_swin.py.
 */
#include <string.h>

#include "arch/image.h"

typedef struct swin_config {
	int64_t channels, image[2], patch[2], width, window;
	ints depths, heads;
	double ratio, eps;
	oxp_act act;
	int qkv_bias;
} swin_config;

static const double EPS = 1e-5;

static swin_config read_config(cfg *j)
{
	swin_config c = {
		.channels = cfg_int(j, "num_channels", 3),
		.width = cfg_int(j, "embed_dim", 96),
		.window = cfg_int(j, "window_size", 7),
		.depths = cfg_ints(j, "depths", (ints){ 4, { 2, 2, 6, 2 } }),
		.heads = cfg_ints(j, "num_heads", (ints){ 4, { 3, 6, 12, 24 } }),
		.ratio = cfg_num(j, "mlp_ratio", 4),
		.eps = cfg_num(j, "layer_norm_eps", 1e-5),
		.act = cfg_act(j, "hidden_act", "gelu"),
		.qkv_bias = cfg_bool(j, "qkv_bias", 1),
	};

	cfg_pair(j, "image_size", 224, c.image);
	cfg_pair(j, "patch_size", 4, c.patch);
	if (c.heads.n < c.depths.n)
		cfg_refuse(j, "num_heads: expected one for each of the %d depths, found %d",
			   c.depths.n, c.heads.n);
	for (int i = 0; i < c.depths.n && i < c.heads.n; i++)
		check_heads(j, c.heads.at[i], c.width << i);
	/* The class's own positions are one longer than its patches, and it fails with them. */
	cfg_only(j, "use_absolute_embeddings", "false");
	cfg_ignore(j, "hidden_dropout_prob attention_probs_dropout_prob drop_path_rate "
		      "initializer_range encoder_stride out_features out_indices stage_names "
		      "hidden_size num_layers path_norm");
	return c;
}

/* x [batch, height, width, channels] with zeros after its axes 1 and 2, to multiples of a size */
static value *padded(value *x, int axis, int64_t size)
{
	graph *g = graph_of(x);
	const dim *n = dim_of(x, axis);
	const dim *more = dim_div(g, dim_add(g, n, dim_const(g, size - 1)), size);

	more = dim_sub(g, dim_mul(g, more, dim_const(g, size)), n);
	return op_pad(x, axis, dim_const(g, 0), more);
}

/* 0, 1 or 2: whether a row or column was rolled to the end, or shares a window with such ones. */
static value *regions(graph *g, const dim *n, int64_t size, const dim *shift)
{
	value *place = op_range(g, n);
	value *last = op_length(g, dim_sub(g, n, dim_const(g, size)));
	value *rolled = op_length(g, dim_sub(g, n, shift));

	return op_add(op_cast(op_less_equal(last, place), I64),
		      op_cast(op_less_equal(rolled, place), I64));
}

/* Pixels of a window that were no neighbours before the roll: [batch × windows, 1, size², size²] */
static value *shift_mask(const swin_config *c, value *x, const dim *shift)
{
	graph *g = graph_of(x);
	const dim *height = dim_of(x, 1), *width = dim_of(x, 2), *one = dim_const(g, 1);
	const dim *as_image[] = { one, height, width, one };
	const dim *n = dim_const(g, c->window * c->window), *windows, *to[5], *flat[4];
	value *rows = op_mul(regions(g, height, c->window, shift), op_int(g, 3)), *region, *mask;

	region =
		op_add(op_unsqueeze(rows, 1), op_unsqueeze(regions(g, width, c->window, shift), 0));
	region = nn_to_windows(op_reshape(region, 4, as_image), c->window);
	region = op_select(region, 2, 0); /* windows, size² */
	windows = dim_of(region, 0);
	mask = op_equal(op_unsqueeze(region, 1), op_unsqueeze(region, 2));
	mask = op_where(mask, op_num(g, 0), op_num(g, -100));
	memcpy(to, (const dim *[]){ dim_of(x, 0), windows, one, n, n }, sizeof to);
	memcpy(flat, (const dim *[]){ dim_mul(g, to[0], windows), one, n, n }, sizeof flat);
	return op_reshape(op_expand(op_unsqueeze(mask, 1), 5, to), 4, flat);
}

static value *heads(scope s, const char *name, const swin_config *c, value *x, int64_t n)
{
	int64_t width = dim_number(dim_of(x, -1));

	x = c->qkv_bias ? nn_linear(s, name, x, width) : nn_project(s, name, x, width);
	return nn_split_heads(x, n);
}

static value *window_attention(scope s, const swin_config *c, value *x, int64_t n, value *mask)
{
	scope self = at(s, "self");
	int64_t w = c->window;
	value *table = PARAM(self, "relative_position_bias_table", (2 * w - 1) * (2 * w - 1), n);
	value *bias = nn_grid_bias(table, w, w, 0);
	value *q = heads(self, "query", c, x, n), *k = heads(self, "key", c, x, n);
	value *v = heads(self, "value", c, x, n);

	x = nn_attend(q, k, v, mask ? op_add(bias, mask) : bias, 0);
	return nn_linear(s, "output.dense", x, dim_number(dim_of(x, -1)));
}

/*
 * An image no larger than the window is not shifted: by 1 × shift, or 0 × shift where the shorter
 * side does not exceed it.
 */
static const dim *shift_of(const swin_config *c, value *x)
{
	graph *g = graph_of(x);
	const dim *zero = dim_const(g, 0), *one = dim_const(g, 1);
	const dim *over =
		dim_sub(g, dim_min(g, dim_of(x, 1), dim_of(x, 2)), dim_const(g, c->window));

	over = dim_max(g, zero, dim_min(g, one, over));
	return dim_mul(g, over, dim_const(g, c->window / 2));
}

/* x [batch, height, width, channels] */
static value *layer(scope s, const swin_config *c, value *x, int64_t n, int shifted)
{
	graph *g = s.g;
	const dim *zero = dim_const(g, 0), *size[] = { dim_of(x, 1), dim_of(x, 2) }, *all[2];
	const dim *shift = shifted ? shift_of(c, x) : zero;
	int64_t width = dim_number(dim_of(x, 3)), inner = (int64_t)(c->ratio * (double)width);
	value *y = nn_layer_norm(s, "layernorm_before", x, c->eps), *mask = NULL;

	for (int i = 0; i < 2; i++) {
		y = padded(y, 1 + i, c->window);
		all[i] = dim_of(y, 1 + i);
	}
	if (dim_number(shift) != 0)
		mask = shift_mask(c, y, shift);
	y = nn_to_windows(nn_roll(nn_roll(y, 1, shift), 2, shift), c->window);
	y = window_attention(at(s, "attention"), c, y, n, mask);
	y = nn_from_windows(y, c->window, dim_of(x, 0), all[0], all[1]);
	for (int i = 0; i < 2; i++) {
		if (mask)
			y = nn_roll(y, 1 + i, dim_sub(g, all[i], shift));
		y = op_slice(y, 1 + i, zero, size[i]);
	}
	x = op_add(x, y);

	y = nn_linear(s, "intermediate.dense", nn_layer_norm(s, "layernorm_after", x, c->eps),
		      inner);
	return op_add(x,
		      nn_linear(s, "output.dense",
				nn_act(s, "intermediate.intermediate_act_fn", c->act, y), width));
}

/* Squares of four pixels as one: columns apart first, then rows. */
static value *merge(scope s, value *x)
{
	graph *g = s.g;
	int64_t width = dim_number(dim_of(x, 3));
	const dim *two = dim_const(g, 2), *h, *w;

	x = padded(padded(x, 1, 2), 2, 2);
	h = dim_div(g, dim_of(x, 1), 2);
	w = dim_div(g, dim_of(x, 2), 2);
	x = op_reshape(x, 6, (const dim *[]){ dim_of(x, 0), h, two, w, two, dim_of(x, 3) });
	x = op_transpose(x, (int[]){ 0, 1, 3, 4, 2, 5 });
	x = op_reshape(x, 4, (const dim *[]){ dim_of(x, 0), h, w, dim_const(g, 4 * width) });
	return nn_project(s, "reduction", nn_layer_norm(s, "norm", x, EPS), 2 * width);
}

static value *body(scope s, cfg *j)
{
	swin_config c = read_config(j);
	scope b = body_of(s), e = at(b, "embeddings");
	window patch = { .size = { c.patch[0], c.patch[1] }, .stride = { c.patch[0], c.patch[1] } };
	value *x = nn_image(s, &(image_spec){ .channels = c.channels,
					      .size = { c.image[0], c.image[1] },
					      .any_size = 1 });

	x = padded(padded(x, 2, c.patch[0]), 3, c.patch[1]);
	x = nn_conv(e, "patch_embeddings.projection", x, c.width, &patch);
	x = nn_layer_norm(e, "norm", op_transpose(x, (int[]){ 0, 2, 3, 1 }), EPS);
	for (int i = 0; i < c.depths.n; i++) {
		scope stage = at(b, "encoder.layers.%d", i);

		for (int k = 0; k < c.depths.at[i]; k++)
			x = layer(at(stage, "blocks.%d", k), &c, x, c.heads.at[i], k % 2);
		if (i + 1 < c.depths.n)
			x = merge(at(stage, "downsample"), x);
	}
	x = op_reshape(x, 3,
		       (const dim *[]){ dim_of(x, 0), dim_mul(s.g, dim_of(x, 1), dim_of(x, 2)),
					dim_of(x, 3) });
	return nn_layer_norm(b, "layernorm", x, c.eps);
}

static value *pool(scope s, cfg *j, value *x)
{
	(void)s;
	(void)j;
	return op_mean(x, 1);
}

static const image_model swin = { body, pool, "classifier" };

static const task tasks[] = {
	{ .feature = "default", .build = image_default, .atol = 1e-4 },
	{ .feature = "image-classification", .build = image_classification, .atol = 1e-4 },
	{ 0 },
};

const arch arch_swin = { .types = "swin", .prefix = "swin", .family = &swin, .tasks = tasks };
