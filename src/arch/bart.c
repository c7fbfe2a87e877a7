/*
 * BART: a post-norm encoder-decoder with learned positions.
 * Follows transformers 4.57.6, models/bart/modeling_bart.py.
 */
#include <math.h>

#include "arch/seq2seq.h"

typedef struct bart_config {
	int64_t vocab, hidden, positions;
	int64_t layers[2], heads[2], inner[2]; /* of the encoder and the decoder */
	oxp_act act;
	double word_scale;
	int tied;
} bart_config;

enum half { ENCODER, DECODER };
static const char *const half_name[] = { "encoder", "decoder" };
static const double EPS = 1e-5;

static bart_config read_config(cfg *j)
{
	bart_config c = {
		.vocab = cfg_int(j, "vocab_size", 50265),
		.hidden = cfg_int(j, "hidden_size", cfg_int(j, "d_model", 1024)),
		.positions = cfg_int(j, "max_position_embeddings", 1024),
		.act = cfg_act(j, "activation_function", "gelu"),
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
	};

	for (int h = 0; h < 2; h++) {
		const char *name = half_name[h];

		c.layers[h] = cfg_int(j, cfg_key(j, "%s_layers", name), 12);
		c.heads[h] = cfg_int(j, cfg_key(j, "%s_attention_heads", name), 16);
		c.inner[h] = cfg_int(j, cfg_key(j, "%s_ffn_dim", name), 4096);
	}
	c.heads[ENCODER] = cfg_int(j, "num_attention_heads", c.heads[ENCODER]);
	check_heads(j, c.heads[ENCODER], c.hidden);
	check_heads(j, c.heads[DECODER], c.hidden);
	c.word_scale = cfg_bool(j, "scale_embedding", 0) ? sqrt((double)c.hidden) : 1;
	cfg_ignore(j, "dropout attention_dropout activation_dropout classifier_dropout init_std "
		      "encoder_layerdrop decoder_layerdrop num_hidden_layers add_bias_logits "
		      "add_final_layer_norm classif_dropout extra_pos_embeddings normalize_before "
		      "normalize_embedding static_position_embeddings force_bos_token_to_be_generated "
		      "gradient_checkpointing");
	return c;
}

static seq2seq_shape shape(cfg *j)
{
	bart_config c = read_config(j);

	return (seq2seq_shape){ c.vocab, c.layers[DECODER], c.heads[DECODER],
				c.hidden / c.heads[DECODER], c.positions };
}

static decoder_shape shape_alone(cfg *j)
{
	bart_config c = read_config(j);

	return (decoder_shape){ c.vocab, c.hidden, c.layers[DECODER], c.heads[DECODER],
				c.positions };
}

/* One table for both halves and the output, or one each when they are not tied. */
static value *words(scope b, const bart_config *c, enum half h)
{
	value *w;

	if (!c->tied) {
		w = PARAM(at(b, "%s", half_name[h]), "embed_tokens.weight", c->vocab, c->hidden);
		return op_param_also(w, b, "shared.weight");
	}
	w = PARAM(b, "shared.weight", c->vocab, c->hidden);
	w = op_param_also(w, b, "encoder.embed_tokens.weight");
	return op_param_also(w, b, "decoder.embed_tokens.weight");
}

static value *embeddings(scope b, const bart_config *c, enum half h, value *ids, const dim *start)
{
	scope s = at(b, "%s", half_name[h]);
	const dim *first = dim_add(s.g, start, dim_const(s.g, 2)); /* two rows are never used */
	value *x = op_embedding(words(b, c, h), ids);
	value *places = nn_positions(s, "embed_positions", first, dim_of(ids, 1), c->positions + 2,
				     c->hidden);

	x = op_add(op_mul(x, op_num(s.g, c->word_scale)), places);
	return nn_layer_norm(s, "layernorm_embedding", x, EPS);
}

/* Heads of one projection. */
static value *heads(scope s, const char *name, const bart_config *c, enum half h, value *x)
{
	return nn_split_heads(nn_linear(s, name, x, c->hidden), c->heads[h]);
}

static value *self_attention(scope s, const bart_config *c, enum half h, value *x, value *mask,
			     cache *past, int64_t layer)
{
	value *q = heads(s, "q_proj", c, h, x);
	value *k = heads(s, "k_proj", c, h, x), *v = heads(s, "v_proj", c, h, x);

	nn_cache_append(past, layer, &k, &v);
	return nn_linear(s, "out_proj", nn_attend(q, k, v, mask, 0), c->hidden);
}

static value *cross_attention(scope s, const bart_config *c, value *x, const seq2seq_memory *m,
			      cache *past, int64_t layer)
{
	value *q = heads(s, "q_proj", c, DECODER, x), *k, *v;

	if (past) {
		nn_cache_cross(past, layer, &k, &v);
	} else {
		k = heads(s, "k_proj", c, DECODER, m->states);
		v = heads(s, "v_proj", c, DECODER, m->states);
	}
	return nn_linear(s, "out_proj", nn_attend(q, k, v, m->bias, 0), c->hidden);
}

static value *feed_forward(scope s, const bart_config *c, enum half h, value *x)
{
	value *y = nn_act(s, "activation_fn", c->act, nn_linear(s, "fc1", x, c->inner[h]));

	y = nn_linear(s, "fc2", y, c->hidden);
	return nn_layer_norm(s, "final_layer_norm", op_add(x, y), EPS);
}

static value *encode(scope s, cfg *j, value *ids, value *mask)
{
	bart_config c = read_config(j);
	scope b = body_of(s);
	value *x = embeddings(b, &c, ENCODER, ids, dim_const(s.g, 0));

	mask = nn_padding_mask(mask);
	for (int64_t i = 0; i < c.layers[ENCODER]; i++) {
		scope l = at(b, "encoder.layers.%d", (int)i);
		value *y = self_attention(at(l, "self_attn"), &c, ENCODER, x, mask, NULL, i);

		x = nn_layer_norm(l, "self_attn_layer_norm", op_add(x, y), EPS);
		x = feed_forward(l, &c, ENCODER, x);
	}
	return x;
}

static value *decode(scope s, cfg *j, const decoder_inputs *in, const seq2seq_memory *memory)
{
	bart_config c = read_config(j);
	scope b = body_of(s);
	value *mask = nn_causal_mask(in->mask, in->length);
	value *x = embeddings(b, &c, DECODER, in->ids, in->start);

	for (int64_t i = 0; i < c.layers[DECODER]; i++) {
		scope l = at(b, "decoder.layers.%d", (int)i);
		value *y = self_attention(at(l, "self_attn"), &c, DECODER, x, mask, in->past, i);

		x = nn_layer_norm(l, "self_attn_layer_norm", op_add(x, y), EPS);
		if (memory) {
			y = cross_attention(at(l, "encoder_attn"), &c, x, memory, in->past, i);
			x = nn_layer_norm(l, "encoder_attn_layer_norm", op_add(x, y), EPS);
		}
		x = feed_forward(l, &c, DECODER, x);
	}
	return x;
}

static value *decode_alone(scope s, cfg *j, const decoder_inputs *in)
{
	return decode(s, j, in, NULL);
}

static value *scores(scope s, cfg *j, value *x)
{
	bart_config c = read_config(j);
	value *w = c.tied ? words(body_of(s), &c, DECODER)
			  : PARAM(s, "lm_head.weight", c.vocab, c.hidden);

	return op_linear(x, op_param_also(w, s, "lm_head.weight"), NULL);
}

static value *lm_head(scope s, cfg *j, value *x)
{
	bart_config c = read_config(j);

	return op_add(scores(s, j, x), PARAM(s, "final_logits_bias", 1, c.vocab));
}

static const seq2seq bart = {
	.alone = { shape_alone, decode_alone, scores, -1 },
	.shape = shape,
	.encode = encode,
	.decode = decode,
	.lm_head = lm_head,
};

static const task tasks[] = {
	{ .feature = "default", .build = seq2seq_default },
	{ .feature = "default-with-past", .build = seq2seq_default_with_past },
	{ .feature = "causal-lm", .build = decoder_lm },
	{ .feature = "causal-lm-with-past", .build = decoder_lm_with_past },
	{ .feature = "seq2seq-lm", .build = seq2seq_lm },
	{ .feature = "seq2seq-lm-with-past", .build = seq2seq_lm_with_past },
	{ .feature = "sequence-classification", .build = seq2seq_sequence },
	{ .feature = "question-answering", .build = seq2seq_span },
	{ 0 },
};

const arch arch_bart = {
	.types = "bart",
	.prefix = "model",
	.defaults = "{\"num_labels\": 3}",
	.family = &bart,
	.tasks = tasks,
};
