/* ONNX operators on images [batch, channels, height, width]. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "check/eval.h"

typedef struct frame {
	int64_t size[2], stride[2], pad[4], dilation[2];
} frame;

static void pair(const eval_call *c, const char *name, int64_t *to, int n, int64_t otherwise)
{
	const onnx_setting *s = eval_setting(c, name);

	for (int i = 0; i < n; i++)
		to[i] = s && s->count == n ? s->ints[i] : otherwise;
}

/* The window's settings, and the result's height and width. */
static int read_frame(eval_call *c, const array *x, frame *w, int64_t out[2])
{
	pair(c, "kernel_shape", w->size, 2, 0);
	pair(c, "strides", w->stride, 2, 1);
	pair(c, "pads", w->pad, 4, 0);
	pair(c, "dilations", w->dilation, 2, 1);
	for (int i = 0; i < 2; i++) {
		int64_t reach;

		if (w->size[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1 || w->pad[i] < 0 ||
		    w->pad[2 + i] < 0 || w->size[i] > 1 << 16 || w->dilation[i] > 1 << 16 ||
		    w->pad[i] > 1 << 16 || w->pad[2 + i] > 1 << 16)
			return eval_bad(c, "its window is out of range");
		reach = w->dilation[i] * (w->size[i] - 1) + 1;
		out[i] = x->shape[2 + i] + w->pad[i] + w->pad[2 + i] - reach;
		if (out[i] < 0)
			return eval_bad(c, "the image is smaller than its window");
		out[i] = out[i] / w->stride[i] + 1;
	}
	return 0;
}

static const array *floats(eval_call *c, int i, int rank)
{
	const array *x = i < c->inputs ? c->in[i] : NULL;

	if (!x || !x->data || x->type != OXP_F32 || (rank && x->rank != rank)) {
		eval_bad(c, "an operand is missing or does not fit");
		return NULL;
	}
	return x;
}

/* One plane of weights over one plane of the image, added to one plane of the result. */
static void add_plane(const frame *w, const float *image, const int64_t *room, const float *weight,
		      double *to, const int64_t out[2])
{
	for (int64_t k = 0; k < w->size[0] * w->size[1]; k++) {
		int64_t down = k / w->size[1] * w->dilation[0] - w->pad[0];
		int64_t right = k % w->size[1] * w->dilation[1] - w->pad[1];
		double f = (double)weight[k];
		int64_t first = 0, end = out[1]; /* columns whose pixel is in the image */

		while (first < end && first * w->stride[1] + right < 0)
			first++;
		while (end > first && (end - 1) * w->stride[1] + right >= room[1])
			end--;
		for (int64_t y = 0; y < out[0]; y++) {
			int64_t r = y * w->stride[0] + down;
			double *sum = to + y * out[1];

			for (int64_t x = first; r >= 0 && r < room[0] && x < end; x++)
				sum[x] += f * (double)image[r * room[1] + x * w->stride[1] + right];
		}
	}
}

typedef struct convolution {
	const array *x, *weight, *bias;
	float *out;
	frame w;
	int64_t groups, size[2]; /* of the result's planes */
	int failed;
} convolution;

/* One plane of the result: an image's channel. */
static void convolve_plane(void *context, size_t p)
{
	convolution *v = context;
	int64_t outs = v->weight->shape[0], ins = v->weight->shape[1];
	int64_t o = (int64_t)p % outs, image = (int64_t)p / outs;
	int64_t first = image * v->x->shape[1] + o / (outs / v->groups) * ins;
	int64_t n = v->size[0] * v->size[1], pixels = v->x->shape[2] * v->x->shape[3];
	int64_t taps = v->w.size[0] * v->w.size[1];
	double *sum = malloc(sizeof *sum * (size_t)n + 1);

	if (!sum) {
		__atomic_store_n(&v->failed, 1, __ATOMIC_RELAXED);
		return;
	}
	for (int64_t i = 0; i < n; i++)
		sum[i] = v->bias ? (double)((const float *)v->bias->data)[o] : 0;
	for (int64_t k = 0; k < ins; k++)
		add_plane(&v->w, (const float *)v->x->data + (first + k) * pixels, &v->x->shape[2],
			  (const float *)v->weight->data + (o * ins + k) * taps, sum, v->size);
	for (int64_t i = 0; i < n; i++)
		v->out[(int64_t)p * n + i] = (float)sum[i];
	free(sum);
}

int eval_Conv(eval_call *c)
{
	convolution v = { .x = floats(c, 0, 4),
			  .weight = floats(c, 1, 4),
			  .bias = c->inputs > 2 ? floats(c, 2, 1) : NULL,
			  .groups = eval_int(c, "group", 1) };
	const array *x = v.x, *weight = v.weight;

	if (c->e->code || read_frame(c, x, &v.w, v.size))
		return c->e->code;
	if (v.groups < 1 || x->shape[1] != weight->shape[1] * v.groups ||
	    weight->shape[0] % v.groups ||
	    memcmp(&weight->shape[2], v.w.size, sizeof v.w.size) != 0 ||
	    (v.bias && v.bias->shape[0] != weight->shape[0]))
		return eval_bad(c, "its operands do not fit");
	if (eval_make(c, OXP_F32, 4,
		      (int64_t[]){ x->shape[0], weight->shape[0], v.size[0], v.size[1] }))
		return c->e->code;
	v.out = c->out->data;
	parallel_for(c->threads, (size_t)(x->shape[0] * weight->shape[0]), convolve_plane, &v);
	return v.failed ? error_memory(c->e) : 0;
}

int eval_MaxPool(eval_call *c)
{
	const array *x = floats(c, 0, 4);
	int64_t out[2];
	float *to;
	frame w;

	if (!x || read_frame(c, x, &w, out) ||
	    eval_make(c, OXP_F32, 4, (int64_t[]){ x->shape[0], x->shape[1], out[0], out[1] }))
		return c->e->code;
	to = c->out->data;
	for (int64_t i = 0, n = array_count(c->out); i < n; i++) {
		const float *plane =
			(const float *)x->data + i / (out[0] * out[1]) * x->shape[2] * x->shape[3];
		int64_t y = i / out[1] % out[0], z = i % out[1];

		to[i] = -INFINITY;
		for (int64_t k = 0; k < w.size[0] * w.size[1]; k++) {
			int64_t r = y * w.stride[0] - w.pad[0] + k / w.size[1] * w.dilation[0];
			int64_t s = z * w.stride[1] - w.pad[1] + k % w.size[1] * w.dilation[1];

			if (r >= 0 && r < x->shape[2] && s >= 0 && s < x->shape[3])
				to[i] = fmaxf(to[i], plane[r * x->shape[3] + s]);
		}
	}
	return 0;
}

int eval_BatchNormalization(eval_call *c)
{
	const array *x = floats(c, 0, 4), *p[4] = { 0 };
	double eps = eval_float(c, "epsilon", 1e-5);
	int64_t channels, pixels;

	for (int i = 0; i < 4; i++)
		p[i] = floats(c, 1 + i, 1);
	if (c->e->code)
		return c->e->code;
	channels = x->shape[1];
	pixels = x->shape[2] * x->shape[3];
	for (int i = 0; i < 4; i++)
		if (p[i]->shape[0] != channels)
			return eval_bad(c, "its operands do not fit");
	if (eval_make(c, OXP_F32, 4, x->shape))
		return c->e->code;
	for (int64_t i = 0, n = array_count(x); i < n; i++) {
		int64_t k = i / pixels % channels;
		double v[5] = { (double)((const float *)x->data)[i] };

		for (int m = 0; m < 4; m++)
			v[1 + m] = (double)((const float *)p[m]->data)[k];
		((float *)c->out->data)[i] =
			(float)((v[0] - v[3]) / sqrt(v[4] + eps) * v[1] + v[2]);
	}
	return 0;
}

/* Linear, pixels as areas: the value at a point between four pixels. */
static double between(const float *plane, const int64_t *room, double y, double x)
{
	int64_t r, s, below, right;

	y = fmin(fmax(y, 0), (double)(room[0] - 1));
	x = fmin(fmax(x, 0), (double)(room[1] - 1));
	r = (int64_t)y;
	s = (int64_t)x;
	below = r + 1 < room[0] ? r + 1 : r;
	right = s + 1 < room[1] ? s + 1 : s;
	y -= (double)r;
	x -= (double)s;
	return (1 - y) * ((1 - x) * (double)plane[r * room[1] + s] +
			  x * (double)plane[r * room[1] + right]) +
	       y * ((1 - x) * (double)plane[below * room[1] + s] +
		    x * (double)plane[below * room[1] + right]);
}

int eval_Resize(eval_call *c)
{
	const array *x = floats(c, 0, 4), *sizes = c->inputs > 3 ? c->in[3] : NULL;
	const onnx_setting *mode = eval_setting(c, "mode");
	const int64_t *to;

	if (!x)
		return c->e->code;
	if (!sizes || sizes->type != OXP_I64 || array_count(sizes) != 4 || !mode || !mode->s ||
	    strcmp(mode->s, "linear") != 0)
		return eval_bad(c, "only a linear resize to given sizes is known");
	to = sizes->data;
	if (to[0] != x->shape[0] || to[1] != x->shape[1] || x->shape[2] < 1 || x->shape[3] < 1)
		return eval_bad(c, "it resizes other axes than height and width");
	if (eval_make(c, OXP_F32, 4, to))
		return c->e->code;
	for (int64_t i = 0, n = array_count(c->out); i < n; i++) {
		int64_t y = i / to[3] % to[2], z = i % to[3];
		const float *plane =
			(const float *)x->data + i / (to[2] * to[3]) * x->shape[2] * x->shape[3];

		((float *)c->out->data)[i] = (float)between(
			plane, &x->shape[2],
			((double)y + 0.5) * (double)x->shape[2] / (double)to[2] - 0.5,
			((double)z + 0.5) * (double)x->shape[3] / (double)to[3] - 0.5);
	}
	return 0;
}
