/*
 * T5: a pre-norm encoder-decoder without biases, whose positions are learned buckets of distance.
 * Follows transformers 4.57.6, models/t5/modeling_t5.py; mT5 is the same with other defaults.
 */
#include <math.h>
#include <string.h>

#include "arch/seq2seq.h"

typedef struct t5_config {
	int64_t vocab, hidden, width, inner, heads, layers, decoder_layers;
	buckets distances;
	oxp_act act;
	int gated, tied;
	double eps;
} t5_config;

/* "relu", "gated-silu"; "gated-gelu" means GELU's tanh form, as in the class. */
static void read_act(cfg *j, t5_config *c)
{
	const char *word = cfg_str(j, "feed_forward_proj", "relu");

	c->gated = strncmp(word, "gated-", 6) == 0;
	word += c->gated ? 6 : 0;
	c->act = cfg_act_of(j, "feed_forward_proj",
			    c->gated && strcmp(word, "gelu") == 0 ? "gelu_new" : word);
}

static t5_config read_config(cfg *j)
{
	t5_config c = {
		.vocab = cfg_int(j, "vocab_size", 32128),
		.hidden = cfg_int(j, "hidden_size", cfg_int(j, "d_model", 512)),
		.width = cfg_int(j, "head_dim", cfg_int(j, "d_kv", 64)),
		.inner = cfg_int(j, "d_ff", 2048),
		.heads = cfg_int(j, "num_attention_heads", cfg_int(j, "num_heads", 8)),
		.layers = cfg_int(j, "num_hidden_layers", cfg_int(j, "num_layers", 6)),
		.distances = { .count = cfg_int(j, "relative_attention_num_buckets", 32),
			       .most = cfg_int(j, "relative_attention_max_distance", 128) },
		.tied = cfg_bool(j, "tie_word_embeddings", 1),
		.eps = cfg_num(j, "layer_norm_epsilon", 1e-6),
	};

	c.distances.heads = c.heads;
	c.decoder_layers = cfg_int(j, "num_decoder_layers", c.layers);
	read_act(j, &c);
	cfg_ignore(j,
		   "dropout_rate classifier_dropout initializer_factor is_gated_act dense_act_fn "
		   "n_positions");
	return c;
}

static seq2seq_shape shape(cfg *j)
{
	t5_config c = read_config(j);

	return (seq2seq_shape){ c.vocab, c.decoder_layers, c.heads, c.width, 0 };
}

static value *norm(scope s, const char *name, const t5_config *c, value *x)
{
	return op_rms_norm(x, PARAM(at(s, "%s", name), "weight", c->hidden), c->eps);
}

static value *heads(scope s, const char *name, const t5_config *c, value *x)
{
	return nn_split_heads(nn_project(s, name, x, c->heads * c->width), c->heads);
}

static value *self_attention(scope s, const t5_config *c, value *x, value *bias, cache *past,
			     int64_t layer)
{
	scope a = at(s, "SelfAttention");
	value *y = norm(s, "layer_norm", c, x), *q = heads(a, "q", c, y);
	value *k = heads(a, "k", c, y), *v = heads(a, "v", c, y);

	nn_cache_append(past, layer, &k, &v);
	return op_add(x, nn_project(a, "o", nn_attend(q, k, v, bias, 1), c->hidden));
}

static value *cross_attention(scope s, const t5_config *c, value *x, const seq2seq_memory *m,
			      cache *past, int64_t layer)
{
	scope a = at(s, "EncDecAttention");
	value *q = heads(a, "q", c, norm(s, "layer_norm", c, x)), *k, *v;

	if (past) {
		nn_cache_cross(past, layer, &k, &v);
	} else {
		k = heads(a, "k", c, m->states);
		v = heads(a, "v", c, m->states);
	}
	return op_add(x, nn_project(a, "o", nn_attend(q, k, v, m->bias, 1), c->hidden));
}

static value *feed_forward(scope s, const t5_config *c, value *x)
{
	scope f = at(s, "DenseReluDense");
	value *y = norm(s, "layer_norm", c, x), *z;

	z = nn_act(f, "act", c->act, nn_project(f, c->gated ? "wi_0" : "wi", y, c->inner));
	if (c->gated)
		z = op_mul(z, nn_project(f, "wi_1", y, c->inner));
	return op_add(x, nn_project(f, "wo", z, c->hidden));
}

/* One table, whether the output is tied to it or not. */
static value *words(scope s, const t5_config *c)
{
	value *w = PARAM(s, "shared.weight", c->vocab, c->hidden);

	w = op_param_also(w, s, "encoder.embed_tokens.weight");
	return op_param_also(w, s, "decoder.embed_tokens.weight");
}

/* The first layer's table of distances serves all of them. */
static value *distances(scope half, const t5_config *c, const dim *queries, const dim *keys,
			int both_ways)
{
	buckets b = c->distances;

	b.both_ways = both_ways;
	return nn_bucket_bias(at(half, "block.0.layer.0.SelfAttention"), "relative_attention_bias",
			      &b, queries, keys);
}

static value *encode(scope s, cfg *j, value *ids, value *mask)
{
	t5_config c = read_config(j);
	scope e = at(s, "encoder");
	const dim *length = dim_of(ids, 1);
	value *x = op_embedding(words(s, &c), ids);
	value *bias = op_add(distances(e, &c, length, length, 1), nn_padding_mask(mask));

	for (int64_t i = 0; i < c.layers; i++) {
		scope block = at(e, "block.%d", (int)i);

		x = self_attention(at(block, "layer.0"), &c, x, bias, NULL, i);
		x = feed_forward(at(block, "layer.1"), &c, x);
	}
	return norm(e, "final_layer_norm", &c, x);
}

static value *decode(scope s, cfg *j, const decoder_inputs *in, const seq2seq_memory *memory)
{
	t5_config c = read_config(j);
	scope d = at(s, "decoder");
	value *x = op_embedding(words(s, &c), in->ids);
	value *bias = op_add(distances(d, &c, in->length, dim_of(in->mask, 1), 0),
			     nn_causal_mask(in->mask, in->length));

	for (int64_t i = 0; i < c.decoder_layers; i++) {
		scope block = at(d, "block.%d", (int)i);

		x = self_attention(at(block, "layer.0"), &c, x, bias, in->past, i);
		x = cross_attention(at(block, "layer.1"), &c, x, memory, in->past, i);
		x = feed_forward(at(block, "layer.2"), &c, x);
	}
	return norm(d, "final_layer_norm", &c, x);
}

static value *lm_head(scope s, cfg *j, value *x)
{
	t5_config c = read_config(j);
	scope out = at(s, "lm_head");

	if (!c.tied)
		return nn_project(s, "lm_head", x, c.vocab);
	x = op_mul(x, op_num(s.g, 1 / sqrt((double)c.hidden)));
	return op_linear(x, op_param_also(words(s, &c), out, "weight"), NULL);
}

static const seq2seq t5 = {
	.shape = shape, .encode = encode, .decode = decode, .lm_head = lm_head
};

static const task t5_tasks[] = {
	{ .feature = "default", .build = seq2seq_default, .opset = 13 },
	{ .feature = "default-with-past", .build = seq2seq_default_with_past, .opset = 13 },
	{ .feature = "seq2seq-lm", .build = seq2seq_lm, .opset = 13 },
	{ .feature = "seq2seq-lm-with-past", .build = seq2seq_lm_with_past, .opset = 13 },
	{ 0 },
};

static const task mt5_tasks[] = {
	{ .feature = "default", .build = seq2seq_default, .opset = 13, .atol = 5e-4 },
	{ .feature = "default-with-past",
	  .build = seq2seq_default_with_past,
	  .opset = 13,
	  .atol = 5e-4 },
	{ .feature = "seq2seq-lm", .build = seq2seq_lm, .opset = 13, .atol = 5e-4 },
	{ .feature = "seq2seq-lm-with-past",
	  .build = seq2seq_lm_with_past,
	  .opset = 13,
	  .atol = 5e-4 },
	{ 0 },
};

const arch arch_t5 = { .types = "t5", .family = &t5, .tasks = t5_tasks };

const arch arch_mt5 = {
	.types = "mt5",
	.defaults = "{\"vocab_size\": 250112, \"d_ff\": 1024, \"num_layers\": 8, \"num_heads\": 6, "
		    "\"feed_forward_proj\": \"gated-gelu\", \"tie_word_embeddings\": false}",
	.family = &t5,
	.tasks = mt5_tasks,
};
