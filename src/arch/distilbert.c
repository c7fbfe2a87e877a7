/*
 * DistilBERT: half of BERT's layers under names of its own, without token types and pooler.
 * Follows transformers 4.57.6, models/distilbert/modeling_distilbert.py.
 */
#include "arch/arch.h"

typedef struct distilbert_config {
	int64_t vocab, dim, layers, heads, inner, positions, labels;
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
		.labels = cfg_labels(j),
		.act = cfg_act(j, "activation", "gelu"),
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
	};

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

/* Inputs to hidden states. */
static value *body(scope s, const distilbert_config *c, int choices)
{
	text_inputs in = nn_text_inputs(s, &(text_spec){ .names = "input_ids attention_mask",
							 .vocab = c->vocab,
							 .longest = c->positions,
							 .choices = choices });
	scope b = body_of(s), e = at(b, "embeddings");
	value *x = nn_embedding(e, "word_embeddings", in.ids, c->vocab, c->dim);
	value *mask = nn_padding_mask(in.mask);

	x = op_add(x,
		   nn_positions(e, "position_embeddings", dim_of(in.ids, 1), c->positions, c->dim));
	x = nn_layer_norm(e, "LayerNorm", x, EPS);
	for (int64_t i = 0; i < c->layers; i++)
		x = block(at(b, "transformer.layer.%d", (int)i), c, x, mask);
	return x;
}

/* The first token through the layer before the classifier. */
static value *pooled(scope s, const distilbert_config *c, value *x)
{
	return op_relu(nn_linear(s, "pre_classifier", op_select(x, 1, 0), c->dim));
}

static void distilbert_default(scope s, cfg *j)
{
	distilbert_config c = read_config(j);

	op_output(s, "last_hidden_state", body(s, &c, 0));
}

static void distilbert_masked_lm(scope s, cfg *j)
{
	distilbert_config c = read_config(j);
	value *x = nn_linear(s, "vocab_transform", body(s, &c, 0), c.dim);
	value *w = PARAM(body_of(s), "embeddings.word_embeddings.weight", c.vocab, c.dim);

	x = nn_layer_norm(s, "vocab_layer_norm", nn_act(s, "activation", c.act, x), EPS);
	w = c.tied ? op_param_also(w, s, "vocab_projector.weight")
		   : PARAM(s, "vocab_projector.weight", c.vocab, c.dim);
	op_output(s, "logits", op_linear(x, w, PARAM(s, "vocab_projector.bias", c.vocab)));
}

static void distilbert_sequence(scope s, cfg *j)
{
	distilbert_config c = read_config(j);
	value *x = pooled(s, &c, body(s, &c, 0));

	op_output(s, "logits", nn_linear(s, "classifier", x, c.labels));
}

static void distilbert_choice(scope s, cfg *j)
{
	distilbert_config c = read_config(j);
	value *x = pooled(s, &c, body(s, &c, 1));

	nn_output_choices(s, nn_linear(s, "classifier", x, 1));
}

static void distilbert_tokens(scope s, cfg *j)
{
	distilbert_config c = read_config(j);

	op_output(s, "logits", nn_linear(s, "classifier", body(s, &c, 0), c.labels));
}

static void distilbert_span(scope s, cfg *j)
{
	distilbert_config c = read_config(j);

	if (c.labels != 2)
		cfg_refuse(j,
			   "num_labels: question-answering has a start and an end, so expected 2 "
			   "labels, found %lld",
			   (long long)c.labels);
	nn_output_span(s, nn_linear(s, "qa_outputs", body(s, &c, 0), 2));
}

static const task distilbert_tasks[] = {
	{ .feature = "default", .build = distilbert_default },
	{ .feature = "masked-lm", .build = distilbert_masked_lm },
	{ .feature = "sequence-classification", .build = distilbert_sequence },
	{ .feature = "multiple-choice", .build = distilbert_choice },
	{ .feature = "token-classification", .build = distilbert_tokens },
	{ .feature = "question-answering", .build = distilbert_span },
	{ 0 },
};

const arch arch_distilbert = {
	.types = "distilbert",
	.prefix = "distilbert",
	.tasks = distilbert_tasks,
};
