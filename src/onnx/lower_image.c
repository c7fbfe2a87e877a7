/* What the operations on images become. */
#include "onnx/lower.h"

static attribute pair(const char *name, const int64_t x[2])
{
	return (attribute){
		.name = name, .kind = ATTRIBUTE_INTS, .ints = { x[0], x[1] }, .count = 2
	};
}

static attribute pads(const window *w)
{
	return (attribute){ .name = "pads",
			    .kind = ATTRIBUTE_INTS,
			    .ints = { w->pad[0], w->pad[1], w->pad[0], w->pad[1] },
			    .count = 4 };
}

static const char *conv(lowering *l, const value *v, const char *filters, const char *bias)
{
	const window *w = &v->window;

	return EMIT(l, .op = "Conv", .in = { full(l, v->in[0]), filters, bias },
		    .attribute = { pair("kernel_shape", w->size), pair("strides", w->stride),
				   pads(w), pair("dilations", w->dilation),
				   ATTR_I("group", w->groups) });
}

void lower_conv(lowering *l, const value *v)
{
	set_full(l, v, conv(l, v, full(l, v->in[1]), v->in[2] ? full(l, v->in[2]) : NULL));
}

void lower_max_pool(lowering *l, const value *v)
{
	const window *w = &v->window;

	set_full(l, v,
		 EMIT(l, .op = "MaxPool", .in = { full(l, v->in[0]) },
		      .attribute = { pair("kernel_shape", w->size), pair("strides", w->stride),
				     pads(w), pair("dilations", w->dilation) }));
}

/* The convolution again with the norm in it, which leaves the one without it to nobody; or the norm
 * as it is, as where the weights shall be the checkpoint's own. */
void lower_batch_norm(lowering *l, const value *v)
{
	onnx_fold f;

	if (l->options->batch_norm == OXP_BATCH_NORM_FOLD &&
	    l->options->weights != OXP_WEIGHTS_LINK &&
	    (l->options->dtype == OXP_DTYPE_AUTO || l->options->dtype == OXP_DTYPE_FP32) &&
	    fold_of(v, &f)) {
		set_full(l, v,
			 conv(l, v->in[0], folded_parameter(l, f.filters, &f),
			      folded_parameter(l, f.bias, &f)));
		return;
	}
	set_full(l, v,
		 EMIT(l, .op = "BatchNormalization",
		      .in = { full(l, v->in[0]), full(l, v->in[1]), full(l, v->in[2]),
			      full(l, v->in[3]), full(l, v->in[4]) },
		      .attribute = { ATTR_F("epsilon", v->number) }));
}

/* Up to opset 12 the operands that the sizes replace are empty tensors, later they are left out. */
void lower_resize(lowering *l, const value *v)
{
	const char *none = l->opset < 13 ? const_no_floats(l) : "";

	set_full(l, v,
		 EMIT(l, .op = "Resize",
		      .in = { full(l, v->in[0]), none, none, run_time_shape(l, v->dim, 4) },
		      .attribute = { ATTR_S("mode", "linear"),
				     ATTR_S("coordinate_transformation_mode", "half_pixel") }));
}
