/* bert.h: the pieces of BERT that its family shares. They take values, not flags. */
#ifndef ARCH_BERT_H
#define ARCH_BERT_H

#include "arch/arch.h"

typedef struct bert_config {
	int64_t vocab, hidden, embedding, layers, heads, inner, positions, types, labels, pad;
	oxp_act act;
	oxp_relative relative; /* NONE: absolute positions */
	int decoder, tied;
	double eps;
} bert_config;

bert_config bert_read_config(cfg *j);
/* Refuses label counts other than the two that a span's start and end are. */
void bert_check_span(cfg *j, const bert_config *c);

text_inputs bert_inputs(scope s, const bert_config *c, const char *names, int choices);
/* `positions`: embedded, [sequence, width] or [batch, sequence, width]; NULL: none are added. */
value *bert_embeddings(scope s, const bert_config *c, const text_inputs *in, value *positions);
/* The sum without its norm; `types` NULL: every token is of type 0. */
value *bert_embedding_sum(scope s, const bert_config *c, const text_inputs *in, value *positions);
value *bert_positions(scope s, const bert_config *c, const text_inputs *in);
/* Causal for a decoder, else padding only. */
value *bert_mask(const bert_config *c, const text_inputs *in);
/* Query, key, value and what they give, without the output projection. */
value *bert_self_attention(scope s, const bert_config *c, value *x, value *mask);
value *bert_encoder(scope s, const bert_config *c, value *x, value *mask);
value *bert_first_token(value *x);
value *bert_pooler(scope s, const bert_config *c, value *x);
/* Scores of the vocabulary: the word embeddings again (below `body`) where tied, else `decoder`. */
value *bert_vocab_scores(scope body, scope decoder, const bert_config *c, value *x, value *bias);

/* The heads: from the hidden states to the outputs. */
void bert_lm_head(scope s, const bert_config *c, value *x);
void bert_sequence_head(scope s, const bert_config *c, value *pooled);
void bert_choice_head(scope s, value *pooled);
void bert_token_head(scope s, const bert_config *c, value *x);
void bert_span_head(scope s, value *x);

#endif
