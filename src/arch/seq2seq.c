#include "arch/seq2seq.h"

/* Everything up to the decoder's hidden states. */
typedef struct run {
	value *ids; /* the encoder's */
	decoder_inputs in;
	value *x;
} run;

static run without_past(scope s, cfg *j)
{
	const seq2seq *f = family_of(s);
	seq2seq_shape c = f->shape(j);
	text_spec t = { .names = "input_ids attention_mask",
			.vocab = c.vocab,
			.longest = c.longest,
			.axis = "encoder_sequence" };
	text_inputs source = nn_text_inputs(s, &t), target;
	seq2seq_memory m = { .mask = source.mask };
	run r = { .ids = source.ids };

	t.names = "decoder_input_ids decoder_attention_mask";
	t.axis = "decoder_sequence";
	target = nn_text_inputs(s, &t);
	r.in = (decoder_inputs){ .ids = target.ids,
				 .mask = target.mask,
				 .start = dim_const(s.g, 0),
				 .length = dim_of(target.ids, 1) };
	m.states = f->encode(s, j, source.ids, source.mask);
	m.bias = nn_padding_mask(m.mask);
	r.x = f->decode(s, j, &r.in, &m);
	return r;
}

/*
 * The encoder has run before: its keys and values are in the past, and of its inputs only the mask
 * is needed, which is as long as they are. input_ids is an input because it always was one.
 */
static run with_past(scope s, cfg *j)
{
	const seq2seq *f = family_of(s);
	seq2seq_shape c = f->shape(j);
	text_spec t = { .names = "input_ids",
			.vocab = c.vocab,
			.longest = c.longest,
			.axis = "encoder_sequence" };
	run r = { .ids = nn_text_inputs(s, &t).ids };
	seq2seq_memory m = { 0 };
	text_inputs target;

	t.names = "attention_mask";
	t.axis = "past_encoder_sequence";
	m.mask = nn_text_inputs(s, &t).mask;
	t.names = "decoder_input_ids decoder_attention_mask";
	t.axis = "sequence";
	t.past = r.in.start = dim_axis(s.g, "past_decoder_sequence");
	target = nn_text_inputs(s, &t);
	r.in.ids = target.ids;
	r.in.mask = target.mask;
	r.in.length = dim_of(r.in.ids, 1);
	r.in.past = nn_cache(s, &(cache){ .layers = c.layers,
					  .heads = c.heads,
					  .width = c.width,
					  .axis = "past_decoder_sequence",
					  .cross_axis = "past_encoder_sequence" });
	m.bias = nn_padding_mask(m.mask);
	r.x = f->decode(s, j, &r.in, &m);
	return r;
}

void seq2seq_default(scope s, cfg *j)
{
	op_output(s, "last_hidden_state", without_past(s, j).x);
}

void seq2seq_default_with_past(scope s, cfg *j)
{
	run r = with_past(s, j);

	op_output(s, "last_hidden_state", r.x);
	nn_cache_outputs(s, r.in.past);
}

void seq2seq_lm(scope s, cfg *j)
{
	const seq2seq *f = family_of(s);

	op_output(s, "logits", f->lm_head(s, j, without_past(s, j).x));
}

void seq2seq_lm_with_past(scope s, cfg *j)
{
	const seq2seq *f = family_of(s);
	run r = with_past(s, j);

	op_output(s, "logits", f->lm_head(s, j, r.x));
	nn_cache_outputs(s, r.in.past);
}

/* The mask stands before the past, as it does with an encoder. */
void seq2seq_decoder_lm_with_past(scope s, cfg *j)
{
	decoder_lm_with_past(s, j);
	inputs_in_order(s, "input_ids attention_mask");
}

void seq2seq_sequence(scope s, cfg *j)
{
	run r = without_past(s, j);
	value *end = op_equal(r.ids, op_int(s.g, cfg_index(j, "eos_token_id", 2)));
	value *place = nn_last_place(end),
	      *x; /* the decoder's states are as many, or it is its last */
	value *last = op_length(s.g, dim_sub(s.g, dim_of(r.x, 1), dim_const(s.g, 1)));
	scope head = at(s, "classification_head");

	x = nn_pick(r.x, op_where(op_less_equal(place, last), place, last));
	x = op_tanh(nn_linear(head, "dense", x, dim_number(dim_of(x, -1))));
	op_output(s, "logits", nn_linear(head, "out_proj", x, cfg_labels(j)));
}

void seq2seq_span(scope s, cfg *j)
{
	span_outputs(s, without_past(s, j).x);
}
