/*
 * ALBERT: BERT whose layers share their parameters in groups, over narrower embeddings.
 * Follows transformers 4.57.6, models/albert/modeling_albert.py.
 */
#include "arch/bert.h"

typedef struct albert_config {
	bert_config bert;
	int64_t groups, inner_layers;
} albert_config;

static albert_config albert_read_config(cfg *j)
{
	albert_config c = {
		.bert = bert_read_config(j),
		.groups = cfg_int(j, "num_hidden_groups", 1),
		.inner_layers = cfg_int(j, "inner_group_num", 1),
	};

	c.bert.embedding = cfg_int(j, "embedding_size", 128);
	c.bert.decoder = 0; /* the class never looks at is_decoder */
	if (c.groups > c.bert.layers)
		cfg_refuse(j, "num_hidden_groups: %lld groups for %lld layers", (long long)c.groups,
			   (long long)c.bert.layers);
	cfg_ignore(j, "classifier_dropout_prob down_scale_factor gap_size net_structure_type "
		      "num_memory_blocks");
	return c;
}

static value *albert_attention(scope s, const bert_config *c, value *x, value *mask)
{
	value *q = nn_linear(s, "query", x, c->hidden);
	value *k = nn_linear(s, "key", x, c->hidden);
	value *v = nn_linear(s, "value", x, c->hidden);
	value *y;

	if (c->relative != OXP_RELATIVE_NONE) /* added to the scaled scores, itself unscaled */
		mask = op_add(nn_relative_scores(s, "distance_embedding", c->relative, q, k,
						 c->heads, c->positions),
			      mask);
	y = nn_attention(q, k, v, &(attention){ .heads = c->heads, .bias = mask });
	y = nn_linear(s, "dense", y, c->hidden);
	return nn_layer_norm(s, "LayerNorm", op_add(x, y), c->eps);
}

static value *albert_layer(scope s, const bert_config *c, value *x, value *mask)
{
	value *y;

	x = albert_attention(at(s, "attention"), c, x, mask);
	y = nn_act(s, "activation", c->act, nn_linear(s, "ffn", x, c->inner));
	y = nn_linear(s, "ffn_output", y, c->hidden);
	return nn_layer_norm(s, "full_layer_layer_norm", op_add(y, x), c->eps);
}

static value *albert_body(scope s, cfg *j, int choices)
{
	albert_config a = albert_read_config(j);
	const bert_config *c = &a.bert;
	text_inputs in = bert_inputs(s, c, choices);
	scope body = body_of(s), stack = at(body, "encoder"), embeddings = at(body, "embeddings");
	value *x = bert_embeddings(embeddings, c, &in, bert_positions(embeddings, c, &in));
	value *mask = nn_padding_mask(in.mask);

	x = nn_linear(stack, "embedding_hidden_mapping_in", x, c->hidden);
	for (int64_t i = 0; i < c->layers; i++) {
		int group = (int)((double)i / ((double)c->layers / (double)a.groups));
		scope layers = at(stack, "albert_layer_groups.%d.albert_layers", group);

		for (int64_t k = 0; k < a.inner_layers; k++)
			x = albert_layer(at(layers, "%d", (int)k), c, x, mask);
	}
	return x;
}

static value *albert_pool(scope s, cfg *j, value *x)
{
	albert_config a = albert_read_config(j);

	return op_tanh(nn_linear(body_of(s), "pooler", encoder_first_token(x), a.bert.hidden));
}

static value *albert_lm_head(scope s, cfg *j, value *x)
{
	albert_config a = albert_read_config(j);
	const bert_config *c = &a.bert;
	scope head = at(s, "predictions");
	value *bias = op_param_also(PARAM(head, "decoder.bias", c->vocab), head, "bias");

	x = nn_act(head, "activation", c->act, nn_linear(head, "dense", x, c->embedding));
	x = nn_layer_norm(head, "LayerNorm", x, c->eps);
	return bert_vocab_scores(s, at(head, "decoder"), c, x, bias);
}

static const encoder albert = {
	.body = albert_body,
	.lm_head = albert_lm_head,
	.pool = albert_pool,
};

const arch arch_albert = {
	.types = "albert",
	.prefix = "albert",
	.defaults = "{\"vocab_size\": 30000, \"hidden_size\": 4096, \"num_attention_heads\": 64,"
		    " \"intermediate_size\": 16384, \"hidden_act\": \"gelu_new\"}",
	.family = &albert,
	.tasks = encoder_tasks_not_causal,
};
