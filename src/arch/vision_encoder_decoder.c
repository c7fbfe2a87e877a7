/*
 * Vision encoder-decoder: any image encoder, and any text decoder that attends to what it gave.
 * Follows transformers 4.57.6, models/vision_encoder_decoder/modeling_vision_encoder_decoder.py.
 */
#include "arch/arch.h"

static void read_config(cfg *j)
{
	cfg_ignore(j, "encoder decoder tie_encoder_decoder processor_class");
}

static void encoder(scope s, cfg *j)
{
	value *states;

	read_config(j);
	build_inner(at(s, "encoder"), cfg_sub(j, "encoder"),
		    &(inner_model){ .feature = "default", .bare = 1, .input = "pixel_values" },
		    &states, 1);
	if (rank_of(states) == 4)
		cfg_refuse(j, "encoder: its states are images; expected a sequence of patches");
	op_output(s, "last_hidden_state", states);
}

/* The encoder's states at the decoder's width, where the decoder does not take them as they are. */
static value *project(scope s, cfg *decoder, value *states, int64_t width)
{
	int64_t own = cfg_int(decoder, "hidden_size",
			      cfg_int(decoder, "n_embd", cfg_int(decoder, "d_model", 768)));
	int64_t taken = cfg_int(decoder, "cross_attention_hidden_size", 0);

	if (taken && taken != width)
		cfg_refuse(decoder,
			   "cross_attention_hidden_size: expected the encoder's %lld, "
			   "found %lld",
			   (long long)width, (long long)taken);
	return taken || own == width ? states : nn_linear(s, "enc_to_dec_proj", states, own);
}

static void decoder(scope s, cfg *j)
{
	cfg *own = cfg_sub(j, "decoder");
	int64_t width = inner_width(s, cfg_sub(j, "encoder"), "default");
	value *scores, *states;

	read_config(j);
	states = op_input(s, &(input_spec){ .name = "encoder_hidden_states",
					    .type = F32,
					    .rank = 3,
					    .dim = { dim_axis(s.g, "batch"),
						     dim_axis(s.g, "encoder_sequence"),
						     dim_const(s.g, width) } });
	inner_defaults(s, own);
	build_inner(
		at(s, "decoder"), own,
		&(inner_model){ .feature = "causal-lm", .memory = project(s, own, states, width) },
		&scores, 1);
	inputs_in_order(s, "input_ids attention_mask encoder_hidden_states");
	op_output(s, "logits", scores);
}

static const task tasks[] = {
	{ .feature = "vision2seq-lm",
	  .build = encoder,
	  .file = "encoder_model.onnx",
	  .atol = 1e-4 },
	{ .feature = "vision2seq-lm", .build = decoder, .file = "decoder_model.onnx" },
	{ 0 },
};

const arch arch_vision_encoder_decoder = {
	.types = "vision-encoder-decoder",
	.example = "{\"encoder\": {\"model_type\": \"vit\"}, \"decoder\": {\"model_type\": "
		   "\"gpt2\", \"add_cross_attention\": true}}",
	.tasks = tasks,
};
