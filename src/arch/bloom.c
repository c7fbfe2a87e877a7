/*
 * BLOOM: a decoder without position embeddings; each head's scores fall off with distance (ALiBi).
 * Follows transformers 4.57.6, models/bloom/modeling_bloom.py.
 */
#include <math.h>

#include "arch/decoder.h"

enum { MOST_HEADS = 1024 };

typedef struct bloom_config {
	int64_t vocab, hidden, layers, heads;
	double eps;
	int normed_residual, sliced, tied;
} bloom_config;

static bloom_config read_config(cfg *j)
{
	bloom_config c = {
		.vocab = cfg_int(j, "vocab_size", 250880),
		.hidden = cfg_int(j, "n_embed", cfg_int(j, "hidden_size", 64)),
		.layers = cfg_int(j, "num_hidden_layers", cfg_int(j, "n_layer", 2)),
		.heads = cfg_int(j, "num_attention_heads", cfg_int(j, "n_head", 8)),
		.eps = cfg_num(j, "layer_norm_epsilon", 1e-5),
		.normed_residual = cfg_bool(j, "apply_residual_connection_post_layernorm", 0),
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
	};

	if (c.heads > MOST_HEADS)
		cfg_refuse(j, "n_head: expected at most %d", MOST_HEADS);
	/* Sliced as it was trained, two layers lose their bias. */
	c.sliced = cfg_bool(j, "slow_but_exact", 0) && cfg_int(j, "pretraining_tp", 1) > 1;
	cfg_ignore(j, "hidden_dropout attention_dropout initializer_range pretraining_tp "
		      "slow_but_exact seq_length skip_bias_add skip_bias_add_qkv unk_token_id "
		      "attention_softmax_in_fp32 masked_softmax_fusion bias_dropout_fusion "
		      "offset_alibi classifier_dropout");
	return c;
}

static decoder_shape shape(cfg *j)
{
	bloom_config c = read_config(j);

	return (decoder_shape){ c.vocab, c.hidden, c.layers, c.heads, 0 };
}

/* 2^(-8 i / n) for the largest power of two n of heads, and every other of 2n for those beyond. */
static value *slopes(scope s, int64_t heads)
{
	float slope[MOST_HEADS];
	int64_t n = 1;

	if (heads > MOST_HEADS)
		return op_num(s.g, 0); /* refused with the configuration */
	while (2 * n <= heads)
		n *= 2;
	for (int64_t i = 0; i < heads; i++) {
		float base = (float)pow(2, i < n ? -8 / (double)n : -4 / (double)n);

		slope[i] = powf(base, (float)(i < n ? i + 1 : 2 * (i - n) + 1));
	}
	return op_floats(s.g, 3, (int64_t[]){ heads, 1, 1 }, slope);
}

/* Distances count the tokens that are not padding: [batch, heads, 1, keys] */
static value *alibi(scope s, const bloom_config *c, value *mask)
{
	value *place = op_mul(op_sub(op_cumsum(mask, 1), op_int(s.g, 1)), mask);

	place = op_cast(op_unsqueeze(op_unsqueeze(place, 1), 1), F32);
	return op_mul(slopes(s, c->heads), place);
}

static value *dense(scope s, const char *name, const bloom_config *c, value *x)
{
	return c->sliced ? nn_project(s, name, x, c->hidden) : nn_linear(s, name, x, c->hidden);
}

static value *block(scope s, const bloom_config *c, value *x, value *bias, cache *past,
		    int64_t layer)
{
	scope self = at(s, "self_attention"), mlp = at(s, "mlp");
	value *y = nn_layer_norm(s, "input_layernorm", x, c->eps), *part[3], *z;

	nn_split_fused(nn_linear(self, "query_key_value", y, 3 * c->hidden), c->heads,
		       OXP_FUSED_HEADS_FIRST, 3, part);
	nn_cache_append(past, layer, &part[1], &part[2]);
	z = nn_attend(part[0], part[1], part[2], bias, 0);
	x = op_add(dense(self, "dense", c, z), c->normed_residual ? y : x);

	y = nn_layer_norm(s, "post_attention_layernorm", x, c->eps);
	z = op_gelu_tanh(nn_linear(mlp, "dense_h_to_4h", y, 4 * c->hidden));
	return op_add(dense(mlp, "dense_4h_to_h", c, z), c->normed_residual ? y : x);
}

static value *body(scope s, cfg *j, const decoder_inputs *in)
{
	bloom_config c = read_config(j);
	scope b = body_of(s);
	value *bias = op_add(alibi(s, &c, in->mask), nn_causal_mask(in->mask, in->length));
	value *x = nn_embedding(b, "word_embeddings", in->ids, c.vocab, c.hidden);

	x = nn_layer_norm(b, "word_embeddings_layernorm", x, c.eps);
	for (int64_t i = 0; i < c.layers; i++)
		x = block(at(b, "h.%d", (int)i), &c, x, bias, in->past, i);
	return nn_layer_norm(b, "ln_f", x, c.eps);
}

static value *lm_head(scope s, cfg *j, value *x)
{
	bloom_config c = read_config(j);

	return output_scores(s, x, at(body_of(s), "word_embeddings"), c.tied, c.vocab);
}

static const decoder bloom = { shape, body, lm_head, 0 };

static const task tasks[] = {
	{ .feature = "default", .build = decoder_default, .opset = 13, .atol = 1e-3 },
	{ .feature = "default-with-past",
	  .build = decoder_default_with_past,
	  .opset = 13,
	  .atol = 1e-3 },
	{ .feature = "causal-lm", .build = decoder_lm, .opset = 13, .atol = 1e-3 },
	{ .feature = "causal-lm-with-past",
	  .build = decoder_lm_with_past,
	  .opset = 13,
	  .atol = 1e-3 },
	{ .feature = "sequence-classification",
	  .build = decoder_sequence,
	  .opset = 13,
	  .atol = 1e-3 },
	{ .feature = "token-classification", .build = decoder_token, .opset = 13, .atol = 1e-3 },
	{ 0 },
};

const arch arch_bloom = {
	.types = "bloom",
	.prefix = "transformer",
	.family = &bloom,
	.tasks = tasks,
};
