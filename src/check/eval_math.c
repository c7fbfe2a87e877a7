/* ONNX operators that compute: element by element, products, along an axis. Only the forms that
 * onnxport writes. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check/eval.h"
#include "exec/kernels.h"

/* ---- Element by element ---- */

static int binary(eval_call *c, dtype type, double (*f)(double a, double b))
{
	const array *a = eval_operand(c, 0, OXP_BAD),
		    *b = eval_operand(c, 1, a ? a->type : OXP_BAD);
	int64_t shape[OXP_MAX_RANK], n;
	int rank;
	cursor w;

	if (!a || !b || eval_broadcast(c, 2, shape, &rank) ||
	    eval_make(c, type ? type : a->type, rank, shape))
		return c->e->code;
	w = cursor_start(c->out, c->in, 2);
	n = array_count(c->out);
	for (int64_t i = 0; i < n; i++, cursor_advance(&w))
		eval_put(c->out, i, f(eval_number(a, w.at[0]), eval_number(b, w.at[1])));
	return 0;
}

#define BINARY(name, type, expression)                                                             \
	static double f_##name(double a, double b)                                                 \
	{                                                                                          \
		return expression;                                                                 \
	}                                                                                          \
	int eval_##name(eval_call *c)                                                              \
	{                                                                                          \
		return binary(c, type, f_##name);                                                  \
	}

BINARY(Add, OXP_BAD, a + b)
BINARY(Sub, OXP_BAD, a - b)
BINARY(Mul, OXP_BAD, a *b)
BINARY(Pow, OXP_BAD, pow(a, b))
BINARY(PRelu, OXP_BAD, a < 0 ? a * b : a)
BINARY(Equal, OXP_BOOL, a == b)
BINARY(Less, OXP_BOOL, a < b)
BINARY(Greater, OXP_BOOL, a > b)
BINARY(LessOrEqual, OXP_BOOL, a <= b)
BINARY(And, OXP_BOOL, a != 0 && b != 0)

static double quotient(double a, double b)
{
	return a / b;
}

static double whole_quotient(double a, double b)
{
	return b != 0 ? trunc(a / b) : 0;
}

int eval_Div(eval_call *c)
{
	int whole = c->inputs && c->in[0] && c->in[0]->type == OXP_I64;

	return binary(c, OXP_BAD, whole ? whole_quotient : quotient);
}

static int unary(eval_call *c, dtype type, double (*f)(const eval_call *c, double a))
{
	const array *a = eval_operand(c, 0, OXP_BAD);
	int64_t n = a ? array_count(a) : 0;

	if (!a || eval_make(c, type ? type : a->type, a->rank, a->shape))
		return c->e->code;
	for (int64_t i = 0; i < n; i++)
		eval_put(c->out, i, f(c, eval_number(a, i)));
	return 0;
}

#define UNARY(name, expression)                                                                    \
	static double g_##name(const eval_call *c, double a)                                       \
	{                                                                                          \
		(void)c;                                                                           \
		return expression;                                                                 \
	}                                                                                          \
	int eval_##name(eval_call *c)                                                              \
	{                                                                                          \
		return unary(c, OXP_BAD, g_##name);                                                \
	}

UNARY(Not, a == 0)
UNARY(Relu, a > 0 ? a : 0)
UNARY(Sigmoid, 1 / (1 + exp(-a)))
UNARY(Tanh, tanh(a))
UNARY(Erf, erf(a))
UNARY(Sqrt, sqrt(a))
UNARY(Exp, exp(a))
UNARY(Sin, sin(a))
UNARY(Cos, cos(a))
UNARY(Softplus, a > 30 ? a : log1p(exp(a)))
UNARY(Identity, a)
UNARY(LeakyRelu, a < 0 ? a * eval_float(c, "alpha", 0.01) : a)

static double g_erf_gelu(const eval_call *c, double a)
{
	(void)c;
	return a / 2 * (1 + erf(a * sqrt(0.5)));
}

static double g_tanh_gelu(const eval_call *c, double a)
{
	(void)c;
	return a / 2 * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (a + 0.044715 * a * a * a)));
}

int eval_Gelu(eval_call *c)
{
	const onnx_setting *s = eval_setting(c, "approximate");

	return unary(c, OXP_BAD, s && s->s && strcmp(s->s, "tanh") == 0 ? g_tanh_gelu : g_erf_gelu);
}

static double g_same(const eval_call *c, double a)
{
	(void)c;
	return a;
}

int eval_Cast(eval_call *c)
{
	return unary(c, (dtype)eval_int(c, "to", OXP_F32), g_same);
}

static double g_clip(const eval_call *c, double a)
{
	double low = c->in[1] ? eval_number(c->in[1], 0) : -INFINITY,
	       high = c->in[2] ? eval_number(c->in[2], 0) : INFINITY;

	return a < low ? low : a > high ? high : a;
}

int eval_Clip(eval_call *c)
{
	return eval_operand(c, 1, OXP_F32) && eval_operand(c, 2, OXP_F32)
		       ? unary(c, OXP_BAD, g_clip)
		       : c->e->code;
}

int eval_Where(eval_call *c)
{
	const array *pick = eval_operand(c, 0, OXP_BOOL), *a = eval_operand(c, 1, OXP_BAD);
	const array *b = eval_operand(c, 2, a ? a->type : OXP_BAD);
	int64_t shape[OXP_MAX_RANK], n;
	int rank;
	cursor w;

	if (!pick || !a || !b || eval_broadcast(c, 3, shape, &rank) ||
	    eval_make(c, a->type, rank, shape))
		return c->e->code;
	w = cursor_start(c->out, c->in, 3);
	n = array_count(c->out);
	for (int64_t i = 0; i < n; i++, cursor_advance(&w))
		eval_put(c->out, i,
			 eval_number(pick, w.at[0]) != 0 ? eval_number(a, w.at[1])
							 : eval_number(b, w.at[2]));
	return 0;
}

/* ---- Products ---- */

static void turn(const float *from, int64_t rows, int64_t columns, float *to)
{
	for (int64_t r = 0; r < rows; r++)
		for (int64_t k = 0; k < columns; k++)
			to[k * rows + r] = from[r * columns + k];
}

int eval_Gemm(eval_call *c)
{
	const array *a = eval_operand(c, 0, OXP_F32), *b = eval_operand(c, 1, OXP_F32);
	const array *bias = c->inputs > 2 ? eval_operand(c, 2, OXP_F32) : NULL;
	int turned = eval_int(c, "transB", 0) != 0;
	int64_t n, k, shape[2];
	float *copy = NULL;
	product p;

	if (c->e->code || !a || !b)
		return c->e->code;
	n = b->rank == 2 ? b->shape[!turned] : -1;
	k = b->rank == 2 ? b->shape[turned] : -1;
	if (n < 0 || a->rank != 2 || a->shape[1] != k || eval_int(c, "transA", 0) ||
	    (bias && (bias->rank != 1 || bias->shape[0] != n)))
		return eval_bad(c, "its operands do not fit");
	shape[0] = a->shape[0];
	shape[1] = n;
	if (eval_make(c, OXP_F32, 2, shape))
		return c->e->code;
	if (!turned && !(copy = malloc(sizeof *copy * (size_t)(n * k + 1))))
		return error_memory(c->e);
	if (copy)
		turn(b->data, k, n, copy);
	p = (product){ .m = shape[0],
		       .n = n,
		       .k = k,
		       .a = a->data,
		       .b = copy ? copy : b->data,
		       .bias = bias ? bias->data : NULL,
		       .c = c->out->data,
		       .lda = k,
		       .ldb = k,
		       .ldc = n };
	multiply(&p, c->threads);
	free(copy);
	return 0;
}

/* Leading axes of both, and the shape of the result. */
static int matmul_shape(eval_call *c, const array *a, const array *b, array lead[3], int64_t *shape,
			int *rank)
{
	eval_call leads = *c;

	if (a->rank < 2 || b->rank < 2 || a->shape[a->rank - 1] != b->shape[b->rank - 2])
		return eval_bad(c, "its operands do not fit");
	lead[1] = *a;
	lead[2] = *b;
	lead[1].rank -= 2;
	lead[2].rank -= 2;
	leads.in[0] = &lead[1];
	leads.in[1] = &lead[2];
	if (eval_broadcast(&leads, 2, shape, rank))
		return c->e->code;
	lead[0] = (array){ .rank = *rank };
	memcpy(lead[0].shape, shape, sizeof lead[0].shape);
	shape[(*rank)++] = a->shape[a->rank - 2];
	shape[(*rank)++] = b->shape[b->rank - 1];
	return 0;
}

int eval_MatMul(eval_call *c)
{
	const array *a = eval_operand(c, 0, OXP_F32), *b = eval_operand(c, 1, OXP_F32);
	int64_t shape[OXP_MAX_RANK + 2], m, n, k, batches;
	array lead[3];
	const array *leads[] = { &lead[1], &lead[2] };
	float *copy;
	cursor w;
	int rank;

	if (!a || !b || matmul_shape(c, a, b, lead, shape, &rank) ||
	    eval_make(c, OXP_F32, rank, shape))
		return c->e->code;
	m = shape[rank - 2];
	n = shape[rank - 1];
	k = a->shape[a->rank - 1];
	copy = malloc(sizeof *copy * (size_t)(n * k + 1));
	if (!copy)
		return error_memory(c->e);
	w = cursor_start(&lead[0], leads, 2);
	batches = array_count(&lead[0]);
	for (int64_t i = 0; i < batches; i++, cursor_advance(&w)) {
		product p = { .m = m,
			      .n = n,
			      .k = k,
			      .a = (const float *)a->data + w.at[0] * m * k,
			      .b = copy,
			      .c = (float *)c->out->data + i * m * n,
			      .lda = k,
			      .ldb = k,
			      .ldc = n };

		turn((const float *)b->data + w.at[1] * k * n, k, n, copy);
		multiply(&p, c->threads);
	}
	free(copy);
	return 0;
}

/* ---- Along an axis ---- */

static void softmax(const float *from, float *to, int64_t n, int64_t step)
{
	double most = -INFINITY, sum = 0;

	for (int64_t i = 0; i < n; i++)
		most = fmax(most, (double)from[i * step]);
	for (int64_t i = 0; i < n; i++)
		sum += exp((double)from[i * step] - most);
	for (int64_t i = 0; i < n; i++)
		to[i * step] = (float)(exp((double)from[i * step] - most) / sum);
}

int eval_Softmax(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_F32);
	extent s;
	int axis;

	if (!x || eval_axis(c, eval_int(c, "axis", -1), x->rank, &axis) ||
	    eval_make(c, OXP_F32, x->rank, x->shape))
		return c->e->code;
	s = eval_along(x, axis);
	for (int64_t i = 0; i < s.before * s.after; i++) {
		int64_t first = i / s.after * s.n * s.after + i % s.after;

		softmax((const float *)x->data + first, (float *)c->out->data + first, s.n,
			s.after);
	}
	return 0;
}

/* Axes and how elements lie along them: those that stay, or those that go. */
typedef struct axes {
	int n;
	int64_t length[OXP_MAX_RANK], step[OXP_MAX_RANK];
} axes;

static void axes_add(axes *a, int64_t length, int64_t step)
{
	a->length[a->n] = length;
	a->step[a->n++] = step;
}

static int64_t axes_count(const axes *a)
{
	return shape_count(a->length, a->n);
}

/* Where the i-th element lies. */
static int64_t axes_place(const axes *a, int64_t i)
{
	int64_t at = 0;

	for (int k = a->n; k-- > 0; i /= a->length[k])
		at += i % a->length[k] * a->step[k];
	return at;
}

/* A bit per axis that goes. They come as a setting or, later, as an operand. */
static int reduced_axes(eval_call *c, const array *x, unsigned *gone)
{
	const onnx_setting *s = eval_setting(c, "axes");
	int64_t list[OXP_MAX_RANK];
	int n = s ? s->count : eval_list(c, 1, list, OXP_MAX_RANK), axis;

	if (n < 1)
		return c->e->code ? c->e->code : eval_bad(c, "it reduces no axis");
	for (int i = 0; i < n; i++) {
		if (eval_axis(c, s ? s->ints[i] : list[i], x->rank, &axis))
			return c->e->code;
		*gone |= 1u << axis;
	}
	return 0;
}

static int reduce(eval_call *c, unsigned gone, dtype type,
		  double (*result)(double sum, double most, int64_t where, int64_t n))
{
	const array *x = c->in[0];
	int64_t shape[OXP_MAX_RANK], step = array_count(x), n;
	int rank = 0, keep = (int)eval_int(c, "keepdims", 1);
	axes stays = { 0 }, goes = { 0 };

	for (int i = 0; i < x->rank; i++) {
		int is_gone = gone >> i & 1;

		step = x->shape[i] ? step / x->shape[i] : 0;
		axes_add(is_gone ? &goes : &stays, x->shape[i], step);
		if (!is_gone || keep)
			shape[rank++] = is_gone ? 1 : x->shape[i];
	}
	if (eval_make(c, type, rank, shape))
		return c->e->code;
	n = axes_count(&goes);
	for (int64_t i = 0, count = axes_count(&stays); i < count; i++) {
		int64_t first = axes_place(&stays, i), where = 0;
		double sum = 0, most = -INFINITY;

		for (int64_t k = 0; k < n; k++) {
			double a = eval_number(x, first + axes_place(&goes, k));

			sum += a;
			where = a > most ? k : where;
			most = a > most ? a : most;
		}
		eval_put(c->out, i, result(sum, most, where, n));
	}
	return 0;
}

#define REDUCE(name, expression)                                                                   \
	static double r_##name(double sum, double most, int64_t where, int64_t n)                  \
	{                                                                                          \
		(void)sum;                                                                         \
		(void)most;                                                                        \
		(void)where;                                                                       \
		(void)n;                                                                           \
		return expression;                                                                 \
	}                                                                                          \
	int eval_##name(eval_call *c)                                                              \
	{                                                                                          \
		const array *x = eval_operand(c, 0, OXP_BAD);                                      \
		unsigned gone = 0;                                                                 \
                                                                                                   \
		if (!x || reduced_axes(c, x, &gone))                                               \
			return c->e->code;                                                         \
		return reduce(c, gone, x->type, r_##name);                                         \
	}

REDUCE(ReduceMean, sum / (double)n)
REDUCE(ReduceSum, sum)
REDUCE(ReduceMax, most)

static double r_where(double sum, double most, int64_t where, int64_t n)
{
	(void)sum;
	(void)most;
	(void)n;
	return (double)where;
}

int eval_ArgMax(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_F32);
	int axis;

	if (!x || eval_axis(c, eval_int(c, "axis", 0), x->rank, &axis))
		return c->e->code;
	return reduce(c, 1u << axis, OXP_I64, r_where);
}

int eval_CumSum(eval_call *c)
{
	const array *x = eval_operand(c, 0, OXP_I64);
	int64_t wanted;
	extent s;
	int axis;

	if (!x || eval_list(c, 1, &wanted, 1) != 1 || eval_axis(c, wanted, x->rank, &axis) ||
	    eval_make(c, OXP_I64, x->rank, x->shape))
		return c->e->code;
	s = eval_along(x, axis);
	for (int64_t i = 0; i < s.before * s.after; i++) {
		int64_t first = i / s.after * s.n * s.after + i % s.after, sum = 0;

		for (int64_t k = 0; k < s.n; k++) {
			sum += ((const int64_t *)x->data)[first + k * s.after];
			((int64_t *)c->out->data)[first + k * s.after] = sum;
		}
	}
	return 0;
}

/* Rows of the last axis, through the caller's formula of mean and mean square. */
static int norm(eval_call *c, int centred)
{
	const array *x = eval_operand(c, 0, OXP_F32), *weight = eval_operand(c, 1, OXP_F32);
	const array *bias = centred ? eval_operand(c, 2, OXP_F32) : NULL;
	double eps = eval_float(c, "epsilon", 1e-5);
	int64_t n = x && x->rank ? x->shape[x->rank - 1] : 0;

	if (c->e->code)
		return c->e->code;
	if (!x->rank || array_count(weight) != n || (bias && array_count(bias) != n))
		return eval_bad(c, "its operands do not fit");
	if (eval_make(c, OXP_F32, x->rank, x->shape))
		return c->e->code;
	for (int64_t r = 0, rows = n ? array_count(x) / n : 0; r < rows; r++) {
		double mean = 0, square = 0;

		for (int64_t i = 0; centred && i < n; i++)
			mean += eval_number(x, r * n + i) / (double)n;
		for (int64_t i = 0; i < n; i++)
			square += pow(eval_number(x, r * n + i) - mean, 2) / (double)n;
		for (int64_t i = 0; i < n; i++)
			eval_put(c->out, r * n + i,
				 (eval_number(x, r * n + i) - mean) / sqrt(square + eps) *
						 eval_number(weight, i) +
					 (bias ? eval_number(bias, i) : 0));
	}
	return 0;
}

int eval_LayerNormalization(eval_call *c)
{
	return norm(c, 1);
}

int eval_RMSNormalization(eval_call *c)
{
	return norm(c, 0);
}

/* ---- Attention, from opset 23 ---- */

static void attend(const eval_call *c, const float *q, const float *k, const float *v,
		   const cursor *mask, float *scores, float *to)
{
	int64_t keys = c->in[1]->shape[2], width = c->in[1]->shape[3], out = c->in[2]->shape[3];
	double scale = eval_float(c, "scale", 1 / sqrt((double)width));

	for (int64_t i = 0; i < keys; i++) {
		double sum = 0;

		for (int64_t d = 0; d < width; d++)
			sum += (double)q[d] * (double)k[i * width + d];
		sum *= scale;
		if (mask)
			sum += eval_number(c->in[3], mask->at[0] + i * mask->step[0][3]);
		scores[i] = (float)sum;
	}
	softmax(scores, scores, keys, 1);
	for (int64_t d = 0; d < out; d++) {
		double sum = 0;

		for (int64_t i = 0; i < keys; i++)
			sum += (double)scores[i] * (double)v[i * out + d];
		to[d] = (float)sum;
	}
}

int eval_Attention(eval_call *c)
{
	const array *q = eval_operand(c, 0, OXP_F32), *k = eval_operand(c, 1, OXP_F32);
	const array *v = eval_operand(c, 2, OXP_F32),
		    *mask = c->inputs > 3 ? eval_operand(c, 3, OXP_F32) : NULL;
	int64_t shape[4];
	array grid = { .rank = 4 };
	float *scores;
	cursor w = { 0 };

	if (c->e->code)
		return c->e->code;
	if (q->rank != 4 || k->rank != 4 || v->rank != 4 || q->shape[3] != k->shape[3] ||
	    k->shape[2] != v->shape[2] || memcmp(q->shape, k->shape, 2 * sizeof *shape) != 0 ||
	    memcmp(k->shape, v->shape, 2 * sizeof *shape) != 0)
		return eval_bad(c, "its operands do not fit");
	memcpy(shape, (int64_t[]){ q->shape[0], q->shape[1], q->shape[2], v->shape[3] },
	       sizeof shape);
	memcpy(grid.shape, (int64_t[]){ shape[0], shape[1], shape[2], k->shape[2] }, sizeof shape);
	for (int i = 0; mask && i < mask->rank; i++) {
		int d = i + 4 - mask->rank;

		if (d < 0 || (mask->shape[i] != 1 && mask->shape[i] != grid.shape[d]))
			return eval_bad(c, "its mask does not fit");
	}
	scores = malloc(sizeof *scores * (size_t)(k->shape[2] + 1));
	if (!scores)
		return error_memory(c->e);
	if (eval_make(c, OXP_F32, 4, shape) == 0) {
		int64_t rows = shape[0] * shape[1] * shape[2];

		if (mask)
			w = cursor_start(&grid, (const array *[]){ mask }, 1);
		w.rank = 3; /* from query to query; keys are walked within */
		for (int64_t r = 0; r < rows; r++) {
			int64_t head = r / shape[2];

			attend(c, (const float *)q->data + r * q->shape[3],
			       (const float *)k->data + head * k->shape[2] * k->shape[3],
			       (const float *)v->data + head * v->shape[2] * v->shape[3],
			       mask ? &w : NULL, scores, (float *)c->out->data + r * shape[3]);
			cursor_advance(&w);
		}
	}
	free(scores);
	return c->e->code;
}
