/* The kernels: plain loops over row-major arrays, in float with sums in double. */
#include "exec/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

static const float *f32(const array *a)
{
	return a->data;
}

static const int64_t *i64(const array *a)
{
	return a->data;
}

static const uint8_t *truth(const array *a)
{
	return a->data;
}

/* ---- Element by element ---- */

/* Steps of an operand along the result's axes; 0 where it broadcasts. */
static void broadcast_steps(const array *out, const array *in, int64_t step[OXP_MAX_RANK])
{
	int64_t n = 1;

	memset(step, 0, sizeof(int64_t) * OXP_MAX_RANK);
	for (int i = in->rank; i-- > 0;) {
		if (in->shape[i] != 1)
			step[i + out->rank - in->rank] = n;
		n *= in->shape[i];
	}
}

typedef struct walker {
	int64_t index[OXP_MAX_RANK], step[3][OXP_MAX_RANK], at[3];
	int operands;
} walker;

static walker walk(const array *out, const array *const *in, int operands)
{
	walker w = { .operands = operands };

	for (int k = 0; k < operands; k++)
		broadcast_steps(out, in[k], w.step[k]);
	return w;
}

static void next(walker *w, const array *out)
{
	for (int i = out->rank; i-- > 0;) {
		for (int k = 0; k < w->operands; k++)
			w->at[k] += w->step[k][i];
		if (++w->index[i] < out->shape[i])
			return;
		for (int k = 0; k < w->operands; k++)
			w->at[k] -= w->step[k][i] * out->shape[i];
		w->index[i] = 0;
	}
}

#define FOR_EACH(in, operands)                                                                     \
	walker w = walk(out, in, operands);                                                        \
	int64_t count = array_count(out);                                                          \
	for (int64_t i = 0; i < count; i++, next(&w, out))

static int arithmetic(executor *x, const array *const *in, array *out,
		      float (*real)(float a, float b), int64_t (*whole)(int64_t a, int64_t b))
{
	if (out->type == OXP_F32) {
		float *to = out->data;

		FOR_EACH(in, 2) to[i] = real(f32(in[0])[w.at[0]], f32(in[1])[w.at[1]]);
	} else if (out->type == OXP_I64 && whole) {
		int64_t *to = out->data;

		FOR_EACH(in, 2) to[i] = whole(i64(in[0])[w.at[0]], i64(in[1])[w.at[1]]);
	} else {
		return error_set(x->e, E_INTERNAL, "the executor has no such arithmetic on %s",
				 dtype_name(out->type));
	}
	return 0;
}

#define ARITHMETIC(name, expression)                                                               \
	static float real_##name(float a, float b)                                                 \
	{                                                                                          \
		return expression;                                                                 \
	}                                                                                          \
	static int64_t whole_##name(int64_t a, int64_t b)                                          \
	{                                                                                          \
		return expression;                                                                 \
	}                                                                                          \
	int exec_##name(executor *x, const value *v, const array *const *in, array *out)           \
	{                                                                                          \
		(void)v;                                                                           \
		return arithmetic(x, in, out, real_##name, whole_##name);                          \
	}

ARITHMETIC(add, a + b)
ARITHMETIC(sub, a - b)
ARITHMETIC(mul, a *b)

static float real_div(float a, float b)
{
	return a / b;
}

static int64_t whole_div(int64_t a, int64_t b)
{
	return b ? a / b : 0;
}

int exec_div(executor *x, const value *v, const array *const *in, array *out)
{
	(void)v;
	return arithmetic(x, in, out, real_div, whole_div);
}

static float real_prelu(float a, float slope)
{
	return a < 0 ? a * slope : a;
}

int exec_prelu(executor *x, const value *v, const array *const *in, array *out)
{
	(void)v;
	return arithmetic(x, in, out, real_prelu, NULL);
}

int exec_equal(executor *x, const value *v, const array *const *in, array *out)
{
	uint8_t *to = out->data;

	(void)x;
	(void)v;
	if (in[0]->type == OXP_I64) {
		FOR_EACH(in, 2) to[i] = i64(in[0])[w.at[0]] == i64(in[1])[w.at[1]];
	} else if (in[0]->type == OXP_F32) {
		FOR_EACH(in, 2) to[i] = f32(in[0])[w.at[0]] == f32(in[1])[w.at[1]];
	} else {
		FOR_EACH(in, 2) to[i] = truth(in[0])[w.at[0]] == truth(in[1])[w.at[1]];
	}
	return 0;
}

int exec_less_equal(executor *x, const value *v, const array *const *in, array *out)
{
	uint8_t *to = out->data;

	(void)x;
	(void)v;
	if (in[0]->type == OXP_I64) {
		FOR_EACH(in, 2) to[i] = i64(in[0])[w.at[0]] <= i64(in[1])[w.at[1]];
	} else {
		FOR_EACH(in, 2) to[i] = f32(in[0])[w.at[0]] <= f32(in[1])[w.at[1]];
	}
	return 0;
}

int exec_and(executor *x, const value *v, const array *const *in, array *out)
{
	uint8_t *to = out->data;

	(void)x;
	(void)v;
	FOR_EACH(in, 2) to[i] = truth(in[0])[w.at[0]] && truth(in[1])[w.at[1]];
	return 0;
}

int exec_not(executor *x, const value *v, const array *const *in, array *out)
{
	uint8_t *to = out->data;
	int64_t count = array_count(out);

	(void)x;
	(void)v;
	for (int64_t i = 0; i < count; i++)
		to[i] = !truth(in[0])[i];
	return 0;
}

int exec_where(executor *x, const value *v, const array *const *in, array *out)
{
	size_t size = dtype_size(out->type);
	uint8_t *to = out->data;

	(void)x;
	(void)v;
	FOR_EACH(in, 3)
	{
		int pick = truth(in[0])[w.at[0]] ? 1 : 2;

		memcpy(to + (size_t)i * size, truth(in[pick]) + (size_t)w.at[pick] * size, size);
	}
	return 0;
}

int exec_cast(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t count = array_count(out);

	(void)v;
	for (int64_t i = 0; i < count; i++) {
		dtype from = in[0]->type;
		double n = from == OXP_F32   ? (double)f32(in[0])[i]
			   : from == OXP_I64 ? (double)i64(in[0])[i]
					     : truth(in[0])[i];

		if (out->type == OXP_F32)
			((float *)out->data)[i] = (float)n;
		else if (out->type == OXP_I64)
			((int64_t *)out->data)[i] = from == OXP_I64 ? i64(in[0])[i] : (int64_t)n;
		else if (out->type == OXP_BOOL)
			((uint8_t *)out->data)[i] = n != 0;
		else
			return error_set(x->e, E_INTERNAL, "the executor cannot cast to %s",
					 dtype_name(out->type));
	}
	return 0;
}

#define REAL(name, expression)                                                                     \
	int exec_##name(executor *x, const value *v, const array *const *in, array *out)           \
	{                                                                                          \
		int64_t count = array_count(out);                                                  \
		float *to = out->data;                                                             \
                                                                                                   \
		(void)x;                                                                           \
		(void)v;                                                                           \
		for (int64_t i = 0; i < count; i++) {                                              \
			double a = (double)f32(in[0])[i];                                          \
                                                                                                   \
			to[i] = (float)(expression);                                               \
		}                                                                                  \
		return 0;                                                                          \
	}

REAL(relu, a > 0 ? a : 0)
REAL(sigmoid, 1 / (1 + exp(-a)))
REAL(tanh, tanh(a))
REAL(erf, erf(a))
REAL(sqrt, sqrt(a))
REAL(exp, exp(a))
REAL(sin, sin(a))
REAL(cos, cos(a))
REAL(softplus, a > 0 ? a + log1p(exp(-a)) : log1p(exp(a)))
REAL(clip, a<v->low ? v->low : a> v->high ? v->high : a)
REAL(leaky_relu, a < 0 ? a * v->number : a)
REAL(gelu, a / 2 * (1 + erf(a / sqrt(2))))
REAL(gelu_tanh, a / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (a + 0.044715 * a * a * a))))

/* ---- Products ---- */

/* from [k, n] to [n, k] */
static void turn(float *to, const float *from, int64_t k, int64_t n)
{
	for (int64_t r = 0; r < k; r++)
		for (int64_t c = 0; c < n; c++)
			to[c * k + r] = from[r * n + c];
}

int exec_linear(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t k = in[1]->shape[!v->index], n = in[1]->shape[v->index];
	float *turned = v->index ? malloc(sizeof *turned * (size_t)(n * k + 1)) : NULL;
	product p = { .m = n ? array_count(out) / n : 0,
		      .n = n,
		      .k = k,
		      .a = in[0]->data,
		      .b = turned ? turned : f32(in[1]),
		      .bias = in[2] ? in[2]->data : NULL,
		      .c = out->data,
		      .lda = k,
		      .ldb = k,
		      .ldc = n };

	if (v->index && !turned)
		return error_memory(x->e);
	if (turned)
		turn(turned, in[1]->data, k, n);
	multiply(&p, x->threads);
	free(turned);
	return 0;
}

/* Batches of a [m, k] · b [k, n]; b is transposed first, since the product runs along rows. */
int exec_matmul(executor *x, const value *v, const array *const *in, array *out)
{
	const array *a = in[0], *b = in[1];
	int64_t m = out->shape[out->rank - 2], n = out->shape[out->rank - 1];
	int64_t k = a->shape[a->rank - 1], batches = 1;
	array lead = *out, a_lead = *a, b_lead = *b;
	const array *leads[] = { &a_lead, &b_lead };
	float *turned = malloc(sizeof *turned * (size_t)(n * k + 1));
	walker w;

	(void)v;
	if (!turned)
		return error_memory(x->e);
	lead.rank -= 2;
	a_lead.rank -= 2;
	b_lead.rank -= 2;
	w = walk(&lead, leads, 2);
	batches = array_count(&lead);
	for (int64_t i = 0; i < batches; i++, next(&w, &lead)) {
		const float *from = f32(b) + w.at[1] * k * n;
		product p = { .m = m,
			      .n = n,
			      .k = k,
			      .a = f32(a) + w.at[0] * m * k,
			      .b = turned,
			      .c = (float *)out->data + i * m * n,
			      .lda = k,
			      .ldb = k,
			      .ldc = n };

		turn(turned, from, k, n);
		multiply(&p, x->threads);
	}
	free(turned);
	return 0;
}

static void softmax_row(float *to, const float *from, int64_t n, int64_t step)
{
	float most = -INFINITY;
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		most = from[i * step] > most ? from[i * step] : most;
	for (int64_t i = 0; i < n; i++)
		sum += exp((double)from[i * step] - (double)most);
	for (int64_t i = 0; i < n; i++)
		to[i * step] = (float)(exp((double)from[i * step] - (double)most) / sum);
}

/* Elements before, along and after an axis. */
static void split(const array *a, int axis, int64_t *before, int64_t *n, int64_t *after)
{
	*before = shape_count(a->shape, axis);
	*n = a->shape[axis];
	*after = shape_count(a->shape + axis + 1, a->rank - axis - 1);
}

int exec_softmax(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t before, n, after;

	(void)x;
	split(out, v->axis, &before, &n, &after);
	for (int64_t i = 0; i < before; i++)
		for (int64_t j = 0; j < after; j++)
			softmax_row((float *)out->data + i * n * after + j,
				    f32(in[0]) + i * n * after + j, n, after);
	return 0;
}

struct heads {
	const value *v;
	const array *const *in;
	array *out;
	int64_t bias_step[OXP_MAX_RANK];
	int failed;
};

/* One head: scores a query at a time, so that nothing of size queries × keys is ever held. */
static void attend(void *context, size_t index)
{
	struct heads *h = context;
	const array *q = h->in[0], *k = h->in[1], *x = h->in[2], *bias = h->in[3];
	int64_t heads = q->shape[1], queries = q->shape[2], keys = k->shape[2], d = q->shape[3];
	int64_t width = x->shape[3], batch = (int64_t)index / heads, head = (int64_t)index % heads;
	float *scores = malloc(sizeof *scores * (size_t)(keys + 1));
	double *sum = malloc(sizeof *sum * (size_t)(width + 1));

	for (int64_t l = 0; scores && sum && l < queries; l++) {
		const float *row = f32(q) + ((int64_t)index * queries + l) * d;
		float *to = (float *)h->out->data + ((int64_t)index * queries + l) * width;

		for (int64_t r = 0; r < keys; r++) {
			const float *key = f32(k) + ((int64_t)index * keys + r) * d;
			double s = 0;

			for (int64_t i = 0; i < d; i++)
				s += (double)row[i] * (double)key[i];
			scores[r] = (float)(s * h->v->number);
			if (bias)
				scores[r] +=
					f32(bias)[batch * h->bias_step[0] + head * h->bias_step[1] +
						  l * h->bias_step[2] + r * h->bias_step[3]];
		}
		softmax_row(scores, scores, keys, 1);
		memset(sum, 0, sizeof *sum * (size_t)width);
		for (int64_t r = 0; r < keys; r++) {
			const float *from = f32(x) + ((int64_t)index * keys + r) * width;

			for (int64_t i = 0; i < width; i++)
				sum[i] += (double)scores[r] * (double)from[i];
		}
		for (int64_t i = 0; i < width; i++)
			to[i] = (float)sum[i];
	}
	if (!scores || !sum)
		h->failed = 1;
	free(scores);
	free(sum);
}

int exec_attention(executor *x, const value *v, const array *const *in, array *out)
{
	struct heads h = { .v = v, .in = in, .out = out };
	array scores = {
		.rank = 4, .shape = { out->shape[0], out->shape[1], out->shape[2], in[1]->shape[2] }
	};

	if (in[3])
		broadcast_steps(&scores, in[3], h.bias_step);
	parallel_for(x->threads, (size_t)(out->shape[0] * out->shape[1]), attend, &h);
	return h.failed ? error_memory(x->e) : 0;
}

/* ---- Norms and reductions ---- */

int exec_layer_norm(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t n = out->shape[out->rank - 1], rows = n ? array_count(out) / n : 0;
	const float *weight = in[1]->data, *bias = in[2]->data;

	(void)x;
	for (int64_t r = 0; r < rows; r++) {
		const float *from = f32(in[0]) + r * n;
		float *to = (float *)out->data + r * n;
		double mean = 0, var = 0, scale;

		for (int64_t i = 0; i < n; i++)
			mean += (double)from[i];
		mean /= (double)n;
		for (int64_t i = 0; i < n; i++)
			var += ((double)from[i] - mean) * ((double)from[i] - mean);
		scale = 1 / sqrt(var / (double)n + v->number);
		for (int64_t i = 0; i < n; i++)
			to[i] = (float)(((double)from[i] - mean) * scale * (double)weight[i] +
					(double)bias[i]);
	}
	return 0;
}

int exec_rms_norm(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t n = out->shape[out->rank - 1], rows = n ? array_count(out) / n : 0;

	(void)x;
	for (int64_t r = 0; r < rows; r++) {
		const float *from = f32(in[0]) + r * n;
		float *to = (float *)out->data + r * n;
		double sum = 0, scale;

		for (int64_t i = 0; i < n; i++)
			sum += (double)from[i] * (double)from[i];
		scale = 1 / sqrt(sum / (double)n + v->number);
		for (int64_t i = 0; i < n; i++)
			to[i] = (float)((double)from[i] * scale * (double)f32(in[1])[i]);
	}
	return 0;
}

static double element(const array *a, int64_t i)
{
	return a->type == OXP_F32 ? (double)f32(a)[i] : (double)i64(a)[i];
}

/* Sum, largest element and its index along an axis, handed to the caller's choice of them. */
static int reduce(const value *v, const array *in, array *out,
		  double (*result)(double sum, double most, int64_t index, int64_t n))
{
	int64_t before, n, after;

	split(in, v->axis, &before, &n, &after);
	for (int64_t i = 0; i < before; i++) {
		for (int64_t j = 0; j < after; j++) {
			double sum = 0, most = -INFINITY, y;
			int64_t index = 0;

			for (int64_t k = 0; k < n; k++) {
				double a = element(in, (i * n + k) * after + j);

				sum += a;
				if (a > most) {
					most = a;
					index = k;
				}
			}
			y = result(sum, most, index, n);
			if (out->type == OXP_F32)
				((float *)out->data)[i * after + j] = (float)y;
			else
				((int64_t *)out->data)[i * after + j] = (int64_t)y;
		}
	}
	return 0;
}

#define REDUCE(name, expression)                                                                   \
	static double result_##name(double sum, double most, int64_t index, int64_t n)             \
	{                                                                                          \
		(void)sum;                                                                         \
		(void)most;                                                                        \
		(void)index;                                                                       \
		(void)n;                                                                           \
		return expression;                                                                 \
	}                                                                                          \
	int exec_##name(executor *x, const value *v, const array *const *in, array *out)           \
	{                                                                                          \
		(void)x;                                                                           \
		return reduce(v, in[0], out, result_##name);                                       \
	}

REDUCE(mean, sum / (double)n)
REDUCE(sum, sum)
REDUCE(largest, most)
REDUCE(argmax, (double)index)

int exec_cumsum(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t before, n, after;

	split(out, v->axis, &before, &n, &after);
	if (out->type != OXP_I64)
		return error_set(x->e, E_INTERNAL, "the executor sums up whole numbers only");
	for (int64_t i = 0; i < before; i++) {
		for (int64_t j = 0; j < after; j++) {
			int64_t sum = 0;

			for (int64_t k = 0; k < n; k++) {
				int64_t at = (i * n + k) * after + j;

				sum += i64(in[0])[at];
				((int64_t *)out->data)[at] = sum;
			}
		}
	}
	return 0;
}

/* ---- Moving elements ---- */

int exec_embedding(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t rows = in[0]->shape[0], width = in[0]->shape[1], count = array_count(in[1]);

	(void)v;
	for (int64_t i = 0; i < count; i++) {
		int64_t id = i64(in[1])[i];

		if (id < 0 || id >= rows)
			return error_set(x->e, E_ARGUMENT,
					 "%s: index %lld is outside its %lld rows", v->scope,
					 (long long)id, (long long)rows);
		memcpy((float *)out->data + i * width, f32(in[0]) + id * width,
		       sizeof(float) * (size_t)width);
	}
	return 0;
}

/* Copies `n` elements of an axis from place `from` of one array to place `to` of another. */
static void copy_along(int axis, array *out, int64_t to, const array *in, int64_t from, int64_t n)
{
	size_t size = dtype_size(out->type);
	int64_t before, most_out, most_in, after;

	split(in, axis, &before, &most_in, &after);
	split(out, axis, &before, &most_out, &after);
	for (int64_t i = 0; i < before && n; i++)
		memcpy((uint8_t *)out->data + (size_t)((i * most_out + to) * after) * size,
		       truth(in) + (size_t)((i * most_in + from) * after) * size,
		       (size_t)(n * after) * size);
}

int exec_slice(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t start = run_length(x, v->start), n = out->shape[v->axis];

	if (start < 0 || start + n > in[0]->shape[v->axis])
		return error_set(x->e, E_ARGUMENT,
				 "%s: places %lld to %lld are outside the %lld of axis %d",
				 v->scope, (long long)start, (long long)(start + n),
				 (long long)in[0]->shape[v->axis], v->axis);
	copy_along(v->axis, out, 0, in[0], start, n);
	return 0;
}

int exec_pad(executor *x, const value *v, const array *const *in, array *out)
{
	memset(out->data, 0, (size_t)array_count(out) * dtype_size(out->type));
	copy_along(v->axis, out, run_length(x, v->start), in[0], 0, in[0]->shape[v->axis]);
	return 0;
}

int exec_gather(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t n = in[0]->shape[v->axis];

	for (int64_t i = 0; i < out->shape[v->axis]; i++) {
		int64_t id = i64(in[1])[i];

		if (id < 0 || id >= n)
			return error_set(x->e, E_ARGUMENT, "%s: index %lld is outside its %lld",
					 v->scope, (long long)id, (long long)n);
		copy_along(v->axis, out, i, in[0], id, 1);
	}
	return 0;
}

int exec_expand(executor *x, const value *v, const array *const *in, array *out)
{
	size_t size = dtype_size(out->type);
	uint8_t *to = out->data;

	(void)x;
	(void)v;
	FOR_EACH(in, 1)
	memcpy(to + (size_t)i * size, truth(in[0]) + (size_t)w.at[0] * size, size);
	return 0;
}

int exec_select(executor *x, const value *v, const array *const *in, array *out)
{
	size_t size = dtype_size(out->type);
	int64_t before, n, after, index;

	split(in[0], v->axis, &before, &n, &after);
	index = v->index < 0 ? v->index + n : v->index;
	if (index < 0 || index >= n)
		return error_set(x->e, E_ARGUMENT, "%s: no index %lld among %lld", v->scope,
				 (long long)v->index, (long long)n);
	for (int64_t i = 0; i < before; i++)
		memcpy((uint8_t *)out->data + (size_t)(i * after) * size,
		       truth(in[0]) + (size_t)((i * n + index) * after) * size,
		       (size_t)after * size);
	return 0;
}

static int view(const array *const *in, array *out)
{
	out->data = in[0]->data;
	return 0;
}

int exec_reshape(executor *x, const value *v, const array *const *in, array *out)
{
	(void)x;
	(void)v;
	return view(in, out);
}

int exec_unsqueeze(executor *x, const value *v, const array *const *in, array *out)
{
	(void)x;
	(void)v;
	return view(in, out);
}

int exec_transpose(executor *x, const value *v, const array *const *in, array *out)
{
	size_t size = dtype_size(out->type);
	int64_t count = array_count(out);
	walker w = { .operands = 1 };

	(void)x;
	for (int i = 0; i < out->rank; i++)
		w.step[0][i] =
			shape_count(in[0]->shape + v->perm[i] + 1, in[0]->rank - v->perm[i] - 1);
	for (int64_t i = 0; i < count; i++, next(&w, out))
		memcpy((uint8_t *)out->data + (size_t)i * size,
		       truth(in[0]) + (size_t)w.at[0] * size, size);
	return 0;
}

int exec_concat(executor *x, const value *v, const array *const *in, array *out)
{
	int64_t at = 0;

	(void)x;
	for (int k = 0; k < v->inputs; k++) {
		copy_along(v->axis, out, at, in[k], 0, in[k]->shape[v->axis]);
		at += in[k]->shape[v->axis];
	}
	return 0;
}

int exec_range(executor *x, const value *v, const array *const *in, array *out)
{
	(void)x;
	(void)v;
	(void)in;
	for (int64_t i = 0; i < out->shape[0]; i++)
		((int64_t *)out->data)[i] = i;
	return 0;
}

int exec_length(executor *x, const value *v, const array *const *in, array *out)
{
	(void)in;
	*(int64_t *)out->data = run_length(x, v->start);
	return 0;
}

/* ---- What is there already ---- */

int exec_input(executor *x, const value *v, const array *const *in, array *out)
{
	(void)in;
	for (int i = 0; i < x->g->inputs; i++)
		if (x->g->input[i] == v)
			out->data = x->input[i].data;
	return 0;
}

/* The file's own bytes where they serve, else a converted copy for as long as it is used. */
int exec_param(executor *x, const value *v, const array *const *in, array *out)
{
	const float *data = param_data(v->param);
	int64_t shape[OXP_MAX_RANK];
	float *copy;

	(void)in;
	if (data && !v->g->rounded) {
		out->data = (void *)(uintptr_t)data;
		return 0;
	}
	memcpy(shape, out->shape, sizeof shape);
	if (array_make(out, OXP_F32, v->rank, shape))
		return error_memory(x->e);
	copy = out->data;
	param_read(v->param, 0, array_count(out), copy);
	for (int64_t i = 0; v->g->rounded && i < array_count(out); i++)
		copy[i] = round_to(v->g->rounded, copy[i]);
	return 0;
}

int exec_constant(executor *x, const value *v, const array *const *in, array *out)
{
	(void)x;
	(void)in;
	if (v->type == OXP_F32)
		*(float *)out->data = (float)v->number;
	else
		*(int64_t *)out->data = (int64_t)v->number;
	return 0;
}

int exec_literal(executor *x, const value *v, const array *const *in, array *out)
{
	(void)x;
	(void)in;
	out->data = (void *)(uintptr_t)v->data;
	return 0;
}
