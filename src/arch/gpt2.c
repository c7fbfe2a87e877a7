/*
 * GPT-2: a pre-norm decoder with learned positions and layers of the kind it calls Conv1D.
 * Follows transformers 4.57.6, models/gpt2/modeling_gpt2.py.
 */
#include <math.h>

#include "arch/decoder.h"

typedef struct gpt2_config {
	int64_t vocab, hidden, layers, heads, inner, positions;
	oxp_act act;
	double eps;
	int scaled, scaled_by_layer, cross, tied;
} gpt2_config;

/* The second spelling of four keys wins where both stand, as in the class. */
static gpt2_config read_config(cfg *j)
{
	gpt2_config c = {
		.vocab = cfg_int(j, "vocab_size", 50257),
		.hidden = cfg_int(j, "hidden_size", cfg_int(j, "n_embd", 768)),
		.layers = cfg_int(j, "num_hidden_layers", cfg_int(j, "n_layer", 12)),
		.heads = cfg_int(j, "num_attention_heads", cfg_int(j, "n_head", 12)),
		.positions = cfg_int(j, "max_position_embeddings", cfg_int(j, "n_positions", 1024)),
		.act = cfg_act(j, "activation_function", "gelu_new"),
		.eps = cfg_num(j, "layer_norm_epsilon", 1e-5),
		.scaled = cfg_bool(j, "scale_attn_weights", 1),
		.scaled_by_layer = cfg_bool(j, "scale_attn_by_inverse_layer_idx", 0),
		.cross = cfg_bool(j, "add_cross_attention", 0),
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
	};

	c.inner = cfg_int(j, "n_inner", 4 * c.hidden);
	/* reorder_and_upcast_attn computes the same in float32. */
	cfg_ignore(j, "reorder_and_upcast_attn resid_pdrop embd_pdrop attn_pdrop initializer_range "
		      "n_ctx summary_type summary_use_proj summary_activation "
		      "summary_proj_to_labels summary_first_dropout classifier_dropout "
		      "hidden_dropout");
	return c;
}

static decoder_shape shape(cfg *j)
{
	gpt2_config c = read_config(j);

	return (decoder_shape){ c.vocab, c.hidden, c.layers, c.heads, c.positions };
}

static double scale(const gpt2_config *c, int64_t layer)
{
	double head = (double)(c->hidden / c->heads);

	return (c->scaled ? 1 / sqrt(head) : 1) / (double)(c->scaled_by_layer ? layer + 1 : 1);
}

static value *self_attention(scope s, const gpt2_config *c, value *x, value *mask, cache *past,
			     int64_t layer)
{
	value *part[3];

	nn_split_fused(nn_conv1d(s, "c_attn", x, 3 * c->hidden), c->heads, OXP_FUSED_PARTS_FIRST, 3,
		       part);
	nn_cache_append(past, layer, &part[1], &part[2]);
	x = nn_attend(part[0], part[1], part[2], mask, scale(c, layer));
	return nn_conv1d(s, "c_proj", x, c->hidden);
}

static value *cross_attention(scope s, const gpt2_config *c, value *x, value *memory, int64_t layer)
{
	value *q = nn_split_heads(nn_conv1d(s, "q_attn", x, c->hidden), c->heads), *part[2];

	nn_split_fused(nn_conv1d(s, "c_attn", memory, 2 * c->hidden), c->heads,
		       OXP_FUSED_PARTS_FIRST, 2, part);
	x = nn_attend(q, part[0], part[1], NULL, scale(c, layer));
	return nn_conv1d(s, "c_proj", x, c->hidden);
}

static value *block(scope s, const gpt2_config *c, value *x, value *mask, cache *past,
		    value *memory, int64_t layer)
{
	scope mlp = at(s, "mlp");
	value *y = nn_layer_norm(s, "ln_1", x, c->eps);

	x = op_add(self_attention(at(s, "attn"), c, y, mask, past, layer), x);
	if (memory) {
		y = nn_layer_norm(s, "ln_cross_attn", x, c->eps);
		x = op_add(x, cross_attention(at(s, "crossattention"), c, y, memory, layer));
	}
	y = nn_conv1d(mlp, "c_fc", nn_layer_norm(s, "ln_2", x, c->eps), c->inner);
	return op_add(x, nn_conv1d(mlp, "c_proj", nn_act(mlp, "act", c->act, y), c->hidden));
}

static value *body(scope s, cfg *j, const decoder_inputs *in)
{
	gpt2_config c = read_config(j);
	scope b = body_of(s);
	value *memory = c.cross ? memory_of(s) : NULL;
	value *mask = nn_causal_mask_added(in->mask, in->length, 0);
	value *x = nn_embedding(b, "wte", in->ids, c.vocab, c.hidden);

	x = op_add(x, nn_positions(b, "wpe", in->start, in->length, c.positions, c.hidden));
	for (int64_t i = 0; i < c.layers; i++)
		x = block(at(b, "h.%d", (int)i), &c, x, mask, in->past, memory, i);
	return nn_layer_norm(b, "ln_f", x, c.eps);
}

static value *lm_head(scope s, cfg *j, value *x)
{
	gpt2_config c = read_config(j);

	return output_scores(s, x, at(body_of(s), "wte"), c.tied, c.vocab);
}

static const decoder gpt2 = { shape, body, lm_head, 0 };

static const task tasks[] = {
	{ .feature = "default", .build = decoder_default, .opset = 13 },
	{ .feature = "default-with-past", .build = decoder_default_with_past, .opset = 13 },
	{ .feature = "causal-lm", .build = decoder_lm, .opset = 13 },
	{ .feature = "causal-lm-with-past", .build = decoder_lm_with_past, .opset = 13 },
	{ .feature = "sequence-classification", .build = decoder_sequence, .opset = 13 },
	{ .feature = "token-classification", .build = decoder_token, .opset = 13 },
	{ 0 },
};

const arch arch_gpt2 = {
	.types = "gpt2",
	.prefix = "transformer",
	.family = &gpt2,
	.tasks = tasks,
};
