/*
 * seq2seq.h: the features of text encoder-decoders, for any of them. A row brings its two halves
 * and its output layer.
 */
#ifndef ARCH_SEQ2SEQ_H
#define ARCH_SEQ2SEQ_H

#include "arch/decoder.h"

typedef struct seq2seq_shape {
	int64_t vocab;
	int64_t layers, heads, width; /* of the decoder; the width is one head's */
	int64_t longest;              /* of either sequence; 0: no limit */
} seq2seq_shape;

/* What a decoder attends to: states, or a past that has made keys and values of them already. */
typedef struct seq2seq_memory {
	value *states; /* [batch, encoder_sequence, hidden]; NULL with a past */
	value *mask;   /* [batch, encoder_sequence] */
	value *bias;   /* the mask, to add to scores */
} seq2seq_memory;

/* A row's `family` when its tasks are those below. */
typedef struct seq2seq {
	decoder alone; /* the decoder without an encoder, for causal-lm; first: decoder_lm reads it
			*/
	seq2seq_shape (*shape)(cfg *j);
	value *(*encode)(scope s, cfg *j, value *ids, value *mask);
	/* → [batch, decoder_sequence, hidden]; `memory` NULL: a decoder alone */
	value *(*decode)(scope s, cfg *j, const decoder_inputs *in, const seq2seq_memory *memory);
	value *(*lm_head)(scope s, cfg *j, value *x);
} seq2seq;

void seq2seq_default(scope s, cfg *j);
void seq2seq_default_with_past(scope s, cfg *j);
void seq2seq_lm(scope s, cfg *j);
void seq2seq_lm_with_past(scope s, cfg *j);
/* The decoder alone; without a past decoder_lm serves. */
void seq2seq_decoder_lm_with_past(scope s, cfg *j);
/* As BART has them: at the last end-of-sequence token; on all tokens, whatever num_labels is. */
void seq2seq_sequence(scope s, cfg *j);
void seq2seq_span(scope s, cfg *j);

#endif
