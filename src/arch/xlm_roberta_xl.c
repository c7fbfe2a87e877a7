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

static value *xl_body(scope s, cfg *j, int choices)
{
	bert_config c = roberta_read_config(j);
	text_inputs in = roberta_inputs(s, &c, choices);
	scope body = body_of(s), embeddings = at(body, "embeddings");
	value *positions = roberta_positions(embeddings, &c, &in);
	value *x = bert_embedding_sum(embeddings, &c, &in, positions);
	value *mask = bert_mask(&c, &in);

	for (int64_t i = 0; i < c.layers; i++)
		x = xl_layer(at(body, "encoder.layer.%d", (int)i), &c, x, mask);
	return nn_layer_norm(body, "encoder.LayerNorm", x, c.eps);
}

static const encoder xl = {
	.body = xl_body,
	.lm_head = roberta_lm_head,
	.pool = bert_pool,
	.sequence_head = roberta_sequence_head,
};

const arch arch_xlm_roberta_xl = {
	.types = "xlm-roberta-xl",
	.prefix = "roberta",
	.defaults = "{\"vocab_size\": 250880, \"hidden_size\": 2560, \"num_hidden_layers\": 36,"
		    " \"num_attention_heads\": 32, \"intermediate_size\": 10240,"
		    " \"max_position_embeddings\": 514, \"type_vocab_size\": 1, "
		    "\"layer_norm_eps\": 1e-5}",
	.family = &xl,
	.tasks = encoder_tasks,
};
