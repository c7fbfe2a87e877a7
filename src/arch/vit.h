/* vit.h: the parts of ViT that its relatives share. */
#ifndef ARCH_VIT_H
#define ARCH_VIT_H

#include "arch/image.h"

typedef struct vit_config {
	int64_t channels, image[2], patch[2], hidden, layers, heads, inner;
	oxp_act act;
	int query_bias, key_bias, value_bias;
	double eps;
} vit_config;

vit_config vit_read_config(cfg *j);
/* The image, of the configuration's size, in patches behind a class token. */
value *vit_embeddings(scope s, const vit_config *c, scope e);
/* The attention of one layer, its output included; `bias` may be NULL. */
value *vit_attention(scope s, const vit_config *c, value *x, value *bias);
value *vit_feed_forward(scope s, const vit_config *c, value *x);
/* The number of rows and columns of patches. */
int64_t vit_rows(const vit_config *c);
int64_t vit_columns(const vit_config *c);
value *vit_first_token(scope s, cfg *j, value *x);

#endif
