/*
 * A batch norm that goes into the convolution before it: with s = weight / sqrt(variance + epsilon)
 * per output channel, the filters become s times themselves and the bias (b - mean) s + bias. All
 * in double and rounded once, so the folded convolution is as exact as the two one after the other.
 */
#include "onnx/fold.h"

#include <math.h>

enum { CHANNELS = 256 }; /* read at a time */

/* Per channel, from `first` on: its scale, and the bias that the convolution gets. */
static void read_channels(const onnx_fold *f, int64_t first, int64_t n, double *scale, double *bias)
{
	float weight[CHANNELS], shift[CHANNELS], mean[CHANNELS], variance[CHANNELS];
	float own[CHANNELS] = { 0 };

	param_read(f->weight, first, n, weight);
	param_read(f->bias, first, n, shift);
	param_read(f->mean, first, n, mean);
	param_read(f->variance, first, n, variance);
	if (f->conv_bias)
		param_read(f->conv_bias, first, n, own);
	for (int64_t i = 0; i < n; i++) {
		scale[i] = (double)weight[i] / sqrt((double)variance[i] + f->epsilon);
		bias[i] = ((double)own[i] - (double)mean[i]) * scale[i] + (double)shift[i];
	}
}

/* Neither a channel without variance nor one that leaves float32's range. */
static int is_exact(const onnx_fold *f)
{
	double scale[CHANNELS], bias[CHANNELS];
	int64_t channels = f->weight->shape[0];

	for (int64_t i = 0; i < channels; i += CHANNELS) {
		int64_t n = channels - i < CHANNELS ? channels - i : CHANNELS;

		read_channels(f, i, n, scale, bias);
		for (int64_t k = 0; k < n; k++)
			if (!isfinite((float)scale[k]) || !isfinite((float)bias[k]))
				return 0;
	}
	return 1;
}

static const param *param_of(const value *v)
{
	return v && v->op == OP_param ? v->param : NULL;
}

int fold_of(const value *norm, onnx_fold *f)
{
	const value *conv = norm->in[0];

	if (conv->op != OP_conv || conv->users != 1 || !param_of(conv->in[1]) ||
	    (conv->in[2] && !param_of(conv->in[2])))
		return 0;
	*f = (onnx_fold){
		.filters = param_of(conv->in[1]),
		.conv_bias = param_of(conv->in[2]),
		.weight = param_of(norm->in[1]),
		.bias = param_of(norm->in[2]),
		.mean = param_of(norm->in[3]),
		.variance = param_of(norm->in[4]),
		.epsilon = norm->number,
	};
	return f->weight && f->bias && f->mean && f->variance && is_exact(f);
}

/* Some filters from `first` on, multiplied in place. */
static void scale_filters(const onnx_fold *f, int64_t first, int64_t n, float *x)
{
	int64_t channels = f->weight->shape[0];
	int64_t each = shape_count(f->filters->shape, f->filters->rank) / channels;

	while (n > 0) {
		double scale, bias;
		int64_t channel = first / each, end = (channel + 1) * each - first;

		read_channels(f, channel, 1, &scale, &bias);
		for (int64_t i = 0; i < end && i < n; i++)
			x[i] = (float)((double)x[i] * scale);
		first += end;
		x += end;
		n -= end;
	}
}

int fold_read(const onnx_fold *f, const param *p, int64_t first, int64_t count, float *out,
	      error *e)
{
	if (p == f->filters) {
		param_read(p, first, count, out);
		scale_filters(f, first, count, out);
	} else {
		for (int64_t i = 0; i < count; i += CHANNELS) {
			double scale[CHANNELS], bias[CHANNELS];
			int64_t n = count - i < CHANNELS ? count - i : CHANNELS;

			read_channels(f, first + i, n, scale, bias);
			for (int64_t k = 0; k < n; k++)
				out[i + k] = (float)bias[k];
		}
	}
	for (int64_t i = 0; i < count; i++)
		if (!isfinite(out[i]))
			return error_set(e, E_UNSUPPORTED,
					 "%s: leaves the range of float32 with the batch norm %s "
					 "folded in; use --batch-norm keep",
					 p->name, f->weight->name);
	return 0;
}
