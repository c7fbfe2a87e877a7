/* resnet.h: the stages of a ResNet, which detectors use as their backbone. */
#ifndef ARCH_RESNET_H
#define ARCH_RESNET_H

#include "arch/image.h"

typedef struct resnet_config {
	int64_t channels, stem;
	ints widths, depths;
	int bottleneck, shrink_first, shrink_in_bottleneck;
	int dilated; /* the last stage keeps its size, its windows widen */
	oxp_act act;
	const struct resnet_names *names;
} resnet_config;

/* How a checkpoint calls the parts of a convolution with its norm. */
typedef struct resnet_names {
	const char *stem[3];                  /* convolution, norm, activation */
	const char *stage, *layer;            /* what stands before their numbers */
	const char *convolution[3], *norm[3]; /* of a layer, in their order */
	const char *shortcut[2];
	int first_stage;
} resnet_names;

extern const resnet_names resnet_own_names, resnet_timm_names;

resnet_config resnet_read_config(cfg *j);
/* The image through stem and stages; stage[i] is what the i-th gave. Returns the last. */
value *resnet_stages(scope s, const resnet_config *c, value *x, value **stage);

#endif
