/*
 * ERNIE: BERT with, where the configuration says so, a fourth embedding for the kind of task.
 * Follows transformers 4.57.6, models/ernie/modeling_ernie.py.
 */
#include "arch/bert.h"

/* Inputs to hidden states. task_type_ids is an input of every ERNIE, needed or not. */
static value *ernie_body(scope s, cfg *j, const bert_config *c, int choices)
{
	int64_t tasks = cfg_int(j, "task_type_vocab_size", 3);
	text_inputs in = nn_text_inputs(
		s, &(text_spec){ .names = "input_ids attention_mask token_type_ids task_type_ids",
				 .vocab = c->vocab,
				 .types = c->types,
				 .tasks = tasks,
				 .longest = c->positions,
				 .choices = choices });
	scope body = body_of(s), embeddings = at(body, "embeddings");
	value *x = bert_embedding_sum(embeddings, c, &in, bert_positions(embeddings, c, &in));

	if (cfg_bool(j, "use_task_id", 0))
		x = op_add(x, nn_embedding(embeddings, "task_type_embeddings", in.tasks, tasks,
					   c->hidden));
	x = nn_layer_norm(embeddings, "LayerNorm", x, c->eps);
	return bert_encoder(at(body, "encoder"), c, x, bert_mask(c, &in));
}

static void ernie_default(scope s, cfg *j)
{
	bert_config c = bert_read_config(j);

	op_output(s, "last_hidden_state", ernie_body(s, j, &c, 0));
}

static void ernie_lm(scope s, cfg *j)
{
	bert_config c = bert_read_config(j);

	bert_lm_head(s, &c, ernie_body(s, j, &c, 0));
}

static void ernie_sequence(scope s, cfg *j)
{
	bert_config c = bert_read_config(j);

	bert_sequence_head(s, &c, bert_pooler(body_of(s), &c, ernie_body(s, j, &c, 0)));
}

static void ernie_choice(scope s, cfg *j)
{
	bert_config c = bert_read_config(j);

	bert_choice_head(s, bert_pooler(body_of(s), &c, ernie_body(s, j, &c, 1)));
}

static void ernie_tokens(scope s, cfg *j)
{
	bert_config c = bert_read_config(j);

	bert_token_head(s, &c, ernie_body(s, j, &c, 0));
}

static void ernie_span(scope s, cfg *j)
{
	bert_config c = bert_read_config(j);

	bert_check_span(j, &c);
	bert_span_head(s, ernie_body(s, j, &c, 0));
}

static const task ernie_tasks[] = {
	{ .feature = "default", .build = ernie_default },
	{ .feature = "masked-lm", .build = ernie_lm },
	{ .feature = "causal-lm", .build = ernie_lm },
	{ .feature = "sequence-classification", .build = ernie_sequence },
	{ .feature = "multiple-choice", .build = ernie_choice },
	{ .feature = "token-classification", .build = ernie_tokens },
	{ .feature = "question-answering", .build = ernie_span },
	{ 0 },
};

const arch arch_ernie = { .types = "ernie", .prefix = "ernie", .tasks = ernie_tasks };
