/* Kernels on images [batch, channels, height, width]: windows, norms, sizes. */
#include <math.h>
#include <stdlib.h>

#include "base/thread.h"
#include "exec/kernels.h"

static const float *f32(const array *a)
{
	return a->data;
}

/* Where a window's element lies in the image, or -1 outside of it. */
static int64_t place(const window *w, int axis, int64_t step, int64_t offset, int64_t room)
{
	int64_t at = step * w->stride[axis] - w->pad[axis] + offset * w->dilation[axis];

	return at < room ? at : -1;
}

/* The windows of one group of channels as rows [height × width, channels × size]. */
static void unroll(const value *v, const array *out, const float *image, int64_t channels,
		   const int64_t room[2], float *row)
{
	const window *w = &v->window;

	for (int64_t y = 0; y < out->shape[2]; y++) {
		for (int64_t x = 0; x < out->shape[3]; x++) {
			for (int64_t c = 0; c < channels; c++) {
				const float *plane = image + c * room[0] * room[1];

				for (int64_t i = 0; i < w->size[0]; i++) {
					int64_t r = place(w, 0, y, i, room[0]);

					for (int64_t k = 0; k < w->size[1]; k++) {
						int64_t s = place(w, 1, x, k, room[1]);

						*row++ =
							r < 0 || s < 0 ? 0 : plane[r * room[1] + s];
					}
				}
			}
		}
	}
}

struct conv {
	const value *v;
	const array *const *in;
	array *out;
	int failed;
};

/* One group of one image: weight [out, k] · windows [pixels, k]ᵀ, which is the result's layout. */
static void convolve(void *context, size_t index)
{
	struct conv *c = context;
	const array *in = c->in[0], *weight = c->in[1];
	int64_t groups = c->v->window.groups, group = (int64_t)index % groups;
	int64_t batch = (int64_t)index / groups, channels = weight->shape[1];
	int64_t outs = weight->shape[0] / groups, pixels = c->out->shape[2] * c->out->shape[3];
	int64_t k = channels * weight->shape[2] * weight->shape[3];
	const float *image =
		f32(in) + (batch * in->shape[1] + group * channels) * in->shape[2] * in->shape[3];
	float *rows = malloc(sizeof *rows * (size_t)(pixels * k + 1));
	float *to = (float *)c->out->data + (batch * c->out->shape[1] + group * outs) * pixels;
	product p = { .m = outs,
		      .n = pixels,
		      .k = k,
		      .a = f32(weight) + group * outs * k,
		      .b = rows,
		      .c = to,
		      .lda = k,
		      .ldb = k,
		      .ldc = pixels };

	if (!rows) {
		c->failed = 1;
		return;
	}
	unroll(c->v, c->out, image, channels, &in->shape[2], rows);
	multiply(&p, 1);
	for (int64_t o = 0; c->in[2] && o < outs; o++)
		for (int64_t i = 0; i < pixels; i++)
			to[o * pixels + i] += f32(c->in[2])[group * outs + o];
	free(rows);
}

int exec_conv(executor *x, const value *v, const array *const *in, array *out)
{
	struct conv c = { v, in, out, 0 };

	if (out->shape[2] < 1 || out->shape[3] < 1)
		return error_set(x->e, E_ARGUMENT,
				 "%s: an image of %lld × %lld is smaller than its window", v->scope,
				 (long long)in[0]->shape[2], (long long)in[0]->shape[3]);
	parallel_for(x->threads, (size_t)(out->shape[0] * v->window.groups), convolve, &c);
	return c.failed ? error_memory(x->e) : 0;
}

int exec_max_pool(executor *x, const value *v, const array *const *in, array *out)
{
	const window *w = &v->window;
	const int64_t *room = &in[0]->shape[2];
	float *to = out->data;

	(void)x;
	for (int64_t p = 0; p < out->shape[0] * out->shape[1]; p++) {
		const float *plane = f32(in[0]) + p * room[0] * room[1];

		for (int64_t y = 0; y < out->shape[2]; y++) {
			for (int64_t z = 0; z < out->shape[3]; z++) {
				float most = -INFINITY;

				for (int64_t i = 0; i < w->size[0] * w->size[1]; i++) {
					int64_t r = place(w, 0, y, i / w->size[1], room[0]);
					int64_t s = place(w, 1, z, i % w->size[1], room[1]);

					if (r >= 0 && s >= 0 && plane[r * room[1] + s] > most)
						most = plane[r * room[1] + s];
				}
				*to++ = most;
			}
		}
	}
	return 0;
}

int exec_batch_norm(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t channels = out->shape[1], pixels = out->shape[2] * out->shape[3];

	(void)x;
	for (int64_t p = 0; p < out->shape[0] * channels; p++) {
		int64_t c = p % channels;
		double scale = (double)f32(in[1])[c] / sqrt((double)f32(in[4])[c] + v->number);

		for (int64_t i = 0; i < pixels; i++)
			((float *)out->data)[p * pixels + i] =
				(float)(((double)f32(in[0])[p * pixels + i] -
					 (double)f32(in[3])[c]) *
						scale +
					(double)f32(in[2])[c]);
	}
	return 0;
}

/* Two neighbours of a pixel on an axis and the weight of the second. */
static void neighbours(int64_t i, int64_t from, int64_t to, int64_t at[2], double *weight)
{
	double x = ((double)i + 0.5) * (double)from / (double)to - 0.5;

	x = x < 0 ? 0 : x;
	at[0] = (int64_t)x;
	at[1] = at[0] + 1 < from ? at[0] + 1 : at[0];
	*weight = x - (double)at[0];
}

int exec_resize(executor *x, const value *v, const array *const *in, array *out)
{
	const int64_t *from = &in[0]->shape[2], *to = &out->shape[2];
	float *result = out->data;

	(void)x;
	(void)v;
	for (int64_t p = 0; p < out->shape[0] * out->shape[1]; p++) {
		const float *plane = f32(in[0]) + p * from[0] * from[1];

		for (int64_t y = 0; y < to[0]; y++) {
			int64_t r[2], s[2];
			double down, right;

			neighbours(y, from[0], to[0], r, &down);
			for (int64_t z = 0; z < to[1]; z++) {
				double line[2];

				neighbours(z, from[1], to[1], s, &right);
				for (int i = 0; i < 2; i++) {
					const float *row = plane + r[i] * from[1];

					line[i] = (double)row[s[0]] * (1 - right) +
						  (double)row[s[1]] * right;
				}
				*result++ = (float)(line[0] * (1 - down) + line[1] * down);
			}
		}
	}
	return 0;
}
