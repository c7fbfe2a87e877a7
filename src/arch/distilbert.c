/*
 * DistilBERT: half of BERT's layers under names of its own, without token types and pooler.
 * Follows transformers 4.57.6, models/distilbert/modeling_distilbert.py.
 */
#include "arch/encoder.h"

typedef struct distilbert_config {
	int64_t vocab, dim, layers, heads, inner, positions;
	oxp_act act;
	int tied;
} distilbert_config;

static const double EPS = 1e-12;

/* The second spelling of three keys wins where both stand, as in the class. */
static distilbert_config read_config(cfg *j)
{
	distilbert_config c = {
		.vocab = cfg_int(j, "vocab_size", 30522),
		.dim = cfg_int(j, "hidden_size", cfg_int(j, "dim", 768)),
		.layers = cfg_int(j, "num_hidden_layers", cfg_int(j, "n_layers", 6)),
		.heads = cfg_int(j, "num_attention_heads", cfg_int(j, "n_heads", 12)),
		.inner = cfg_int(j, "hidden_dim", 3072),
		.positions = cfg_int(j, "max_position_embeddings", 512),
		.act = cfg_act(j, "activation", "gelu"),
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
	};

	check_heads(j, c.heads, c.dim);
	/* sinusoidal_pos_embds says how the table was made; the checkpoint holds it either way. */
	cfg_ignore(j, "dropout attention_dropout qa_dropout seq_classif_dropout initializer_range "
		      "sinusoidal_pos_embds pad_token_id");
	return c;
}

static value *block(scope s, const distilbert_config *c, value *x, value *mask)
{
	scope self = at(s, "attention"), ffn = at(s, "ffn");
	value *q = nn_linear(self, "q_lin", x, c->dim);
	value *k = nn_linear(self, "k_lin", x, c->dim);
	value *v = nn_linear(self, "v_lin", x, c->dim);
	value *y = nn_attention(q, k, v, &(attention){ .heads = c->heads, .bias = mask });

	y = nn_linear(self, "out_lin", y, c->dim);
	x = nn_layer_norm(s, "sa_layer_norm", op_add(y, x), EPS);

	y = nn_act(ffn, "activation", c->act, nn_linear(ffn, "lin1", x, c->inner));
	y = nn_linear(ffn, "lin2", y, c->dim);
	return nn_layer_norm(s, "output_layer_norm", op_add(y, x), EPS);
}

static value *distilbert_body(scope s, cfg *j, int choices)
{
	distilbert_config c = read_config(j);
	text_inputs in = nn_text_inputs(s, &(text_spec){ .names = "input_ids attention_mask",
							 .vocab = c.vocab,
							 .longest = c.positions,
							 .choices = choices });
	scope body = body_of(s), e = at(body, "embeddings");
	const dim *length = dim_of(in.ids, 1);
	value *x = nn_embedding(e, "word_embeddings", in.ids, c.vocab, c.dim);
	value *mask = nn_padding_mask(in.mask);

	x = op_add(x, nn_positions(e, "position_embeddings", dim_const(s.g, 0), length, c.positions,
				   c.dim));
	x = nn_layer_norm(e, "LayerNorm", x, EPS);
	for (int64_t i = 0; i < c.layers; i++)
		x = block(at(body, "transformer.layer.%d", (int)i), &c, x, mask);
	return x;
}

static value *distilbert_lm_head(scope s, cfg *j, value *x)
{
	distilbert_config c = read_config(j);
	scope words = at(body_of(s), "embeddings.word_embeddings"), out = at(s, "vocab_projector");
	value *w = PARAM(c.tied ? words : out, "weight", c.vocab, c.dim);

	if (c.tied)
		w = op_param_also(w, out, "weight");
	x = nn_act(s, "activation", c.act, nn_linear(s, "vocab_transform", x, c.dim));
	x = nn_layer_norm(s, "vocab_layer_norm", x, EPS);
	return op_linear(x, w, PARAM(out, "bias", c.vocab));
}

static value *distilbert_pool(scope s, cfg *j, value *x)
{
	distilbert_config c = read_config(j);

	return op_relu(nn_linear(s, "pre_classifier", encoder_first_token(x), c.dim));
}

static const encoder distilbert = {
	.body = distilbert_body,
	.lm_head = distilbert_lm_head,
	.pool = distilbert_pool,
};

const arch arch_distilbert = {
	.types = "distilbert",
	.prefix = "distilbert",
	.family = &distilbert,
	.tasks = encoder_tasks_not_causal,
};
