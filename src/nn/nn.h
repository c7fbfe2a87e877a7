/* nn.h: what the layers share beyond the public vocabulary. */
#ifndef NN_NN_H
#define NN_NN_H

#include "ir/ir.h"

/* Marks a result as that of the layer at this scope, which names its node. */
value *nn_layer(scope own, value *x);

#endif
