/* bart.h: the parts of BART that its relatives share. */
#ifndef ARCH_BART_H
#define ARCH_BART_H

#include "arch/seq2seq.h"

typedef enum bart_half { BART_ENCODER, BART_DECODER } bart_half;

typedef struct bart_config {
	int64_t vocab, hidden, positions;
	int64_t layers[2], heads[2], inner[2]; /* of the encoder and the decoder */
	oxp_act act;
	double word_scale;
	int tied;
} bart_config;

/* `length` learned positions from `start` on; the table's first two rows are never used. */
value *bart_positions(scope half, const bart_config *c, const dim *start, const dim *length);
/* All layers of the decoder below `s`. `memory` and `past` may be NULL. */
value *bart_decoder_layers(scope s, const bart_config *c, value *x, value *mask,
			   const seq2seq_memory *memory, cache *past);

#endif
