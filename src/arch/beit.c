/*
 * BEiT: ViT with learned distances between patches and a scale on every branch.
 * Follows transformers 4.57.6, models/beit/modeling_beit.py.
 */
#include "arch/vit.h"

typedef struct beit_config {
	vit_config vit;
	int absolute, relative, shared, mean, scaled;
} beit_config;

static beit_config read_config(cfg *j)
{
	beit_config c = {
		.vit = vit_read_config(j),
		.absolute = cfg_bool(j, "use_absolute_position_embeddings", 0),
		.relative = cfg_bool(j, "use_relative_position_bias", 0),
		.shared = cfg_bool(j, "use_shared_relative_position_bias", 0),
		.mean = cfg_bool(j, "use_mean_pooling", 1),
		.scaled = cfg_num(j, "layer_scale_init_value", 0.1) > 0,
	};

	c.vit.query_bias = c.vit.value_bias = 1;
	if (c.absolute && c.vit.image[0] != c.vit.image[1])
		cfg_refuse(j, "use_absolute_position_embeddings: only square images have them");
	cfg_ignore(j, "vocab_size use_mask_token drop_path_rate out_indices out_features "
		      "pool_scales use_auxiliary_head auxiliary_loss_weight auxiliary_channels "
		      "auxiliary_num_convs auxiliary_concat_input semantic_loss_ignore_index "
		      "add_fpn reshape_hidden_states stage_names");
	return c;
}

/*
 * Distances between patches and to the class token, from the table below `s`. The class reads the
 * table's rows as columns before it fits it to the image, which matters where that is not square.
 */
static value *distances(scope s, const beit_config *c)
{
	graph *g = s.g;
	int64_t rows = vit_rows(&c->vit), columns = vit_columns(&c->vit), heads = c->vit.heads;
	int64_t h = 2 * rows - 1, w = 2 * columns - 1;
	value *table =
		PARAM(s, "relative_position_bias.relative_position_bias_table", h * w + 3, heads);
	const dim *n = dim_const(g, h * w), *hd = dim_const(g, h), *wd = dim_const(g, w);
	const dim *as_image[] = { dim_const(g, 1), wd, hd, dim_const(g, heads) };
	const dim *as_table[] = { n, dim_const(g, heads) };
	value *cells;

	if (rows != columns) {
		cells = op_reshape(op_slice(table, 0, dim_const(g, 0), n), 4, as_image);
		cells = op_resize(op_transpose(cells, (int[]){ 0, 3, 1, 2 }), hd, wd);
		cells = op_reshape(op_transpose(cells, (int[]){ 0, 2, 3, 1 }), 2, as_table);
		table = op_concat(cells, op_slice(table, 0, n, dim_const(g, 3)), 0);
	}
	return nn_grid_bias(table, rows, columns, 1);
}

static value *scaled(scope s, const char *name, const beit_config *c, value *x)
{
	return c->scaled ? op_mul(PARAM(s, name, c->vit.hidden), x) : x;
}

static value *layer(scope s, const beit_config *c, value *x, value *bias)
{
	value *own = c->relative ? distances(at(s, "attention.attention"), c) : NULL, *y;

	if (own)
		bias = bias ? op_add(own, bias) : own;
	y = vit_attention(s, &c->vit, nn_layer_norm(s, "layernorm_before", x, c->vit.eps), bias);
	x = op_add(scaled(s, "lambda_1", c, y), x);
	y = vit_feed_forward(s, &c->vit, nn_layer_norm(s, "layernorm_after", x, c->vit.eps));
	return op_add(scaled(s, "lambda_2", c, y), x);
}

static value *body(scope s, cfg *j)
{
	beit_config c = read_config(j);
	scope b = body_of(s), e = at(b, "embeddings"), layers = at(b, "encoder");
	int64_t places = vit_rows(&c.vit) * vit_columns(&c.vit) + 1;
	value *x = vit_embeddings(s, &c.vit, e);
	value *bias = c.shared ? distances(layers, &c) : NULL;

	if (c.absolute)
		x = op_add(x, PARAM(e, "position_embeddings", 1, places, c.vit.hidden));
	for (int64_t i = 0; i < c.vit.layers; i++)
		x = layer(at(layers, "layer.%d", (int)i), &c, x, bias);
	return c.mean ? x : nn_layer_norm(b, "layernorm", x, c.vit.eps);
}

static value *pool(scope s, cfg *j, value *x)
{
	beit_config c = read_config(j);
	const dim *one = dim_const(s.g, 1);

	if (!c.mean)
		return op_select(x, 1, 0);
	x = op_slice(x, 1, one, dim_sub(s.g, dim_of(x, 1), one));
	return nn_layer_norm(at(body_of(s), "pooler"), "layernorm", op_mean(x, 1), c.vit.eps);
}

static const image_model beit = { body, pool, "classifier" };

static const task tasks[] = {
	{ .feature = "default", .build = image_default, .atol = 1e-4 },
	{ .feature = "image-classification", .build = image_classification, .atol = 1e-4 },
	{ 0 },
};

const arch arch_beit = { .types = "beit", .prefix = "beit", .family = &beit, .tasks = tasks };
