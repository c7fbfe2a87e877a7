#include "arch/common.h"

void check_heads(cfg *j, int64_t heads, int64_t hidden)
{
	if (hidden % heads)
		cfg_refuse(j,
			   "num_attention_heads: expected a divisor of the hidden size %lld, "
			   "found %lld",
			   (long long)hidden, (long long)heads);
}

void check_span_labels(cfg *j)
{
	if (cfg_labels(j) != 2)
		cfg_refuse(j,
			   "num_labels: question-answering has a start and an end, so expected 2 "
			   "labels, found %lld",
			   (long long)cfg_labels(j));
}

void span_outputs(scope s, value *x)
{
	x = nn_linear(s, "qa_outputs", x, 2);
	op_output(s, "start_logits", op_select(x, -1, 0));
	op_output(s, "end_logits", op_select(x, -1, 1));
}

value *output_scores(scope s, value *x, scope words, int tied, int64_t vocab)
{
	int64_t hidden = dim_number(dim_of(x, -1));
	value *w;

	if (!tied)
		return nn_project(s, "lm_head", x, vocab);
	w = PARAM(words, "weight", vocab, hidden);
	return op_linear(x, op_param_also(w, at(s, "lm_head"), "weight"), NULL);
}
