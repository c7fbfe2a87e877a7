/* Layers that own a weight and perhaps a bias. */
#include "nn/nn.h"

value *oxp_nn_linear(scope s, const char *name, value *x, int64_t width)
{
	scope own = at(s, "%s", name);
	value *w = PARAM(own, "weight", width, dim_number(dim_of(x, -1)));

	return nn_layer(own, op_linear(x, w, PARAM(own, "bias", width)));
}

value *oxp_nn_project(scope s, const char *name, value *x, int64_t width)
{
	scope own = at(s, "%s", name);

	return nn_layer(own,
			op_linear(x, PARAM(own, "weight", width, dim_number(dim_of(x, -1))), NULL));
}

value *oxp_nn_conv1d(scope s, const char *name, value *x, int64_t width)
{
	scope own = at(s, "%s", name);
	value *w = PARAM(own, "weight", dim_number(dim_of(x, -1)), width);

	return nn_layer(own, op_linear_turned(x, w, PARAM(own, "bias", width)));
}

value *oxp_nn_embedding(scope s, const char *name, value *ids, int64_t rows, int64_t width)
{
	scope own = at(s, "%s", name);

	return nn_layer(own, op_embedding(PARAM(own, "weight", rows, width), ids));
}

value *oxp_nn_positions(scope s, const char *name, const dim *start, const dim *length,
			int64_t rows, int64_t width)
{
	scope own = at(s, "%s", name);

	return nn_layer(own, op_slice(PARAM(own, "weight", rows, width), 0, start, length));
}

value *oxp_nn_layer_norm(scope s, const char *name, value *x, double eps)
{
	scope own = at(s, "%s", name);
	int64_t width = dim_number(dim_of(x, -1));

	return nn_layer(
		own, op_layer_norm(x, PARAM(own, "weight", width), PARAM(own, "bias", width), eps));
}
