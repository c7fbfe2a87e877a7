/* common.h: what features of several families share. */
#ifndef ARCH_COMMON_H
#define ARCH_COMMON_H

#include "arch/arch.h"

/* Refuses a number of heads that does not divide the hidden size. */
void check_heads(cfg *j, int64_t heads, int64_t hidden);
/* The outputs of question answering, from "qa_outputs" on hidden states. */
void span_outputs(scope s, value *x);
/* Refuses other than two labels, for classes that would make as many outputs. */
void check_span_labels(cfg *j);
/* Scores of the vocabulary with the table of words at `words` when tied, else with "lm_head". */
value *output_scores(scope s, value *x, scope words, int tied, int64_t vocab);

#endif
