/*
 * TrOCR's decoder: BART's, whose positions may be sines, for an encoder of images.
 * Follows transformers 4.57.6, models/trocr/modeling_trocr.py.
 */
#include <math.h>

#include "arch/bart.h"

typedef struct trocr_config {
	bart_config bart;
	int64_t pad;
	int learned, normed;
} trocr_config;

static const double EPS = 1e-5;

static trocr_config read_config(cfg *j)
{
	int64_t layers = cfg_int(j, "num_hidden_layers", cfg_int(j, "decoder_layers", 12));
	int64_t heads =
		cfg_int(j, "num_attention_heads", cfg_int(j, "decoder_attention_heads", 16));
	trocr_config c = {
		.bart = { .vocab = cfg_int(j, "vocab_size", 50265),
			  .hidden = cfg_int(j, "hidden_size", cfg_int(j, "d_model", 1024)),
			  .positions = cfg_int(j, "max_position_embeddings", 512),
			  .layers = { 0, layers },
			  .heads = { 1, heads },
			  .inner = { 1, cfg_int(j, "decoder_ffn_dim", 4096) },
			  .act = cfg_act(j, "activation_function", "gelu"),
			  .tied = cfg_bool(j, "tie_word_embeddings", 1) },
		.pad = cfg_index(j, "pad_token_id", 1),
		.learned = cfg_bool(j, "use_learned_position_embeddings", 1),
		.normed = cfg_bool(j, "layernorm_embedding", 1),
	};

	c.bart.word_scale = cfg_bool(j, "scale_embedding", 0) ? sqrt((double)c.bart.hidden) : 1;
	if (c.bart.hidden % 2 || c.bart.hidden < 4)
		cfg_refuse(j, "d_model: expected an even number from 4 on");
	cfg_ignore(j, "dropout attention_dropout activation_dropout init_std decoder_layerdrop "
		      "classifier_dropout add_cross_attention cross_attention_hidden_size");
	return c;
}

static decoder_shape shape(cfg *j)
{
	trocr_config c = read_config(j);

	return (decoder_shape){ c.bart.vocab, c.bart.hidden, c.bart.layers[BART_DECODER],
				c.bart.heads[BART_DECODER], c.bart.positions };
}

/* Sines, then cosines, of each real token's number; none for padding. */
static value *sine_positions(const trocr_config *c, const decoder_inputs *in)
{
	graph *g = graph_of(in->ids);
	int64_t half = c->bart.hidden / 2;
	value *real = op_not(op_equal(in->ids, op_int(g, c->pad))), *count, *place, *waves;

	count = op_cast(real, I64);
	place = op_add(op_cumsum(count, 1), op_length(g, in->start));
	place = op_add(op_mul(place, count), op_int(g, c->pad));
	waves = nn_sine_waves(place, half, pow(10000, -1 / (double)(half - 1)));
	return op_where(op_unsqueeze(real, 2), waves, op_num(g, 0));
}

static value *body(scope s, cfg *j, const decoder_inputs *in)
{
	trocr_config c = read_config(j);
	scope d = at(body_of(s), "decoder");
	seq2seq_memory memory = { .states = memory_of(s) };
	value *x = nn_embedding(d, "embed_tokens", in->ids, c.bart.vocab, c.bart.hidden);

	x = op_mul(x, op_num(s.g, c.bart.word_scale));
	x = op_add(x, c.learned ? bart_positions(d, &c.bart, in->start, in->length)
				: sine_positions(&c, in));
	if (c.normed)
		x = nn_layer_norm(d, "layernorm_embedding", x, EPS);
	return bart_decoder_layers(d, &c.bart, x, nn_causal_mask(in->mask, in->length),
				   memory.states ? &memory : NULL, in->past);
}

static value *lm_head(scope s, cfg *j, value *x)
{
	trocr_config c = read_config(j);
	value *w;

	if (!c.bart.tied)
		return nn_project(s, "output_projection", x, c.bart.vocab);
	w = PARAM(body_of(s), "decoder.embed_tokens.weight", c.bart.vocab, c.bart.hidden);
	return op_linear(x, op_param_also(w, s, "output_projection.weight"), NULL);
}

static const decoder trocr = { shape, body, lm_head, -1 };

static const task tasks[] = {
	{ .feature = "causal-lm", .build = decoder_lm },
	{ .feature = "causal-lm-with-past", .build = decoder_lm_with_past },
	{ 0 },
};

const arch arch_trocr = {
	.types = "trocr",
	.prefix = "model",
	.defaults = "{\"d_model\": 1024}",
	.family = &trocr,
	.tasks = tasks,
};
