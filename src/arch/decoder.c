#include "arch/decoder.h"

static decoder_inputs read_inputs(scope s, cfg *j, int with_past)
{
	const decoder *d = family_of(s);
	decoder_shape c = d->shape(j);
	decoder_inputs in = { .start = dim_const(s.g, 0) };
	text_spec t = { .names = "input_ids", .vocab = c.vocab, .longest = c.longest };

	check_heads(j, c.heads, c.hidden);
	in.ids = nn_text_inputs(s, &t).ids;
	in.length = dim_of(in.ids, 1);
	if (with_past) {
		in.past = nn_cache(s, &(cache){ .layers = c.layers,
						.heads = c.heads,
						.width = c.hidden / c.heads,
						.axis = "past_sequence" });
		in.start = t.past = dim_axis(s.g, "past_sequence");
	}
	t.names = "attention_mask";
	in.mask = nn_text_inputs(s, &t).mask;
	return in;
}

static value *states(scope s, cfg *j, const decoder_inputs *in)
{
	const decoder *d = family_of(s);

	return d->body(s, j, in);
}

static void default_task(scope s, cfg *j, int with_past)
{
	decoder_inputs in = read_inputs(s, j, with_past);

	op_output(s, "last_hidden_state", states(s, j, &in));
	nn_cache_outputs(s, in.past);
}

static void lm_task(scope s, cfg *j, int with_past)
{
	const decoder *d = family_of(s);
	decoder_inputs in = read_inputs(s, j, with_past);

	op_output(s, "logits", d->lm_head(s, j, states(s, j, &in)));
	nn_cache_outputs(s, in.past);
}

void decoder_default(scope s, cfg *j)
{
	default_task(s, j, 0);
}

void decoder_default_with_past(scope s, cfg *j)
{
	default_task(s, j, 1);
}

void decoder_lm(scope s, cfg *j)
{
	lm_task(s, j, 0);
}

void decoder_lm_with_past(scope s, cfg *j)
{
	lm_task(s, j, 1);
}

/* The last token that is not padding speaks for the sequence. */
void decoder_sequence(scope s, cfg *j)
{
	const decoder *d = family_of(s);
	decoder_inputs in = read_inputs(s, j, 0);
	int64_t pad = cfg_index(j, "pad_token_id", d->pad);
	value *x = states(s, j, &in), *real;

	if (pad < 0) {
		x = op_select(x, 1, -1);
	} else {
		real = op_not(op_equal(in.ids, op_int(s.g, pad)));
		x = nn_pick(x, nn_last_place(real));
	}
	op_output(s, "logits", nn_project(s, "score", x, cfg_labels(j)));
}

void decoder_token(scope s, cfg *j)
{
	decoder_inputs in = read_inputs(s, j, 0);

	op_output(s, "logits", nn_linear(s, "classifier", states(s, j, &in), cfg_labels(j)));
}

void decoder_span(scope s, cfg *j)
{
	decoder_inputs in = read_inputs(s, j, 0);

	check_span_labels(j);
	span_outputs(s, states(s, j, &in));
}
