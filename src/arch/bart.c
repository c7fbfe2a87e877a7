/*
 * BART: a post-norm encoder-decoder with learned positions.
 * Follows transformers 4.57.6, models/bart/modeling_bart.py.
 */
#include <math.h>

#include "arch/bart.h"

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
	c.heads[BART_ENCODER] = cfg_int(j, "num_attention_heads", c.heads[BART_ENCODER]);
	check_heads(j, c.heads[BART_ENCODER], c.hidden);
	check_heads(j, c.heads[BART_DECODER], c.hidden);
	c.word_scale = cfg_bool(j, "scale_embedding", 0) ? sqrt((double)c.hidden) : 1;
	cfg_ignore(j,
		   "dropout attention_dropout activation_dropout classifier_dropout init_std "
		   "encoder_layerdrop decoder_layerdrop num_hidden_layers add_bias_logits "
		   "add_final_layer_norm classif_dropout extra_pos_embeddings normalize_before "
		   "normalize_embedding static_position_embeddings force_bos_token_to_be_generated "
		   "gradient_checkpointing");
	return c;
}

static seq2seq_shape shape(cfg *j)
{
	bart_config c = read_config(j);

	return (seq2seq_shape){ c.vocab, c.layers[BART_DECODER], c.heads[BART_DECODER],
				c.hidden / c.heads[BART_DECODER], c.positions };
}

static decoder_shape shape_alone(cfg *j)
{
	bart_config c = read_config(j);

	return (decoder_shape){ c.vocab, c.hidden, c.layers[BART_DECODER], c.heads[BART_DECODER],
				c.positions };
}

/* One table for both halves and the output, or one each when they are not tied. */
static value *words(scope b, const bart_config *c, bart_half h)
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

value *bart_positions(scope half, const bart_config *c, const dim *start, const dim *length)
{
	const dim *first = dim_add(half.g, start, dim_const(half.g, 2));

	return nn_positions(half, "embed_positions", first, length, c->positions + 2, c->hidden);
}

static value *embeddings(scope b, const bart_config *c, bart_half h, value *ids, const dim *start)
{
	scope s = at(b, "%s", half_name[h]);
	value *x = op_mul(op_embedding(words(b, c, h), ids), op_num(s.g, c->word_scale));

	x = op_add(x, bart_positions(s, c, start, dim_of(ids, 1)));
	return nn_layer_norm(s, "layernorm_embedding", x, EPS);
}

/* Heads of one projection. */
static value *heads(scope s, const char *name, const bart_config *c, bart_half h, value *x)
{
	return nn_split_heads(nn_linear(s, name, x, c->hidden), c->heads[h]);
}

static value *self_attention(scope s, const bart_config *c, bart_half h, value *x, value *mask,
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
	value *q = heads(s, "q_proj", c, BART_DECODER, x), *k, *v;

	if (past) {
		nn_cache_cross(past, layer, &k, &v);
	} else {
		k = heads(s, "k_proj", c, BART_DECODER, m->states);
		v = heads(s, "v_proj", c, BART_DECODER, m->states);
	}
	return nn_linear(s, "out_proj", nn_attend(q, k, v, m->bias, 0), c->hidden);
}

static value *feed_forward(scope s, const bart_config *c, bart_half h, value *x)
{
	value *y = nn_act(s, "activation_fn", c->act, nn_linear(s, "fc1", x, c->inner[h]));

	y = nn_linear(s, "fc2", y, c->hidden);
	return nn_layer_norm(s, "final_layer_norm", op_add(x, y), EPS);
}

static value *encode(scope s, cfg *j, value *ids, value *mask)
{
	bart_config c = read_config(j);
	scope b = body_of(s);
	value *x = embeddings(b, &c, BART_ENCODER, ids, dim_const(s.g, 0));

	mask = nn_padding_mask(mask);
	for (int64_t i = 0; i < c.layers[BART_ENCODER]; i++) {
		scope l = at(b, "encoder.layers.%d", (int)i);
		value *y = self_attention(at(l, "self_attn"), &c, BART_ENCODER, x, mask, NULL, i);

		x = nn_layer_norm(l, "self_attn_layer_norm", op_add(x, y), EPS);
		x = feed_forward(l, &c, BART_ENCODER, x);
	}
	return x;
}

value *bart_decoder_layers(scope s, const bart_config *c, value *x, value *mask,
			   const seq2seq_memory *memory, cache *past)
{
	for (int64_t i = 0; i < c->layers[BART_DECODER]; i++) {
		scope l = at(s, "layers.%d", (int)i);
		value *y = self_attention(at(l, "self_attn"), c, BART_DECODER, x, mask, past, i);

		x = nn_layer_norm(l, "self_attn_layer_norm", op_add(x, y), EPS);
		if (memory) {
			y = cross_attention(at(l, "encoder_attn"), c, x, memory, past, i);
			x = nn_layer_norm(l, "encoder_attn_layer_norm", op_add(x, y), EPS);
		}
		x = feed_forward(l, c, BART_DECODER, x);
	}
	return x;
}

static value *decode(scope s, cfg *j, const decoder_inputs *in, const seq2seq_memory *memory)
{
	bart_config c = read_config(j);
	scope b = body_of(s);
	value *mask = nn_causal_mask(in->mask, in->length);
	value *x = embeddings(b, &c, BART_DECODER, in->ids, in->start);

	return bart_decoder_layers(at(b, "decoder"), &c, x, mask, memory, in->past);
}

static value *decode_alone(scope s, cfg *j, const decoder_inputs *in)
{
	seq2seq_memory memory = { .states = memory_of(s) };

	return decode(s, j, in, memory.states ? &memory : NULL);
}

static value *scores(scope s, cfg *j, value *x)
{
	bart_config c = read_config(j);
	value *w = c.tied ? words(body_of(s), &c, BART_DECODER)
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
	{ .feature = "causal-lm-with-past", .build = seq2seq_decoder_lm_with_past },
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
