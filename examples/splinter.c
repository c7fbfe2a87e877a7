/*
 * splinter MODEL OUTPUT: an architecture that onnxport does not have, added in three steps.
 * Splinter (Ram et al. 2021) is an encoder in BERT's layout; this follows transformers 4.57.6,
 * models/splinter/modeling_splinter.py. docs/ADDING.md explains it line by line.
 */
#include <stdio.h>

#include <onnxport/onnxport.h>

/* ---- Step 1: describe ---- */

typedef struct config {
	int64_t vocab, hidden, layers, heads, inner, positions, types;
	oxp_act act;
	double eps;
} config;

static config read_config(cfg *j)
{
	cfg_ignore(j, "attention_probs_dropout_prob hidden_dropout_prob initializer_range "
		      "question_token_id");
	return (config){
		.vocab = cfg_int(j, "vocab_size", 30522),
		.hidden = cfg_int(j, "hidden_size", 768),
		.layers = cfg_int(j, "num_hidden_layers", 12),
		.heads = cfg_int(j, "num_attention_heads", 12),
		.inner = cfg_int(j, "intermediate_size", 3072),
		.positions = cfg_int(j, "max_position_embeddings", 512),
		.types = cfg_int(j, "type_vocab_size", 2),
		.act = cfg_act(j, "hidden_act", "gelu"),
		.eps = cfg_num(j, "layer_norm_eps", 1e-12),
	};
}

static value *layer(scope s, const config *c, value *x, value *mask)
{
	value *q = nn_linear(s, "attention.self.query", x, c->hidden);
	value *k = nn_linear(s, "attention.self.key", x, c->hidden);
	value *v = nn_linear(s, "attention.self.value", x, c->hidden);
	value *y = nn_attention(q, k, v, &(attention){ .heads = c->heads, .bias = mask });

	y = nn_linear(s, "attention.output.dense", y, c->hidden);
	x = nn_layer_norm(s, "attention.output.LayerNorm", op_add(y, x), c->eps);

	y = nn_linear(s, "intermediate.dense", x, c->inner);
	y = nn_act(at(s, "intermediate"), "intermediate_act_fn", c->act, y);
	y = nn_linear(s, "output.dense", y, c->hidden);
	return nn_layer_norm(s, "output.LayerNorm", op_add(y, x), c->eps);
}

static void splinter_default(scope s, cfg *j)
{
	config c = read_config(j);
	text_inputs in =
		nn_text_inputs(s, &(text_spec){ .names = "input_ids attention_mask token_type_ids",
						.vocab = c.vocab,
						.types = c.types,
						.longest = c.positions });
	scope body = body_of(s), e = at(body, "embeddings");
	value *x = nn_embedding(e, "word_embeddings", in.ids, c.vocab, c.hidden);
	value *mask = nn_padding_mask(in.mask);

	x = op_add(x, nn_embedding(e, "token_type_embeddings", in.types, c.types, c.hidden));
	x = op_add(x, nn_positions(e, "position_embeddings", dim_const(s.g, 0), dim_of(in.ids, 1),
				   c.positions, c.hidden));
	x = nn_layer_norm(e, "LayerNorm", x, c.eps);
	for (int i = 0; i < (int)c.layers; i++)
		x = layer(at(body, "encoder.layer.%d", i), &c, x, mask);
	op_output(s, "last_hidden_state", x);
}

static const task tasks[] = {
	{ .feature = "default", .build = splinter_default },
	{ 0 },
};

static const arch splinter = { .types = "splinter", .prefix = "splinter", .tasks = tasks };

int main(int argc, char **argv)
{
	const oxp_options export_only = { .validation = OXP_NO_VALIDATION };
	oxp_context *c = oxp_context_new();
	oxp_result r;
	int rc;

	if (!c || argc != 3)
		return 2;
	rc = oxp_register(c, &splinter);

	/* ---- Step 2: export ---- */
	if (!rc)
		rc = oxp_export(c, argv[1], argv[2], &export_only, &r);

	/* ---- Step 3: validate ---- */
	if (!rc)
		rc = oxp_validate(c, argv[1], r.path, NULL, &r);

	if (rc)
		fprintf(stderr, "%s\n", oxp_error_message(c));
	else
		printf("%s: largest difference %.3g over %d input sets\n", r.path,
		       r.output[0].absolute, r.input_sets);
	oxp_context_free(c);
	return rc ? 1 : 0;
}
