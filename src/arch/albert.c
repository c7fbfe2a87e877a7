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

/* Inputs to hidden states. */
static value *albert_body(scope s, const albert_config *a, int choices)
{
	const bert_config *c = &a->bert;
	text_inputs in = bert_inputs(s, c, "input_ids attention_mask token_type_ids", choices);
	scope body = body_of(s), encoder = at(body, "encoder"), embeddings = at(body, "embeddings");
	value *x = bert_embeddings(embeddings, c, &in, bert_positions(embeddings, c, &in));
	value *mask = nn_padding_mask(in.mask);

	x = nn_linear(encoder, "embedding_hidden_mapping_in", x, c->hidden);
	for (int64_t i = 0; i < c->layers; i++) {
		int group = (int)((double)i / ((double)c->layers / (double)a->groups));

		for (int64_t k = 0; k < a->inner_layers; k++)
			x = albert_layer(at(encoder, "albert_layer_groups.%d.albert_layers.%d",
					    group, (int)k),
					 c, x, mask);
	}
	return x;
}

static value *albert_pooler(scope s, const bert_config *c, value *x)
{
	return op_tanh(nn_linear(s, "pooler", bert_first_token(x), c->hidden));
}

static void albert_default(scope s, cfg *j)
{
	albert_config c = albert_read_config(j);

	op_output(s, "last_hidden_state", albert_body(s, &c, 0));
}

static void albert_masked_lm(scope s, cfg *j)
{
	albert_config c = albert_read_config(j);
	scope head = at(s, "predictions");
	value *x = nn_linear(head, "dense", albert_body(s, &c, 0), c.bert.embedding);
	value *bias = op_param_also(PARAM(head, "decoder.bias", c.bert.vocab), head, "bias");

	x = nn_act(head, "activation", c.bert.act, x);
	x = nn_layer_norm(head, "LayerNorm", x, c.bert.eps);
	op_output(s, "logits",
		  bert_vocab_scores(body_of(s), at(head, "decoder"), &c.bert, x, bias));
}

static void albert_sequence(scope s, cfg *j)
{
	albert_config c = albert_read_config(j);
	value *x = albert_body(s, &c, 0);

	bert_sequence_head(s, &c.bert, albert_pooler(body_of(s), &c.bert, x));
}

static void albert_choice(scope s, cfg *j)
{
	albert_config c = albert_read_config(j);
	value *x = albert_body(s, &c, 1);

	bert_choice_head(s, albert_pooler(body_of(s), &c.bert, x));
}

static void albert_tokens(scope s, cfg *j)
{
	albert_config c = albert_read_config(j);

	bert_token_head(s, &c.bert, albert_body(s, &c, 0));
}

static void albert_span(scope s, cfg *j)
{
	albert_config c = albert_read_config(j);

	bert_check_span(j, &c.bert);
	bert_span_head(s, albert_body(s, &c, 0));
}

static const task albert_tasks[] = {
	{ .feature = "default", .build = albert_default },
	{ .feature = "masked-lm", .build = albert_masked_lm },
	{ .feature = "sequence-classification", .build = albert_sequence },
	{ .feature = "multiple-choice", .build = albert_choice },
	{ .feature = "token-classification", .build = albert_tokens },
	{ .feature = "question-answering", .build = albert_span },
	{ 0 },
};

const arch arch_albert = {
	.types = "albert",
	.prefix = "albert",
	.defaults = "{\"vocab_size\": 30000, \"hidden_size\": 4096, \"num_attention_heads\": 64,"
		    " \"intermediate_size\": 16384, \"hidden_act\": \"gelu_new\"}",
	.tasks = albert_tasks,
};
