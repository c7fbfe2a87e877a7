#include "arch/encoder.h"

value *encoder_first_token(value *x)
{
	return op_select(x, 1, 0);
}

static void encoder_default(scope s, cfg *j)
{
	const encoder *e = family_of(s);

	op_output(s, "last_hidden_state", e->body(s, j, 0));
}

static void encoder_lm(scope s, cfg *j)
{
	const encoder *e = family_of(s);

	op_output(s, "logits", e->lm_head(s, j, e->body(s, j, 0)));
}

static void encoder_sequence(scope s, cfg *j)
{
	const encoder *e = family_of(s);
	value *x = e->body(s, j, 0);

	x = e->sequence_head ? e->sequence_head(s, j, x)
			     : nn_linear(s, "classifier", e->pool(s, j, x), cfg_labels(j));
	op_output(s, "logits", x);
}

static void encoder_choice(scope s, cfg *j)
{
	const encoder *e = family_of(s);
	value *x = e->pool(s, j, e->body(s, j, 1));
	const dim *to[] = { dim_axis(s.g, "batch"), dim_axis(s.g, "choice") };

	op_output(s, "logits", op_reshape(nn_linear(s, "classifier", x, 1), 2, to));
}

static void encoder_token(scope s, cfg *j)
{
	const encoder *e = family_of(s);

	op_output(s, "logits", nn_linear(s, "classifier", e->body(s, j, 0), cfg_labels(j)));
}

static void encoder_span(scope s, cfg *j)
{
	const encoder *e = family_of(s);

	check_span_labels(j);
	span_outputs(s, e->body(s, j, 0));
}

const task encoder_tasks[] = {
	{ .feature = "default", .build = encoder_default },
	{ .feature = "masked-lm", .build = encoder_lm },
	{ .feature = "causal-lm", .build = encoder_lm },
	{ .feature = "sequence-classification", .build = encoder_sequence },
	{ .feature = "multiple-choice", .build = encoder_choice },
	{ .feature = "token-classification", .build = encoder_token },
	{ .feature = "question-answering", .build = encoder_span },
	{ 0 },
};

const task encoder_tasks_not_causal[] = {
	{ .feature = "default", .build = encoder_default },
	{ .feature = "masked-lm", .build = encoder_lm },
	{ .feature = "sequence-classification", .build = encoder_sequence },
	{ .feature = "multiple-choice", .build = encoder_choice },
	{ .feature = "token-classification", .build = encoder_token },
	{ .feature = "question-answering", .build = encoder_span },
	{ 0 },
};
