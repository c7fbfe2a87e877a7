#include "nn/nn.h"

value *nn_layer(scope own, value *x)
{
	if (!is_poison(x)) {
		x->scope = own.path;
		x->is_layer = 1;
	}
	return x;
}
