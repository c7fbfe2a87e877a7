/* image.h: the features of image encoders, for any of them. */
#ifndef ARCH_IMAGE_H
#define ARCH_IMAGE_H

#include "arch/common.h"

/* A row's `family` when its tasks are those below. */
typedef struct image_model {
	/* The input and all up to last_hidden_state. */
	value *(*body)(scope s, cfg *j);
	/* Its states to one vector an image [batch, width], which the classifier takes. */
	value *(*pool)(scope s, cfg *j, value *x);
	const char *classifier; /* its name */
} image_model;

void image_default(scope s, cfg *j);
void image_classification(scope s, cfg *j);
/* [batch, channels, height, width] → the mean of every channel [batch, channels] */
value *image_mean(value *x);

#endif
