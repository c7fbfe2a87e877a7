/* roberta.h: what XLM-RoBERTa-XL takes from RoBERTa: its positions and its heads. */
#ifndef ARCH_ROBERTA_H
#define ARCH_ROBERTA_H

#include "arch/bert.h"

bert_config roberta_read_config(cfg *j);
/* input_ids and attention_mask */
text_inputs roberta_inputs(scope s, const bert_config *c, int choices);
/* Embedded positions that count real tokens, or NULL where positions are relative. */
value *roberta_positions(scope s, const bert_config *c, const text_inputs *in);
value *roberta_lm_head(scope s, cfg *j, value *x);
value *roberta_sequence_head(scope s, cfg *j, value *x);

#endif
