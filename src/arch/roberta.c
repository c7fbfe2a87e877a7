/*
 * RoBERTa: BERT whose positions count real tokens, with heads of its own. CamemBERT, XLM-RoBERTa
 * and data2vec-text compute the same.
 * Follows transformers 4.57.6, models/roberta/modeling_roberta.py.
 */
#include "arch/roberta.h"

bert_config roberta_read_config(cfg *j)
{
	bert_config c = bert_read_config(j);

	c.pad = cfg_index(j, "pad_token_id", 1);
	if (c.pad < 0)
		cfg_refuse(j,
			   "pad_token_id: expected an index, from which positions count; found -1");
	if (c.pad + 1 >= c.positions)
		cfg_refuse(
			j,
			"max_position_embeddings: %lld leaves no position after pad_token_id %lld",
			(long long)c.positions, (long long)c.pad);
	return c;
}

text_inputs roberta_inputs(scope s, const bert_config *c, int choices)
{
	return nn_text_inputs(s, &(text_spec){ .names = "input_ids attention_mask",
					       .vocab = c->vocab,
					       .longest = c->positions - c->pad - 1,
					       .choices = choices });
}

value *roberta_positions(scope s, const bert_config *c, const text_inputs *in)
{
	value *pad = op_int(s.g, c->pad), *real, *ids;

	if (c->relative != OXP_RELATIVE_NONE)
		return NULL;
	real = op_cast(op_not(op_equal(in->ids, pad)), I64);
	ids = op_add(op_mul(op_cumsum(real, 1), real), pad);
	return nn_embedding(s, "position_embeddings", ids, c->positions, c->hidden);
}

value *roberta_lm_head(scope s, cfg *j, value *x)
{
	bert_config c = roberta_read_config(j);
	scope head = at(s, "lm_head");
	value *bias = op_param_also(PARAM(head, "decoder.bias", c.vocab), head, "bias");

	x = op_gelu(nn_linear(head, "dense", x, c.hidden));
	x = nn_layer_norm(head, "layer_norm", x, c.eps);
	return bert_vocab_scores(s, at(head, "decoder"), &c, x, bias);
}

value *roberta_sequence_head(scope s, cfg *j, value *x)
{
	bert_config c = roberta_read_config(j);
	scope head = at(s, "classifier");

	x = op_tanh(nn_linear(head, "dense", encoder_first_token(x), c.hidden));
	return nn_linear(head, "out_proj", x, cfg_labels(j));
}

static value *roberta_body(scope s, cfg *j, int choices)
{
	bert_config c = roberta_read_config(j);
	text_inputs in = roberta_inputs(s, &c, choices);
	scope body = body_of(s), embeddings = at(body, "embeddings");
	value *x = bert_embeddings(embeddings, &c, &in, roberta_positions(embeddings, &c, &in));

	return bert_encoder(at(body, "encoder"), &c, x, bert_mask(&c, &in));
}

static const encoder roberta = {
	.body = roberta_body,
	.lm_head = roberta_lm_head,
	.pool = bert_pool,
	.sequence_head = roberta_sequence_head,
};

const arch arch_roberta = {
	.types = "roberta",
	.prefix = "roberta",
	.defaults = "{\"vocab_size\": 50265}",
	.family = &roberta,
	.tasks = encoder_tasks,
};
const arch arch_camembert = {
	.types = "camembert xlm-roberta",
	.prefix = "roberta",
	.family = &roberta,
	.tasks = encoder_tasks,
};
const arch arch_data2vec_text = {
	.types = "data2vec-text",
	.prefix = "data2vec_text",
	.family = &roberta,
	.tasks = encoder_tasks_not_causal,
};
