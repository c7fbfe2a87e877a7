/*
 * encoder.h: the features of text encoders, for any of them. A row brings its body and what its
 * heads have of their own; the features follow.
 */
#ifndef ARCH_ENCODER_H
#define ARCH_ENCODER_H

#include "arch/common.h"

/* A row's `family` when its tasks are those below. */
typedef struct encoder {
	/* Inputs to hidden states [batch, sequence, hidden]; `choices` as in text_spec. */
	value *(*body)(scope s, cfg *j, int choices);
	/* Hidden states to scores of the vocabulary [batch, sequence, vocabulary]. */
	value *(*lm_head)(scope s, cfg *j, value *x);
	/* Hidden states to one vector per sequence [batch, hidden], which "classifier" takes. */
	value *(*pool)(scope s, cfg *j, value *x);
	/* Hidden states to [batch, labels]; NULL: "classifier" on what `pool` gives. */
	value *(*sequence_head)(scope s, cfg *j, value *x);
} encoder;

extern const task encoder_tasks[];
/* The same without causal-lm. */
extern const task encoder_tasks_not_causal[];

/* The first token of every sequence: [batch, sequence, hidden] → [batch, hidden] */
value *encoder_first_token(value *x);

#endif
