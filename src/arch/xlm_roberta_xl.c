/*
 * XLM-RoBERTa-XL: RoBERTa with the norms before attention and feed-forward, and one at the end.
 * Follows transformers 4.57.6, models/xlm_roberta_xl/modeling_xlm_roberta_xl.py.
 */
#include "arch/roberta.h"

static value *xl_layer(scope s, const bert_config *c, value *x, value *mask)
{
	scope self = at(s, "attention");
	value *y = nn_layer_norm(self, "self_attn_layer_norm", x, c->eps);

	y = bert_self_attention(at(self, "self"), c, y, mask);
	x = op_add(nn_linear(self, "output.dense", y, c->hidden), x);

	y = nn_layer_norm(s, "LayerNorm", x, c->eps);
	y = nn_linear(s, "intermediate.dense", y, c->inner);
	y = nn_act(at(s, "intermediate"), "intermediate_act_fn", c->act, y);
	return op_add(nn_linear(s, "output.dense", y, c->hidden), x);
}

/* Inputs to hidden states. */
static value *xl_body(scope s, const bert_config *c, int choices)
{
	text_inputs in = roberta_inputs(s, c, choices);
	scope body = body_of(s), embeddings = at(body, "embeddings");
	value *x = bert_embedding_sum(embeddings, c, &in, roberta_positions(embeddings, c, &in));
	value *mask = bert_mask(c, &in);

	for (int64_t i = 0; i < c->layers; i++)
		x = xl_layer(at(body, "encoder.layer.%d", (int)i), c, x, mask);
	return nn_layer_norm(body, "encoder.LayerNorm", x, c->eps);
}

static void xl_default(scope s, cfg *j)
{
	bert_config c = roberta_read_config(j);

	op_output(s, "last_hidden_state", xl_body(s, &c, 0));
}

static void xl_lm(scope s, cfg *j)
{
	bert_config c = roberta_read_config(j);

	roberta_lm_head(s, &c, xl_body(s, &c, 0));
}

static void xl_sequence(scope s, cfg *j)
{
	bert_config c = roberta_read_config(j);

	roberta_sequence_head(s, &c, xl_body(s, &c, 0));
}

static void xl_choice(scope s, cfg *j)
{
	bert_config c = roberta_read_config(j);

	bert_choice_head(s, bert_pooler(body_of(s), &c, xl_body(s, &c, 1)));
}

static void xl_tokens(scope s, cfg *j)
{
	bert_config c = roberta_read_config(j);

	bert_token_head(s, &c, xl_body(s, &c, 0));
}

static void xl_span(scope s, cfg *j)
{
	bert_config c = roberta_read_config(j);

	bert_check_span(j, &c);
	bert_span_head(s, xl_body(s, &c, 0));
}

static const task xl_tasks[] = {
	{ .feature = "default", .build = xl_default },
	{ .feature = "masked-lm", .build = xl_lm },
	{ .feature = "causal-lm", .build = xl_lm },
	{ .feature = "sequence-classification", .build = xl_sequence },
	{ .feature = "multiple-choice", .build = xl_choice },
	{ .feature = "token-classification", .build = xl_tokens },
	{ .feature = "question-answering", .build = xl_span },
	{ 0 },
};

const arch arch_xlm_roberta_xl = {
	.types = "xlm-roberta-xl",
	.prefix = "roberta",
	.defaults = "{\"vocab_size\": 250880, \"hidden_size\": 2560, \"num_hidden_layers\": 36,"
		    " \"num_attention_heads\": 32, \"intermediate_size\": 10240,"
		    " \"max_position_embeddings\": 514, \"type_vocab_size\": 1, "
		    "\"layer_norm_eps\": 1e-5}",
	.tasks = xl_tasks,
};
