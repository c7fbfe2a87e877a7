/*
 * DETR: a ResNet whose last pixels an encoder-decoder reads, with learned queries for objects.
 * Follows transformers 4.57.6, models/detr/modeling_detr.py.
 */
#include <math.h>

#include "arch/detr.h"

static const char *const half_name[] = { "encoder", "decoder" };
static const double EPS = 1e-5;
static const double PI = 3.14159265358979323846;
enum { MOST_CELLS = 50, MOST_WAVES = 4096 }; /* rows or columns with learned positions; waves */

static detr_config read_config(cfg *j)
{
	detr_config c = {
		.hidden = cfg_int(j, "d_model", 256),
		.queries = cfg_int(j, "num_queries", 100),
		.act = cfg_act(j, "activation_function", "relu"),
		.learned = cfg_choice(j, "position_embedding_type", "sine", "sine learned"),
		.normed_layers = cfg_bool(j, "auxiliary_loss", 0),
		.backbone = backbone_read_config(j),
	};

	for (int h = 0; h < 2; h++) {
		c.layers[h] = cfg_int(j, cfg_key(j, "%s_layers", half_name[h]), 6);
		c.heads[h] = cfg_int(j, cfg_key(j, "%s_attention_heads", half_name[h]), 8);
		c.inner[h] = cfg_int(j, cfg_key(j, "%s_ffn_dim", half_name[h]), 2048);
		check_heads(j, c.heads[h], c.hidden);
	}
	if (c.hidden % 4 || c.hidden > 4 * MOST_WAVES)
		cfg_refuse(j, "d_model: expected a multiple of 4 up to %d, found %lld",
			   4 * MOST_WAVES, (long long)c.hidden);
	cfg_ignore(j, "dropout attention_dropout activation_dropout init_std init_xavier_std "
		      "encoder_layerdrop decoder_layerdrop num_hidden_layers class_cost bbox_cost "
		      "giou_cost mask_loss_coefficient dice_loss_coefficient eos_coefficient "
		      "bbox_loss_coefficient giou_loss_coefficient max_position_embeddings "
		      "scale_embedding classifier_dropout");
	return c;
}

/* The mask's nearest pixels at another size → [batch, height, width] of truth values */
static value *shrink_mask(value *mask, const dim *height, const dim *width)
{
	mask = op_gather(mask, 1, nn_nearest(graph_of(mask), dim_of(mask, 1), height));
	mask = op_gather(mask, 2, nn_nearest(graph_of(mask), dim_of(mask, 2), width));
	return op_cast(mask, BOOL);
}

/* Counts of real pixels along an axis, as angles → [batch, height, width, hidden / 2] */
static value *angles(const detr_config *c, value *mask, int axis)
{
	graph *g = graph_of(mask);
	int64_t n = c->hidden / 4;
	float speed[MOST_WAVES];
	value *count = op_cast(op_cumsum(op_cast(mask, I64), axis), F32), *last, *waves;
	const dim *to[] = { dim_of(mask, 0), dim_of(mask, 1), dim_of(mask, 2),
			    dim_const(g, 2 * n) };

	for (int64_t i = 0; i < n && i < MOST_WAVES; i++)
		speed[i] = powf(10000, (float)(2 * i) / (float)(2 * n));
	last = op_unsqueeze(op_select(count, axis, -1), axis);
	count = op_mul(op_div(count, op_add(last, op_num(g, 1e-6))), op_num(g, 2 * PI));
	count = op_div(op_unsqueeze(count, 3), op_floats(g, 1, &n, speed));
	waves = op_concat(op_unsqueeze(op_sin(count), 4), op_unsqueeze(op_cos(count), 4), 4);
	return op_reshape(waves, 4, to);
}

/* Positions of the pixels [batch or 1, height × width, hidden] */
static value *positions(scope s, const detr_config *c, value *mask)
{
	graph *g = s.g;
	const dim *height = dim_of(mask, 1), *width = dim_of(mask, 2), *zero = dim_const(g, 0);
	const dim *half = dim_const(g, c->hidden / 2), *to[] = { height, width, half };
	const dim *flat[] = { dim_of(mask, 0), dim_mul(g, height, width), dim_const(g, c->hidden) };
	value *rows, *columns;

	if (!c->learned)
		return op_reshape(op_concat(angles(c, mask, 1), angles(c, mask, 2), 3), 3, flat);
	rows = nn_positions(s, "row_embeddings", zero, height, MOST_CELLS, c->hidden / 2);
	columns = nn_positions(s, "column_embeddings", zero, width, MOST_CELLS, c->hidden / 2);
	flat[0] = dim_const(g, 1);
	columns = op_expand(op_unsqueeze(columns, 0), 3, to);
	return op_reshape(op_concat(columns, op_expand(op_unsqueeze(rows, 1), 3, to), 2), 3, flat);
}

/* Queries and keys know their places, values do not. */
static value *attend(scope s, const detr_config *c, detr_half h, value *x, value *places,
		     value *keys, value *key_places, value *values, value *mask)
{
	value *q = nn_linear(s, "q_proj", op_add(x, places), c->hidden);
	value *k = nn_linear(s, "k_proj", op_add(keys, key_places), c->hidden);
	value *v = nn_linear(s, "v_proj", values, c->hidden);

	x = nn_attention(q, k, v, &(attention){ .heads = c->heads[h], .bias = mask });
	return nn_linear(s, "out_proj", x, c->hidden);
}

static value *feed_forward(scope s, const detr_config *c, detr_half h, value *x)
{
	value *y = nn_act(s, "activation_fn", c->act, nn_linear(s, "fc1", x, c->inner[h]));

	y = nn_linear(s, "fc2", y, c->hidden);
	return nn_layer_norm(s, "final_layer_norm", op_add(x, y), EPS);
}

static value *encode(scope s, const detr_config *c, value *x, value *places, value *mask)
{
	for (int64_t i = 0; i < c->layers[DETR_ENCODER]; i++) {
		scope l = at(s, "layers.%d", (int)i);
		value *y =
			attend(at(l, "self_attn"), c, DETR_ENCODER, x, places, x, places, x, mask);

		x = nn_layer_norm(l, "self_attn_layer_norm", op_add(x, y), EPS);
		x = feed_forward(l, c, DETR_ENCODER, x);
	}
	return x;
}

static value *decode(scope s, const detr_config *c, value *queries, const detr_states *d,
		     value *places)
{
	value *x = op_mul(queries, op_num(s.g, 0));

	for (int64_t i = 0; i < c->layers[DETR_DECODER]; i++) {
		scope l = at(s, "layers.%d", (int)i);
		value *y = attend(at(l, "self_attn"), c, DETR_DECODER, x, queries, x, queries, x,
				  NULL);

		x = nn_layer_norm(l, "self_attn_layer_norm", op_add(x, y), EPS);
		y = attend(at(l, "encoder_attn"), c, DETR_DECODER, x, queries, d->memory, places,
			   d->memory, d->mask);
		x = nn_layer_norm(l, "encoder_attn_layer_norm", op_add(x, y), EPS);
		x = feed_forward(l, c, DETR_DECODER, x);
		if (c->normed_layers)
			x = nn_layer_norm(s, "layernorm", x, EPS);
	}
	return nn_layer_norm(s, "layernorm", x, EPS);
}

/* `b`: the scope of the body. */
static detr_states run(scope s, scope b, const detr_config *c)
{
	graph *g = s.g;
	window one = { .size = { 1, 1 } };
	value *image = nn_image(s, &(image_spec){ .channels = c->backbone.resnet.channels,
						  .size = { 320, 320 },
						  .any_size = 1 });
	input_spec mask_spec = { .name = "pixel_mask",
				 .type = I64,
				 .rank = 3,
				 .dim = { dim_of(image, 0), dim_of(image, 2), dim_of(image, 3) },
				 .fill = OXP_FILL_IMAGE_MASK };
	value *mask = op_input(s, &mask_spec), *stage[OXP_MOST_INTS], *places, *queries, *x = NULL;
	detr_states d;
	const dim *height, *width;

	resnet_stages(at(b, "backbone.conv_encoder.model"), &c->backbone.resnet, image, stage);
	for (int i = 0; i < c->backbone.features.n; i++)
		x = d.feature[i] = stage[c->backbone.features.at[i] - 1];
	d.projected = nn_conv(b, "input_projection", x, c->hidden, &one);
	height = dim_of(d.projected, 2);
	width = dim_of(d.projected, 3);
	mask = shrink_mask(mask, height, width);
	places = positions(at(b, "backbone.position_embedding"), c, mask);
	mask = op_reshape(mask, 2, (const dim *[]){ dim_of(mask, 0), dim_mul(g, height, width) });
	d.mask = nn_padding_mask(mask);
	d.memory = encode(at(b, "encoder"), c, nn_flatten_image(d.projected), places, d.mask);
	queries = op_unsqueeze(PARAM(b, "query_position_embeddings.weight", c->queries, c->hidden),
			       0);
	queries = nn_repeat(queries, dim_of(d.memory, 0));
	d.x = decode(at(b, "decoder"), c, queries, &d, places);
	return d;
}

static void detr_default(scope s, cfg *j)
{
	detr_config c = read_config(j);

	op_output(s, "last_hidden_state", run(s, body_of(s), &c).x);
}

static void detection_outputs(scope s, cfg *j, const detr_config *c, value *x)
{
	scope boxes = at(s, "bbox_predictor");
	value *y = x;

	op_output(s, "logits", nn_linear(s, "class_labels_classifier", x, cfg_labels(j) + 1));
	y = op_relu(nn_linear(boxes, "layers.0", y, c->hidden));
	y = op_relu(nn_linear(boxes, "layers.1", y, c->hidden));
	op_output(s, "pred_boxes", op_sigmoid(nn_linear(boxes, "layers.2", y, 4)));
}

static void detr_detection(scope s, cfg *j)
{
	detr_config c = read_config(j);

	detection_outputs(s, j, &c, run(s, at(s, "model"), &c).x);
}

static void detr_segmentation(scope s, cfg *j)
{
	detr_config c = read_config(j);
	scope detr = at(s, "detr");
	detr_states d = run(s, at(detr, "model"), &c);

	detection_outputs(detr, j, &c, d.x);
	op_output(s, "pred_masks", detr_masks(s, j, &c, &d));
}

static const task tasks[] = {
	{ .feature = "default", .build = detr_default, .opset = 12 },
	{ .feature = "object-detection", .build = detr_detection, .opset = 12 },
	{ .feature = "image-segmentation", .build = detr_segmentation, .opset = 12 },
	{ 0 },
};

const arch arch_detr = { .types = "detr", .prefix = "model", .tasks = tasks };
