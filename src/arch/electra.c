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

static value *electra_body(scope s, cfg *j, int choices)
{
	bert_config c = electra_read_config(j);
	text_inputs in = bert_inputs(s, &c, choices);
	scope body = body_of(s), embeddings = at(body, "embeddings");
	value *x = bert_embeddings(embeddings, &c, &in, bert_positions(embeddings, &c, &in));

	if (c.embedding != c.hidden)
		x = nn_linear(body, "embeddings_project", x, c.hidden);
	return bert_encoder(at(body, "encoder"), &c, x, bert_mask(&c, &in));
}

/* The generator's. */
static value *electra_lm_head(scope s, cfg *j, value *x)
{
	bert_config c = electra_read_config(j);
	scope head = at(s, "generator_predictions"), out = at(s, "generator_lm_head");

	x = op_gelu(nn_linear(head, "dense", x, c.embedding));
	x = nn_layer_norm(head, "LayerNorm", x, c.eps);
	return bert_vocab_scores(s, out, &c, x, PARAM(out, "bias", c.vocab));
}

static value *electra_sequence_head(scope s, cfg *j, value *x)
{
	bert_config c = electra_read_config(j);
	scope head = at(s, "classifier");

	x = op_gelu(nn_linear(head, "dense", encoder_first_token(x), c.hidden));
	return nn_linear(head, "out_proj", x, cfg_labels(j));
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

/* What multiple choice classifies. */
static value *electra_summary(scope s, cfg *j, value *x)
{
	bert_config c = electra_read_config(j);
	const char *act = cfg_str(j, "summary_activation", NULL);

	s = at(s, "sequence_summary");
	x = electra_pick(j, x);
	if (cfg_bool(j, "summary_use_proj", 1)) {
		if (cfg_bool(j, "summary_proj_to_labels", 0) && cfg_labels(j) != c.hidden)
			cfg_refuse(
				j,
				"summary_proj_to_labels: the classifier behind the summary takes "
				"the hidden size, %lld, not %lld labels",
				(long long)c.hidden, (long long)cfg_labels(j));
		x = nn_linear(s, "summary", x, c.hidden);
	}
	return act && *act ? nn_act(s, "activation", cfg_act(j, "summary_activation", act), x) : x;
}

static const encoder electra = {
	.body = electra_body,
	.lm_head = electra_lm_head,
	.pool = electra_summary,
	.sequence_head = electra_sequence_head,
};

const arch arch_electra = {
	.types = "electra",
	.prefix = "electra",
	.defaults =
		"{\"hidden_size\": 256, \"num_attention_heads\": 4, \"intermediate_size\": 1024,"
		" \"summary_activation\": \"gelu\"}",
	.family = &electra,
	.tasks = encoder_tasks,
};
