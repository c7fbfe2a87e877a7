/*
 * ERNIE: BERT with, where the configuration says so, a fourth embedding for the kind of task.
 * Follows transformers 4.57.6, models/ernie/modeling_ernie.py.
 */
#include "arch/bert.h"

/* task_type_ids is an input of every ERNIE, needed or not. */
static value *ernie_body(scope s, cfg *j, int choices)
{
	bert_config c = bert_read_config(j);
	int64_t tasks = cfg_int(j, "task_type_vocab_size", 3);
	text_spec spec = { .names = "input_ids attention_mask token_type_ids task_type_ids",
			   .vocab = c.vocab,
			   .types = c.types,
			   .tasks = tasks,
			   .longest = c.positions,
			   .choices = choices };
	text_inputs in = nn_text_inputs(s, &spec);
	scope body = body_of(s), e = at(body, "embeddings");
	value *x = bert_embedding_sum(e, &c, &in, bert_positions(e, &c, &in));

	if (cfg_bool(j, "use_task_id", 0))
		x = op_add(x, nn_embedding(e, "task_type_embeddings", in.tasks, tasks, c.hidden));
	x = nn_layer_norm(e, "LayerNorm", x, c.eps);
	return bert_encoder(at(body, "encoder"), &c, x, bert_mask(&c, &in));
}

static const encoder ernie = { .body = ernie_body, .lm_head = bert_lm_head, .pool = bert_pool };

const arch arch_ernie = {
	.types = "ernie",
	.prefix = "ernie",
	.family = &ernie,
	.tasks = encoder_tasks,
};
