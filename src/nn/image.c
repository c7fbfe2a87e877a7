/* Layers on images [batch, channels, height, width], and images as sequences of their pixels. */
#include "nn/nn.h"

value *oxp_nn_image(scope s, const image_spec *spec)
{
	graph *g = s.g;
	input_spec in = { .name = "pixel_values", .type = F32, .rank = 4 };

	in.dim[0] = dim_axis(g, spec->batch ? spec->batch : "batch");
	in.dim[1] = dim_const(g, spec->channels);
	for (int i = 0; i < 2; i++) {
		in.dim[2 + i] = spec->any_size ? dim_axis(g, i ? "width" : "height")
					       : dim_const(g, spec->size[i]);
		in.usual[2 + i] = spec->size[i];
	}
	return op_input(s, &in);
}

static value *convolution(scope own, value *x, int64_t out, const window *w, int with_bias)
{
	int64_t in = dim_number(dim_of(x, 1)), groups = w->groups ? w->groups : 1;
	value *weight = PARAM(own, "weight", out, in / groups, w->size[0], w->size[1]);

	return nn_layer(own, op_conv(x, weight, with_bias ? PARAM(own, "bias", out) : NULL, w));
}

value *oxp_nn_conv(scope s, const char *name, value *x, int64_t out, const window *w)
{
	return convolution(at(s, "%s", name), x, out, w, 1);
}

value *oxp_nn_conv_no_bias(scope s, const char *name, value *x, int64_t out, const window *w)
{
	return convolution(at(s, "%s", name), x, out, w, 0);
}

value *oxp_nn_batch_norm(scope s, const char *name, value *x, double eps)
{
	scope own = at(s, "%s", name);
	int64_t n = dim_number(dim_of(x, 1));

	return nn_layer(own, op_batch_norm(x, PARAM(own, "weight", n), PARAM(own, "bias", n),
					   PARAM(own, "running_mean", n),
					   PARAM(own, "running_var", n), eps));
}

value *oxp_nn_flatten_image(value *x)
{
	graph *g = graph_of(x);
	const dim *to[] = { dim_of(x, 0), dim_of(x, 1), dim_mul(g, dim_of(x, 2), dim_of(x, 3)) };

	return op_transpose(op_reshape(x, 3, to), (int[]){ 0, 2, 1 });
}

value *oxp_nn_unflatten_image(value *x, const dim *height, const dim *width)
{
	const dim *to[] = { dim_of(x, 0), dim_of(x, 2), height, width };

	return op_reshape(op_transpose(x, (int[]){ 0, 2, 1 }), 4, to);
}

value *oxp_nn_channel_norm(scope s, const char *name, value *x, double eps)
{
	x = nn_layer_norm(s, name, op_transpose(x, (int[]){ 0, 2, 3, 1 }), eps);
	return op_transpose(x, (int[]){ 0, 3, 1, 2 });
}

value *oxp_nn_repeat(value *x, const dim *batch)
{
	const dim *to[] = { batch, dim_of(x, 1), dim_of(x, 2) };

	return op_expand(x, 3, to);
}

value *oxp_nn_group_norm(scope s, const char *name, value *x, int64_t groups, double eps)
{
	graph *g = s.g;
	scope own = at(s, "%s", name);
	const dim *shape[] = { dim_of(x, 0), dim_of(x, 1), dim_of(x, 2), dim_of(x, 3) };
	int64_t channels = dim_number(shape[1]);
	const dim *each = dim_const(g, groups > 0 ? channels / groups : 0);
	const dim *flat[] = { shape[0], dim_const(g, groups),
			      dim_mul(g, each, dim_mul(g, shape[2], shape[3])) };
	value *weight = PARAM(own, "weight", channels), *bias = PARAM(own, "bias", channels), *var;

	if (groups < 1 || channels % groups)
		return graph_fail(g, E_MODEL, "%s: %lld groups of %lld channels", own.path,
				  (long long)groups, (long long)channels);
	x = op_reshape(x, 3, flat);
	x = op_sub(x, op_unsqueeze(op_mean(x, 2), 2));
	var = op_unsqueeze(op_mean(op_mul(x, x), 2), 2);
	x = op_reshape(op_div(x, op_sqrt(op_add(var, op_num(g, eps)))), 4, shape);
	x = op_mul(x, op_unsqueeze(op_unsqueeze(weight, 1), 1));
	return nn_layer(own, op_add(x, op_unsqueeze(op_unsqueeze(bias, 1), 1)));
}

value *oxp_nn_nearest(graph *g, const dim *from, const dim *to)
{
	return op_div(op_mul(op_range(g, to), op_length(g, from)), op_length(g, to));
}

value *oxp_nn_resize_nearest(value *x, const dim *height, const dim *width)
{
	graph *g = graph_of(x);

	x = op_gather(x, 2, nn_nearest(g, dim_of(x, 2), height));
	return op_gather(x, 3, nn_nearest(g, dim_of(x, 3), width));
}
