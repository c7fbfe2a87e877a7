/* bert.h: the pieces of BERT that its family shares. They take values, not flags. */
#ifndef ARCH_BERT_H
#define ARCH_BERT_H

#include "arch/encoder.h"

typedef struct bert_config {
	int64_t vocab, hidden, embedding, layers, heads, inner, positions, types, pad;
	oxp_act act;
	oxp_relative relative; /* NONE: absolute positions */
	int decoder, cross, tied;
	double eps;
} bert_config;

/* `embedding` is `hidden` until the caller says otherwise. */
bert_config bert_read_config(cfg *j);

/* input_ids, attention_mask and token_type_ids */
text_inputs bert_inputs(scope s, const bert_config *c, int choices);
/* Learned positions [sequence, width], or NULL where they are relative. */
value *bert_positions(scope s, const bert_config *c, const text_inputs *in);
/*
 * Words, types and `positions` (NULL: none are added), normed. Without token_type_ids every token
 * is of type 0.
 */
value *bert_embeddings(scope s, const bert_config *c, const text_inputs *in, value *positions);
/* The same before the norm. */
value *bert_embedding_sum(scope s, const bert_config *c, const text_inputs *in, value *positions);
/* Causal for a decoder, else padding only. */
value *bert_mask(const bert_config *c, const text_inputs *in);
/* Query, key, value and what they give, without the output projection. */
value *bert_self_attention(scope s, const bert_config *c, value *x, value *mask);
value *bert_encoder(scope s, const bert_config *c, value *x, value *mask);
/* The first token through "pooler.dense". */
value *bert_pool(scope s, cfg *j, value *x);
value *bert_lm_head(scope s, cfg *j, value *x);
/* Scores of the vocabulary: the word embeddings again where tied, else "weight" of `decoder`. */
value *bert_vocab_scores(scope s, scope decoder, const bert_config *c, value *x, value *bias);

#endif
