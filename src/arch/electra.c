/*
 * ELECTRA: BERT with embeddings of a width of their own, projected, and with heads of its own.
 * Follows transformers 4.57.6, models/electra/modeling_electra.py.
 */
#include "arch/bert.h"

static bert_config electra_read_config(cfg *j)
{
	bert_config c = bert_read_config(j);

	c.embedding = cfg_int(j, "embedding_size", 128);
	cfg_ignore(j, "summary_last_dropout summary_first_dropout");
	return c;
}

/* Inputs to hidden states. */
static value *electra_body(scope s, const bert_config *c, int choices)
{
	text_inputs in = bert_inputs(s, c, "input_ids attention_mask token_type_ids", choices);
	scope body = body_of(s), embeddings = at(body, "embeddings");
	value *x = bert_embeddings(embeddings, c, &in, bert_positions(embeddings, c, &in));

	if (c->embedding != c->hidden)
		x = nn_linear(body, "embeddings_project", x, c->hidden);
	return bert_encoder(at(body, "encoder"), c, x, bert_mask(c, &in));
}

static void electra_default(scope s, cfg *j)
{
	bert_config c = electra_read_config(j);

	op_output(s, "last_hidden_state", electra_body(s, &c, 0));
}

/* The generator. */
static void electra_lm(scope s, cfg *j)
{
	bert_config c = electra_read_config(j);
	scope head = at(s, "generator_predictions"), out = at(s, "generator_lm_head");
	value *x = electra_body(s, &c, 0);

	x = op_gelu(nn_linear(head, "dense", x, c.embedding));
	x = nn_layer_norm(head, "LayerNorm", x, c.eps);
	x = bert_vocab_scores(body_of(s), out, &c, x, PARAM(out, "bias", c.vocab));
	op_output(s, "logits", x);
}

static void electra_sequence(scope s, cfg *j)
{
	bert_config c = electra_read_config(j);
	scope head = at(s, "classifier");
	value *x = bert_first_token(electra_body(s, &c, 0));

	x = op_gelu(nn_linear(head, "dense", x, c.hidden));
	op_output(s, "logits", nn_linear(head, "out_proj", x, c.labels));
}

/* [batch, sequence, hidden] → [batch, hidden], the way summary_type says */
static value *electra_pick(cfg *j, value *x)
{
	enum { LAST, FIRST, MEAN, CLS_INDEX };

	switch (cfg_choice(j, "summary_type", "first", "last first mean cls_index")) {
	case FIRST:
		return op_select(x, 1, 0);
	case MEAN:
		return op_mean(x, 1);
	default: /* cls_index without an index is the last token */
		return op_select(x, 1, -1);
	}
}

static value *electra_summary(scope s, cfg *j, const bert_config *c, value *x)
{
	const char *act = cfg_str(j, "summary_activation", NULL);
	int to_labels = cfg_bool(j, "summary_proj_to_labels", 0);

	x = electra_pick(j, x);
	if (cfg_bool(j, "summary_use_proj", 1)) {
		if (to_labels && c->labels != c->hidden)
			cfg_refuse(j,
				   "summary_proj_to_labels: the classifier behind the summary "
				   "takes the hidden size, %lld, not %lld labels",
				   (long long)c->hidden, (long long)c->labels);
		x = nn_linear(s, "summary", x, c->hidden);
	}
	return act && *act ? nn_act(s, "activation", cfg_act(j, "summary_activation", act), x) : x;
}

static void electra_choice(scope s, cfg *j)
{
	bert_config c = electra_read_config(j);
	value *x = electra_body(s, &c, 1);

	bert_choice_head(s, electra_summary(at(s, "sequence_summary"), j, &c, x));
}

static void electra_tokens(scope s, cfg *j)
{
	bert_config c = electra_read_config(j);

	bert_token_head(s, &c, electra_body(s, &c, 0));
}

static void electra_span(scope s, cfg *j)
{
	bert_config c = electra_read_config(j);

	bert_check_span(j, &c);
	bert_span_head(s, electra_body(s, &c, 0));
}

static const task electra_tasks[] = {
	{ .feature = "default", .build = electra_default },
	{ .feature = "masked-lm", .build = electra_lm },
	{ .feature = "causal-lm", .build = electra_lm },
	{ .feature = "sequence-classification", .build = electra_sequence },
	{ .feature = "multiple-choice", .build = electra_choice },
	{ .feature = "token-classification", .build = electra_tokens },
	{ .feature = "question-answering", .build = electra_span },
	{ 0 },
};

const arch arch_electra = {
	.types = "electra",
	.prefix = "electra",
	.defaults =
		"{\"hidden_size\": 256, \"num_attention_heads\": 4, \"intermediate_size\": 1024,"
		" \"summary_activation\": \"gelu\"}",
	.tasks = electra_tasks,
};
