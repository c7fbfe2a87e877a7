/*
 * BERT: a post-norm encoder over word, token type and position embeddings.
 * Follows transformers 4.57.6, models/bert/modeling_bert.py.
 */
#include "arch/bert.h"

#include <math.h>

bert_config bert_read_config(cfg *j)
{
	bert_config c = {
		.vocab = cfg_int(j, "vocab_size", 30522),
		.hidden = cfg_int(j, "hidden_size", 768),
		.layers = cfg_int(j, "num_hidden_layers", 12),
		.heads = cfg_int(j, "num_attention_heads", 12),
		.inner = cfg_int(j, "intermediate_size", 3072),
		.positions = cfg_int(j, "max_position_embeddings", 512),
		.types = cfg_int(j, "type_vocab_size", 2),
		.pad = cfg_index(j, "pad_token_id", 0),
		.act = cfg_act(j, "hidden_act", "gelu"),
		.relative = (oxp_relative)cfg_choice(j, "position_embedding_type", "absolute",
						     "absolute relative_key relative_key_query"),
		.decoder = cfg_bool(j, "is_decoder", 0),
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
		.cross = cfg_bool(j, "add_cross_attention", 0),
		.eps = cfg_num(j, "layer_norm_eps", 1e-12),
	};

	c.embedding = c.hidden;
	check_heads(j, c.heads, c.hidden);
	cfg_ignore(j, "attention_probs_dropout_prob hidden_dropout_prob classifier_dropout "
		      "initializer_range use_cache gradient_checkpointing");
	return c;
}

text_inputs bert_inputs(scope s, const bert_config *c, int choices)
{
	int within = c->cross && memory_of(s); /* an encoder-decoder, which has no token types */

	return nn_text_inputs(s, &(text_spec){ .names = within ? "input_ids attention_mask"
							       : "input_ids attention_mask "
								 "token_type_ids",
					       .vocab = c->vocab,
					       .types = c->types,
					       .longest = c->positions,
					       .choices = choices });
}

value *bert_positions(scope s, const bert_config *c, const text_inputs *in)
{
	if (c->relative != OXP_RELATIVE_NONE)
		return NULL;
	return nn_positions(s, "position_embeddings", dim_const(s.g, 0), dim_of(in->ids, 1),
			    c->positions, c->embedding);
}

value *bert_embedding_sum(scope s, const bert_config *c, const text_inputs *in, value *positions)
{
	value *x = nn_embedding(s, "word_embeddings", in->ids, c->vocab, c->embedding);
	value *types = PARAM(s, "token_type_embeddings.weight", c->types, c->embedding);

	x = op_add(x, in->types ? op_embedding(types, in->types) : op_select(types, 0, 0));
	return positions ? op_add(x, positions) : x;
}

value *bert_embeddings(scope s, const bert_config *c, const text_inputs *in, value *positions)
{
	return nn_layer_norm(s, "LayerNorm", bert_embedding_sum(s, c, in, positions), c->eps);
}

value *bert_mask(const bert_config *c, const text_inputs *in)
{
	return c->decoder ? nn_causal_mask(in->mask, dim_of(in->mask, 1))
			  : nn_padding_mask(in->mask);
}

value *bert_self_attention(scope s, const bert_config *c, value *x, value *mask)
{
	value *q = nn_linear(s, "query", x, c->hidden);
	value *k = nn_linear(s, "key", x, c->hidden);
	value *v = nn_linear(s, "value", x, c->hidden);

	if (c->relative != OXP_RELATIVE_NONE) { /* scaled with the scores */
		value *r = nn_relative_scores(s, "distance_embedding", c->relative, q, k, c->heads,
					      c->positions);
		double head = (double)(c->hidden / c->heads);

		mask = op_add(op_div(r, op_num(s.g, sqrt(head))), mask);
	}
	return nn_attention(q, k, v, &(attention){ .heads = c->heads, .bias = mask });
}

static value *bert_add_norm(scope s, const bert_config *c, value *x, value *y)
{
	y = nn_linear(s, "output.dense", y, c->hidden);
	return nn_layer_norm(s, "output.LayerNorm", op_add(y, x), c->eps);
}

static value *bert_cross_attention(scope s, const bert_config *c, value *x, value *memory)
{
	value *q = nn_linear(s, "query", x, c->hidden);
	value *k = nn_linear(s, "key", memory, c->hidden);
	value *v = nn_linear(s, "value", memory, c->hidden);

	return nn_attention(q, k, v, &(attention){ .heads = c->heads });
}

static value *bert_layer(scope s, const bert_config *c, value *x, value *mask)
{
	scope self = at(s, "attention"), cross = at(s, "crossattention");
	value *memory = c->cross ? memory_of(s) : NULL;
	value *y = bert_self_attention(at(self, "self"), c, x, mask);

	x = bert_add_norm(self, c, x, y);
	if (memory) {
		y = bert_cross_attention(at(cross, "self"), c, x, memory);
		x = bert_add_norm(cross, c, x, y);
	}

	y = nn_linear(s, "intermediate.dense", x, c->inner);
	y = nn_act(at(s, "intermediate"), "intermediate_act_fn", c->act, y);
	return bert_add_norm(s, c, x, y);
}

value *bert_encoder(scope s, const bert_config *c, value *x, value *mask)
{
	for (int64_t i = 0; i < c->layers; i++)
		x = bert_layer(at(s, "layer.%d", (int)i), c, x, mask);
	return x;
}

value *bert_pool(scope s, cfg *j, value *x)
{
	bert_config c = bert_read_config(j);

	return op_tanh(nn_linear(body_of(s), "pooler.dense", encoder_first_token(x), c.hidden));
}

value *bert_vocab_scores(scope s, scope decoder, const bert_config *c, value *x, value *bias)
{
	scope words = at(body_of(s), "embeddings.word_embeddings");
	value *w = PARAM(c->tied ? words : decoder, "weight", c->vocab, c->embedding);

	if (c->tied)
		w = op_param_also(w, decoder, "weight");
	return op_linear(x, w, bias);
}

value *bert_lm_head(scope s, cfg *j, value *x)
{
	bert_config c = bert_read_config(j);
	scope head = at(s, "cls.predictions");
	value *bias = op_param_also(PARAM(head, "bias", c.vocab), head, "decoder.bias");

	x = nn_linear(head, "transform.dense", x, c.hidden);
	x = nn_act(at(head, "transform"), "transform_act_fn", c.act, x);
	x = nn_layer_norm(head, "transform.LayerNorm", x, c.eps);
	return bert_vocab_scores(s, at(head, "decoder"), &c, x, bias);
}

static value *bert_body(scope s, cfg *j, int choices)
{
	bert_config c = bert_read_config(j);
	text_inputs in = bert_inputs(s, &c, choices);
	scope body = body_of(s), embeddings = at(body, "embeddings");
	value *x = bert_embeddings(embeddings, &c, &in, bert_positions(embeddings, &c, &in));

	return bert_encoder(at(body, "encoder"), &c, x, bert_mask(&c, &in));
}

static const encoder bert = { .body = bert_body, .lm_head = bert_lm_head, .pool = bert_pool };

const arch arch_bert = {
	.types = "bert",
	.prefix = "bert",
	.family = &bert,
	.tasks = encoder_tasks,
};
