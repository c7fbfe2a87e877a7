/*
 * decoder.h: the features of text decoders, for any of them. A row brings its body and its output
 * layer; the features, with a past and without, follow.
 */
#ifndef ARCH_DECODER_H
#define ARCH_DECODER_H

#include "arch/common.h"

typedef struct decoder_shape {
	int64_t vocab, hidden, layers, heads;
	int64_t longest; /* the past and the sequence together; 0: no limit */
} decoder_shape;

typedef struct decoder_inputs {
	value *ids;       /* [batch, sequence] */
	value *mask;      /* [batch, past + sequence] */
	cache *past;      /* NULL: no past */
	const dim *start; /* the position of the first id: the past's length */
	const dim *length;
} decoder_inputs;

/* A row's `family` when its tasks are among those below. */
typedef struct decoder {
	decoder_shape (*shape)(cfg *j);
	/* Inputs to hidden states [batch, sequence, hidden]. */
	value *(*body)(scope s, cfg *j, const decoder_inputs *in);
	/* Hidden states to scores of the vocabulary. */
	value *(*lm_head)(scope s, cfg *j, value *x);
	int64_t pad; /* the padding id where config.json has none; -1: the last token counts */
} decoder;

void decoder_default(scope s, cfg *j);
void decoder_default_with_past(scope s, cfg *j);
void decoder_lm(scope s, cfg *j);
void decoder_lm_with_past(scope s, cfg *j);
void decoder_sequence(scope s, cfg *j);
void decoder_token(scope s, cfg *j);
void decoder_span(scope s, cfg *j);

#endif
