/*
 * GPT-Neo: GPT-2's shape with separate projections, unscaled scores, and layers that see only a
 * window of what came before.
 * Follows transformers 4.57.6, models/gpt_neo/modeling_gpt_neo.py.
 */
#include "arch/decoder.h"

typedef struct gpt_neo_config {
	int64_t vocab, hidden, layers, heads, inner, positions, window;
	oxp_act act;
	double eps;
	int tied;
} gpt_neo_config;

static gpt_neo_config read_config(cfg *j)
{
	gpt_neo_config c = {
		.vocab = cfg_int(j, "vocab_size", 50257),
		.hidden = cfg_int(j, "hidden_size", 2048),
		.layers = cfg_int(j, "num_hidden_layers", cfg_int(j, "num_layers", 24)),
		.heads = cfg_int(j, "num_attention_heads", cfg_int(j, "num_heads", 16)),
		.positions = cfg_int(j, "max_position_embeddings", 2048),
		.window = cfg_int(j, "window_size", 256),
		.act = cfg_act(j, "activation_function", "gelu_new"),
		.eps = cfg_num(j, "layer_norm_epsilon", 1e-5),
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
	};

	c.inner = cfg_int(j, "intermediate_size", 4 * c.hidden);
	cfg_ignore(j, "resid_dropout embed_dropout attention_dropout classifier_dropout "
		      "initializer_range attention_layers");
	return c;
}

static decoder_shape shape(cfg *j)
{
	gpt_neo_config c = read_config(j);

	return (decoder_shape){ c.vocab, c.hidden, c.layers, c.heads, c.positions };
}

/*
 * attention_types is a list of [["global", "local"], 12]: kinds in turn, and how often. Whether
 * layer `i` is local; the layers that the list makes must be as many as there are.
 */
static int is_local(cfg *j, const gpt_neo_config *c, int64_t layer)
{
	int64_t made = 0;
	int local = 0;

	for (int g = 0; g < cfg_size(j, "attention_types"); g++) {
		int64_t n = cfg_size(j, cfg_key(j, "attention_types.%d.0", g));
		int64_t all = n * cfg_int(j, cfg_key(j, "attention_types.%d.1", g), 1);

		if (layer >= made && layer < made + all)
			local = cfg_choice(
				j,
				cfg_key(j, "attention_types.%d.0.%d", g, (int)((layer - made) % n)),
				"", "global local");
		made += all;
	}
	if (!made) { /* the class's default: [["global", "local"], 12] */
		made = 24;
		local = (int)(layer % 2);
	}
	if (made != c->layers)
		cfg_refuse(j,
			   "attention_types: expected as many layers as num_layers, %lld, found "
			   "%lld",
			   (long long)c->layers, (long long)made);
	return local;
}

static value *block(scope s, const gpt_neo_config *c, value *x, value *mask, cache *past,
		    int64_t layer)
{
	scope self = at(s, "attn.attention"), mlp = at(s, "mlp");
	value *y = nn_layer_norm(s, "ln_1", x, c->eps);
	value *q = nn_split_heads(nn_project(self, "q_proj", y, c->hidden), c->heads);
	value *k = nn_split_heads(nn_project(self, "k_proj", y, c->hidden), c->heads);
	value *v = nn_split_heads(nn_project(self, "v_proj", y, c->hidden), c->heads);

	nn_cache_append(past, layer, &k, &v);
	y = nn_linear(self, "out_proj", nn_attend(q, k, v, mask, 1), c->hidden);
	x = op_add(y, x);

	y = nn_linear(mlp, "c_fc", nn_layer_norm(s, "ln_2", x, c->eps), c->inner);
	return op_add(x, nn_linear(mlp, "c_proj", nn_act(mlp, "act", c->act, y), c->hidden));
}

static value *body(scope s, cfg *j, const decoder_inputs *in)
{
	gpt_neo_config c = read_config(j);
	scope b = body_of(s);
	value *mask[] = { nn_causal_mask_added(in->mask, in->length, 0),
			  nn_causal_mask_added(in->mask, in->length, c.window) };
	value *x = nn_embedding(b, "wte", in->ids, c.vocab, c.hidden);

	x = op_add(x, nn_positions(b, "wpe", in->start, in->length, c.positions, c.hidden));
	for (int64_t i = 0; i < c.layers; i++)
		x = block(at(b, "h.%d", (int)i), &c, x, mask[is_local(j, &c, i)], in->past, i);
	return nn_layer_norm(b, "ln_f", x, c.eps);
}

static value *lm_head(scope s, cfg *j, value *x)
{
	gpt_neo_config c = read_config(j);

	return output_scores(s, x, at(body_of(s), "wte"), c.tied, c.vocab);
}

static const decoder gpt_neo = { shape, body, lm_head, -1 };

static const task tasks[] = {
	{ .feature = "default", .build = decoder_default, .opset = 13 },
	{ .feature = "default-with-past", .build = decoder_default_with_past, .opset = 13 },
	{ .feature = "causal-lm", .build = decoder_lm, .opset = 13 },
	{ .feature = "causal-lm-with-past", .build = decoder_lm_with_past, .opset = 13 },
	{ .feature = "sequence-classification", .build = decoder_sequence, .opset = 13 },
	{ 0 },
};

const arch arch_gpt_neo = {
	.types = "gpt-neo",
	.prefix = "transformer",
	.family = &gpt_neo,
	.tasks = tasks,
};
