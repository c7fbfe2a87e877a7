/* backbone.h: the ResNets that detectors look through, in both forms that checkpoints have. */
#ifndef ARCH_BACKBONE_H
#define ARCH_BACKBONE_H

#include "arch/resnet.h"

typedef struct backbone {
	resnet_config resnet;
	ints features; /* the stages that are looked at, from 1 */
} backbone;

/* use_timm_backbone true: one of timm's by name; false: Transformers' own in backbone_config. */
backbone backbone_read_config(cfg *j);

#endif
