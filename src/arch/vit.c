/*
 * ViT: a pre-norm encoder over patches of an image.
 * Follows transformers 4.57.6, models/vit/modeling_vit.py.
 */
#include "arch/vit.h"

vit_config vit_read_config(cfg *j)
{
	vit_config c = {
		.channels = cfg_int(j, "num_channels", 3),
		.hidden = cfg_int(j, "hidden_size", 768),
		.layers = cfg_int(j, "num_hidden_layers", 12),
		.heads = cfg_int(j, "num_attention_heads", 12),
		.inner = cfg_int(j, "intermediate_size", 3072),
		.act = cfg_act(j, "hidden_act", "gelu"),
		.eps = cfg_num(j, "layer_norm_eps", 1e-12),
	};

	cfg_pair(j, "image_size", 224, c.image);
	cfg_pair(j, "patch_size", 16, c.patch);
	if (c.patch[0] > c.image[0] || c.patch[1] > c.image[1])
		cfg_refuse(j, "patch_size: larger than image_size");
	check_heads(j, c.heads, c.hidden);
	cfg_ignore(j, "hidden_dropout_prob attention_probs_dropout_prob initializer_range "
		      "encoder_stride pooler_output_size pooler_act");
	return c;
}

int64_t vit_rows(const vit_config *c)
{
	return c->image[0] / c->patch[0];
}

int64_t vit_columns(const vit_config *c)
{
	return c->image[1] / c->patch[1];
}

value *vit_embeddings(scope s, const vit_config *c, scope e)
{
	window w = { .size = { c->patch[0], c->patch[1] }, .stride = { c->patch[0], c->patch[1] } };
	value *x = nn_image(
		s, &(image_spec){ .channels = c->channels, .size = { c->image[0], c->image[1] } });
	value *first = PARAM(e, "cls_token", 1, 1, c->hidden);

	x = nn_flatten_image(nn_conv(e, "patch_embeddings.projection", x, c->hidden, &w));
	return op_concat(nn_repeat(first, dim_of(x, 0)), x, 1);
}

static value *projection(scope s, const char *name, value *x, int64_t width, int with_bias)
{
	return with_bias ? nn_linear(s, name, x, width) : nn_project(s, name, x, width);
}

value *vit_attention(scope s, const vit_config *c, value *x, value *bias)
{
	scope self = at(s, "attention.attention");
	value *q = projection(self, "query", x, c->hidden, c->query_bias);
	value *k = projection(self, "key", x, c->hidden, c->key_bias);
	value *v = projection(self, "value", x, c->hidden, c->value_bias);

	x = nn_attention(q, k, v, &(attention){ .heads = c->heads, .bias = bias });
	return nn_linear(s, "attention.output.dense", x, c->hidden);
}

value *vit_feed_forward(scope s, const vit_config *c, value *x)
{
	x = nn_linear(s, "intermediate.dense", x, c->inner);
	return nn_linear(s, "output.dense",
			 nn_act(s, "intermediate.intermediate_act_fn", c->act, x), c->hidden);
}

value *vit_first_token(scope s, cfg *j, value *x)
{
	(void)s;
	(void)j;
	return op_select(x, 1, 0);
}

static value *body(scope s, cfg *j)
{
	vit_config c = vit_read_config(j);
	scope b = body_of(s), e = at(b, "embeddings");
	int64_t places = vit_rows(&c) * vit_columns(&c) + 1;
	value *x = vit_embeddings(s, &c, e);

	c.query_bias = c.key_bias = c.value_bias = cfg_bool(j, "qkv_bias", 1);
	x = op_add(x, PARAM(e, "position_embeddings", 1, places, c.hidden));
	for (int64_t i = 0; i < c.layers; i++) {
		scope l = at(b, "encoder.layer.%d", (int)i);

		x = op_add(
			vit_attention(l, &c, nn_layer_norm(l, "layernorm_before", x, c.eps), NULL),
			x);
		x = op_add(vit_feed_forward(l, &c, nn_layer_norm(l, "layernorm_after", x, c.eps)),
			   x);
	}
	return nn_layer_norm(b, "layernorm", x, c.eps);
}

static const image_model vit = { body, vit_first_token, "classifier" };

static const task tasks[] = {
	{ .feature = "default", .build = image_default, .atol = 1e-4 },
	{ .feature = "image-classification", .build = image_classification, .atol = 1e-4 },
	{ 0 },
};

const arch arch_vit = { .types = "vit", .prefix = "vit", .family = &vit, .tasks = tasks };
