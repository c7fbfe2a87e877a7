/*
 * CLIP: a text and an image encoder that meet in one space.
 * Follows transformers 4.57.6, models/clip/modeling_clip.py.
 */
#include "arch/common.h"

/* One of the two towers. */
typedef struct tower {
	int64_t hidden, layers, heads, inner;
	oxp_act act;
	double eps;
} tower;

static tower read_tower(cfg *j, int64_t hidden, int64_t heads)
{
	tower t = {
		.hidden = cfg_int(j, "hidden_size", hidden),
		.layers = cfg_int(j, "num_hidden_layers", 12),
		.heads = cfg_int(j, "num_attention_heads", heads),
		.inner = cfg_int(j, "intermediate_size", 4 * hidden),
		.act = cfg_act(j, "hidden_act", "quick_gelu"),
		.eps = cfg_num(j, "layer_norm_eps", 1e-5),
	};

	check_heads(j, t.heads, t.hidden);
	return t;
}

/* Where the older …_config_dict stands beside it, that one counts, as in the class. */
static cfg *part(cfg *j, const char *name)
{
	const char *old = cfg_key(j, "%s_dict", name);

	return cfg_sub(j, cfg_is_object(j, old) ? old : name);
}

static value *layer(scope s, const tower *t, value *x, value *mask)
{
	scope self = at(s, "self_attn"), mlp = at(s, "mlp");
	value *y = nn_layer_norm(s, "layer_norm1", x, t->eps);
	value *q = nn_linear(self, "q_proj", y, t->hidden);
	value *k = nn_linear(self, "k_proj", y, t->hidden);
	value *v = nn_linear(self, "v_proj", y, t->hidden);

	y = nn_attention(q, k, v, &(attention){ .heads = t->heads, .bias = mask });
	x = op_add(x, nn_linear(self, "out_proj", y, t->hidden));

	y = nn_linear(mlp, "fc1", nn_layer_norm(s, "layer_norm2", x, t->eps), t->inner);
	y = nn_act(mlp, "activation_fn", t->act, y);
	return op_add(x, nn_linear(mlp, "fc2", y, t->hidden));
}

static value *layers(scope s, const tower *t, value *x, value *mask)
{
	for (int64_t i = 0; i < t->layers; i++)
		x = layer(at(s, "encoder.layers.%d", (int)i), t, x, mask);
	return x;
}

/* The end token's place: for id 2 the largest id's, as older checkpoints have it. */
static value *end_of(value *ids, int64_t end)
{
	graph *g = graph_of(ids);
	value *mark = end == 2 ? ids : op_equal(ids, op_int(g, end));

	return op_argmax(op_cast(mark, F32), 1);
}

static value *text_tower(scope s, cfg *j, const text_inputs *in, int64_t vocab, int64_t positions)
{
	tower t = read_tower(j, 512, 8);
	scope e = at(s, "embeddings");
	const dim *length = dim_of(in->ids, 1);
	value *mask = op_add(nn_padding_mask(in->mask), nn_ahead_mask(s, length));
	value *x = nn_embedding(e, "token_embedding", in->ids, vocab, t.hidden);

	x = op_add(x, nn_positions(e, "position_embedding", dim_const(s.g, 0), length, positions,
				   t.hidden));
	x = nn_layer_norm(s, "final_layer_norm", layers(s, &t, x, mask), t.eps);
	return nn_pick(x, end_of(in->ids, cfg_index(j, "eos_token_id", 49407)));
}

static value *image_tower(scope s, cfg *j, value *image, int64_t size, int64_t patch)
{
	tower t = read_tower(j, 768, 12);
	scope e = at(s, "embeddings");
	window w = { .size = { patch, patch }, .stride = { patch, patch } };
	int64_t places = (size / patch) * (size / patch) + 1;
	const dim *one = dim_const(s.g, 1), *row[] = { one, one, dim_const(s.g, t.hidden) };
	value *first = op_reshape(PARAM(e, "class_embedding", t.hidden), 3, row), *x;

	x = nn_flatten_image(nn_conv_no_bias(e, "patch_embedding", image, t.hidden, &w));
	x = op_concat(nn_repeat(first, dim_of(x, 0)), x, 1);
	x = op_add(x, PARAM(e, "position_embedding.weight", places, t.hidden));
	x = layers(s, &t, nn_layer_norm(s, "pre_layrnorm", x, t.eps), NULL); /* its own spelling */
	return nn_layer_norm(s, "post_layernorm", op_select(x, 1, 0), t.eps);
}

/* At length 1. */
static value *embed(scope s, const char *name, value *x, int64_t width)
{
	x = nn_project(s, name, x, width);
	return op_div(x, op_unsqueeze(op_sqrt(op_sum(op_mul(x, x), 1)), 1));
}

static void clip_default(scope s, cfg *j)
{
	cfg *text = part(j, "text_config"), *vision = part(j, "vision_config");
	int64_t vocab = cfg_int(text, "vocab_size", 49408),
		width = cfg_int(j, "projection_dim", 512);
	int64_t longest = cfg_int(text, "max_position_embeddings", 77);
	int64_t size = cfg_int(vision, "image_size", 224),
		patch = cfg_int(vision, "patch_size", 32);
	text_spec t = { .names = "input_ids", .vocab = vocab, .longest = longest };
	text_inputs in = nn_text_inputs(s, &t);
	value *image = nn_image(s, &(image_spec){ .channels = cfg_int(vision, "num_channels", 3),
						  .size = { size, size },
						  .batch = "image_batch" });
	value *texts, *images, *per_text;

	t.names = "attention_mask";
	in.mask = nn_text_inputs(s, &t).mask;
	cfg_ignore(j, "logit_scale_init_value initializer_factor text_config vision_config");
	texts = text_tower(at(s, "text_model"), text, &in, vocab, longest);
	images = image_tower(at(s, "vision_model"), vision, image, size, patch);
	texts = embed(s, "text_projection", texts, width);
	images = embed(s, "visual_projection", images, width);
	per_text = op_matmul(texts, op_transpose(images, (int[]){ 1, 0 }));
	per_text = op_mul(per_text, op_exp(op_param(s, "logit_scale", 0, NULL)));
	op_output(s, "logits_per_image", op_transpose(per_text, (int[]){ 1, 0 }));
	op_output(s, "logits_per_text", per_text);
	op_output(s, "text_embeds", texts);
	op_output(s, "image_embeds", images);
}

static const task tasks[] = {
	{ .feature = "default", .build = clip_default, .opset = 14, .atol = 1e-4 },
	{ 0 },
};

const arch arch_clip = { .types = "clip", .tasks = tasks };
