/*
 * GPT-J: attention and feed-forward side by side, rotary positions on neighbouring pairs.
 * Follows transformers 4.57.6, models/gptj/modeling_gptj.py.
 */
#include "arch/decoder.h"

typedef struct gptj_config {
	int64_t vocab, hidden, layers, heads, inner, positions, rotary;
	oxp_act act;
	double eps;
	int tied;
} gptj_config;

/* The second spelling of four keys wins where both stand, as in the class. */
static gptj_config read_config(cfg *j)
{
	gptj_config c = {
		.vocab = cfg_int(j, "vocab_size", 50400),
		.hidden = cfg_int(j, "hidden_size", cfg_int(j, "n_embd", 4096)),
		.layers = cfg_int(j, "num_hidden_layers", cfg_int(j, "n_layer", 28)),
		.heads = cfg_int(j, "num_attention_heads", cfg_int(j, "n_head", 16)),
		.positions = cfg_int(j, "max_position_embeddings", cfg_int(j, "n_positions", 2048)),
		.rotary = cfg_int(j, "rotary_dim", 64),
		.act = cfg_act(j, "activation_function", "gelu_new"),
		.eps = cfg_num(j, "layer_norm_epsilon", 1e-5),
		.tied = cfg_bool(j, "tie_word_embeddings", 0),
	};

	c.inner = cfg_int(j, "n_inner", 4 * c.hidden);
	if (cfg_is_null(j, "rotary_dim"))
		cfg_refuse(j, "rotary_dim: null is not supported; expected a number");
	else if (c.rotary % 2 || c.rotary > c.hidden / c.heads)
		cfg_refuse(j,
			   "rotary_dim: expected an even number up to the head's %lld, found "
			   "%lld",
			   (long long)(c.hidden / c.heads), (long long)c.rotary);
	cfg_ignore(j, "resid_pdrop embd_pdrop attn_pdrop initializer_range n_ctx rotary scale_attn "
		      "summary_type summary_use_proj summary_activation summary_proj_to_labels "
		      "summary_first_dropout gradient_checkpointing");
	return c;
}

static decoder_shape shape(cfg *j)
{
	gptj_config c = read_config(j);

	return (decoder_shape){ c.vocab, c.hidden, c.layers, c.heads, c.positions };
}

static value *block(scope s, const gptj_config *c, value *x, value *mask, const rotary *turn,
		    cache *past, int64_t layer)
{
	scope self = at(s, "attn"), mlp = at(s, "mlp");
	value *y = nn_layer_norm(s, "ln_1", x, c->eps), *z;
	value *q = nn_split_heads(nn_project(self, "q_proj", y, c->hidden), c->heads);
	value *k = nn_split_heads(nn_project(self, "k_proj", y, c->hidden), c->heads);
	value *v = nn_split_heads(nn_project(self, "v_proj", y, c->hidden), c->heads);

	q = nn_rotate_pairs(q, turn);
	k = nn_rotate_pairs(k, turn);
	nn_cache_append(past, layer, &k, &v);
	z = nn_project(self, "out_proj", nn_attend(q, k, v, mask, 0), c->hidden);
	y = nn_act(mlp, "act", c->act, nn_linear(mlp, "fc_in", y, c->inner));
	return op_add(op_add(z, nn_linear(mlp, "fc_out", y, c->hidden)), x);
}

static value *body(scope s, cfg *j, const decoder_inputs *in)
{
	gptj_config c = read_config(j);
	scope b = body_of(s);
	value *mask = nn_causal_mask(in->mask, in->length);
	value *x = nn_embedding(b, "wte", in->ids, c.vocab, c.hidden);
	rotary turn = nn_rotary(s, in->start, in->length, c.rotary, 10000);

	for (int64_t i = 0; i < c.layers; i++)
		x = block(at(b, "h.%d", (int)i), &c, x, mask, &turn, in->past, i);
	return nn_layer_norm(b, "ln_f", x, c.eps);
}

static value *lm_head(scope s, cfg *j, value *x)
{
	gptj_config c = read_config(j);
	value *scores = output_scores(s, x, at(body_of(s), "wte"), c.tied, c.vocab);

	return op_add(scores, PARAM(s, "lm_head.bias", c.vocab));
}

static const decoder gptj = { shape, body, lm_head, 0 };

static const task tasks[] = {
	{ .feature = "default", .build = decoder_default, .opset = 13 },
	{ .feature = "default-with-past", .build = decoder_default_with_past, .opset = 13 },
	{ .feature = "causal-lm", .build = decoder_lm, .opset = 13 },
	{ .feature = "causal-lm-with-past", .build = decoder_lm_with_past, .opset = 13 },
	{ .feature = "question-answering", .build = decoder_span, .opset = 13 },
	{ .feature = "sequence-classification", .build = decoder_sequence, .opset = 13 },
	{ 0 },
};

const arch arch_gptj = {
	.types = "gptj",
	.prefix = "transformer",
	.family = &gptj,
	.tasks = tasks,
};
