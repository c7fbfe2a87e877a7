/* detr.h: the parts of DETR that its relatives share. */
#ifndef ARCH_DETR_H
#define ARCH_DETR_H

#include "arch/backbone.h"

typedef enum detr_half { DETR_ENCODER, DETR_DECODER } detr_half;

typedef struct detr_config {
	int64_t hidden, queries, layers[2], heads[2], inner[2];
	oxp_act act;
	int learned, normed_layers;
	backbone backbone;
} detr_config;

/* Everything that the heads look at. */
typedef struct detr_states {
	value *feature[OXP_MOST_INTS]; /* of the backbone */
	value *projected;              /* the last of them [batch, hidden, height, width] */
	value *mask;                   /* its pixels as keys, to add to scores */
	value *memory;                 /* [batch, height × width, hidden] */
	value *x;                      /* [batch, queries, hidden] */
} detr_states;

/*
 * The masks of the queries' objects [batch, queries, height, width], with their parameters in
 * "bbox_attention" and "mask_head" below `s`.
 */
value *detr_masks(scope s, cfg *j, const detr_config *c, const detr_states *d);

#endif
