/* What the ONNX operators do, as onnx/docs/Operators.md has them: only the forms that onnxport writes. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check/eval.h"
#include "exec/kernels.h"

const onnx_setting *eval_setting(const eval_call *c, const char *name)
{
	for (int i = 0; i < c->step->settings; i++)
		if (strcmp(c->step->setting[i].name, name) == 0)
			return &c->step->setting[i];
	return NULL;
}

int64_t eval_int(const eval_call *c, const char *name, int64_t otherwise)
{
	const onnx_setting *s = eval_setting(c, name);

	return s ? s->i : otherwise;
}

double eval_float(const eval_call *c, const char *name, double otherwise)
{
	const onnx_setting *s = eval_setting(c, name);

	return s ? s->f : otherwise;
}

int eval_bad(eval_call *c, const char *what)
{
	return error_set(c->e, E_RUNTIME, "%s (%s): %s", *c->step->name ? c->step->name : "a node",
			 c->step->op, what);
}

int eval_make(eval_call *c, dtype type, int rank, const int64_t *shape)
{
	int64_t count = 1;

	if (rank > OXP_MAX_RANK || !dtype_size(type))
		return eval_bad(c, "its result has too many dimensions or an unknown type");
	for (int i = 0; i < rank; i++)
		if (shape[i] < 0 || __builtin_mul_overflow(count, shape[i], &count))
			return eval_bad(c, "its result has a length that is out of range");
	if (array_make(c->out, type, rank, shape))
		return error_memory(c->e);
	return 0;
}

/* The i-th operand, or one that fails. */
static const array *operand(eval_call *c, int i, dtype type)
{
	const array *x = i < c->inputs ? c->in[i] : NULL;

	if (!x || !x->data || (type != OXP_BAD && x->type != type)) {
		eval_bad(c, "an operand is missing or of another type");
		return NULL;
	}
	return x;
}

static double number(const array *a, int64_t i)
{
	switch (a->type) {
	case OXP_F32:
		return (double)((const float *)a->data)[i];
	case OXP_I64:
		return (double)((const int64_t *)a->data)[i];
	case OXP_F64:
		return ((const double *)a->data)[i];
	case OXP_F16:
		return (double)half_to_float(((const uint16_t *)a->data)[i]);
	case OXP_BF16:
		return (double)bfloat_to_float(((const uint16_t *)a->data)[i]);
	default:
		return ((const uint8_t *)a->data)[i];
	}
}

static void put(array *a, int64_t i, double x)
{
	if (a->type == OXP_F32)
		((float *)a->data)[i] = (float)x;
	else if (a->type == OXP_I64)
		((int64_t *)a->data)[i] = (int64_t)x;
	else
		((uint8_t *)a->data)[i] = x != 0;
}

/* The numbers of an int64 tensor of one axis or none; -1 where it is not one. */
static int list_of(eval_call *c, int i, int64_t *out, int most)
{
	const array *x = operand(c, i, OXP_I64);
	int64_t n = x ? array_count(x) : -1;

	if (n < 0 || n > most || x->rank > 1) {
		eval_bad(c, "a list of numbers is not one");
		return -1;
	}
	memcpy(out, x->data, sizeof *out * (size_t)n);
	return (int)n;
}

static int axis_of(eval_call *c, int64_t axis, int rank, int *to)
{
	*to = (int)(axis < 0 ? axis + rank : axis);
	return *to < 0 || *to >= rank ? eval_bad(c, "it has no such axis") : 0;
}

/* ---- Element by element ---- */

/* The shape that all operands broadcast to. */
static int broadcast_shape(eval_call *c, int n, int64_t *shape, int *rank)
{
	*rank = 0;
	for (int i = 0; i < n; i++)
		if (c->in[i]->rank > *rank)
			*rank = c->in[i]->rank;
	for (int d = 0; d < *rank; d++) {
		shape[d] = 1;
		for (int i = 0; i < n; i++) {
			int k = d - (*rank - c->in[i]->rank);
			int64_t m = k < 0 ? 1 : c->in[i]->shape[k];

			if (m != 1 && shape[d] != 1 && shape[d] != m)
				return eval_bad(c, "its operands do not broadcast");
			shape[d] = m != 1 ? m : shape[d];
		}
	}
	return 0;
}

/* Where each operand's element lies for a running index of the result. */
typedef struct cursor {
	int rank, n;
	int64_t shape[OXP_MAX_RANK], index[OXP_MAX_RANK];
	int64_t step[3][OXP_MAX_RANK], at[3];
} cursor;

static cursor start(const array *out, const array *const *in, int n)
{
	cursor w = { .rank = out->rank, .n = n };

	memcpy(w.shape, out->shape, sizeof w.shape);
	for (int i = 0; i < n; i++) {
		int64_t step = 1;

		for (int d = in[i]->rank; d-- > 0;) {
			if (in[i]->shape[d] != 1)
				w.step[i][d + out->rank - in[i]->rank] = step;
			step *= in[i]->shape[d];
		}
	}
	return w;
}

static void advance(cursor *w)
{
	for (int d = w->rank; d-- > 0;) {
		for (int i = 0; i < w->n; i++)
			w->at[i] += w->step[i][d];
		if (++w->index[d] < w->shape[d])
			return;
		for (int i = 0; i < w->n; i++)
			w->at[i] -= w->step[i][d] * w->shape[d];
		w->index[d] = 0;
	}
}

static int binary(eval_call *c, dtype type, double (*f)(double a, double b))
{
	const array *a = operand(c, 0, OXP_BAD), *b = operand(c, 1, a ? a->type : OXP_BAD);
	int64_t shape[OXP_MAX_RANK], n;
	int rank;
	cursor w;

	if (!a || !b || broadcast_shape(c, 2, shape, &rank) ||
	    eval_make(c, type ? type : a->type, rank, shape))
		return c->e->code;
	w = start(c->out, c->in, 2);
	n = array_count(c->out);
	for (int64_t i = 0; i < n; i++, advance(&w))
		put(c->out, i, f(number(a, w.at[0]), number(b, w.at[1])));
	return 0;
}

#define BINARY(name, type, expression)                                                             \
	static double f_##name(double a, double b)                                                 \
	{                                                                                          \
		return expression;                                                                 \
	}                                                                                          \
	static int op_##name(eval_call *c)                                                         \
	{                                                                                          \
		return binary(c, type, f_##name);                                                  \
	}

BINARY(Add, OXP_BAD, a + b)
BINARY(Sub, OXP_BAD, a - b)
BINARY(Mul, OXP_BAD, a * b)
BINARY(Pow, OXP_BAD, pow(a, b))
BINARY(PRelu, OXP_BAD, a < 0 ? a * b : a)
BINARY(Equal, OXP_BOOL, a == b)
BINARY(Less, OXP_BOOL, a < b)
BINARY(Greater, OXP_BOOL, a > b)
BINARY(LessOrEqual, OXP_BOOL, a <= b)
BINARY(And, OXP_BOOL, a != 0 && b != 0)
BINARY(DivReal, OXP_BAD, a / b)
BINARY(DivWhole, OXP_BAD, b != 0 ? trunc(a / b) : 0)

static int op_Div(eval_call *c)
{
	return c->inputs && c->in[0] && c->in[0]->type == OXP_I64 ? op_DivWhole(c) : op_DivReal(c);
}

static int unary(eval_call *c, dtype type, double (*f)(const eval_call *c, double a))
{
	const array *a = operand(c, 0, OXP_BAD);
	int64_t n = a ? array_count(a) : 0;

	if (!a || eval_make(c, type ? type : a->type, a->rank, a->shape))
		return c->e->code;
	for (int64_t i = 0; i < n; i++)
		put(c->out, i, f(c, number(a, i)));
	return 0;
}

#define UNARY(name, expression)                                                                    \
	static double g_##name(const eval_call *c, double a)                                       \
	{                                                                                          \
		(void)c;                                                                           \
		return expression;                                                                 \
	}                                                                                          \
	static int op_##name(eval_call *c)                                                         \
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

static int op_Gelu(eval_call *c)
{
	const onnx_setting *s = eval_setting(c, "approximate");

	return unary(c, OXP_BAD, s && s->s && strcmp(s->s, "tanh") == 0 ? g_tanh_gelu : g_erf_gelu);
}

static double g_same(const eval_call *c, double a)
{
	(void)c;
	return a;
}

static int op_Cast(eval_call *c)
{
	return unary(c, (dtype)eval_int(c, "to", OXP_F32), g_same);
}

static double g_clip(const eval_call *c, double a)
{
	double low = c->in[1] ? number(c->in[1], 0) : -INFINITY, high = c->in[2] ? number(c->in[2], 0) : INFINITY;

	return a < low ? low : a > high ? high : a;
}

static int op_Clip(eval_call *c)
{
	return operand(c, 1, OXP_F32) && operand(c, 2, OXP_F32) ? unary(c, OXP_BAD, g_clip)
								: c->e->code;
}

static int op_Where(eval_call *c)
{
	const array *pick = operand(c, 0, OXP_BOOL), *a = operand(c, 1, OXP_BAD);
	const array *b = operand(c, 2, a ? a->type : OXP_BAD);
	int64_t shape[OXP_MAX_RANK], n;
	int rank;
	cursor w;

	if (!pick || !a || !b || broadcast_shape(c, 3, shape, &rank) ||
	    eval_make(c, a->type, rank, shape))
		return c->e->code;
	w = start(c->out, c->in, 3);
	n = array_count(c->out);
	for (int64_t i = 0; i < n; i++, advance(&w))
		put(c->out, i, number(pick, w.at[0]) != 0 ? number(a, w.at[1]) : number(b, w.at[2]));
	return 0;
}

/* ---- Products ---- */

static void turn(const float *from, int64_t rows, int64_t columns, float *to)
{
	for (int64_t r = 0; r < rows; r++)
		for (int64_t k = 0; k < columns; k++)
			to[k * rows + r] = from[r * columns + k];
}

static int op_Gemm(eval_call *c)
{
	const array *a = operand(c, 0, OXP_F32), *b = operand(c, 1, OXP_F32);
	const array *bias = c->inputs > 2 ? operand(c, 2, OXP_F32) : NULL;
	int turned = (int)eval_int(c, "transB", 0);
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
	if (broadcast_shape(&leads, 2, shape, rank))
		return c->e->code;
	lead[0] = (array){ .rank = *rank };
	memcpy(lead[0].shape, shape, sizeof lead[0].shape);
	shape[(*rank)++] = a->shape[a->rank - 2];
	shape[(*rank)++] = b->shape[b->rank - 1];
	return 0;
}

static int op_MatMul(eval_call *c)
{
	const array *a = operand(c, 0, OXP_F32), *b = operand(c, 1, OXP_F32);
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
	w = start(&lead[0], leads, 2);
	batches = array_count(&lead[0]);
	for (int64_t i = 0; i < batches; i++, advance(&w)) {
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

/* Elements before, along and after an axis. */
typedef struct extent {
	int64_t before, n, after;
} extent;

static extent along(const array *a, int axis)
{
	return (extent){ shape_count(a->shape, axis), a->shape[axis],
			 shape_count(a->shape + axis + 1, a->rank - axis - 1) };
}

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

static int op_Softmax(eval_call *c)
{
	const array *x = operand(c, 0, OXP_F32);
	extent s;
	int axis;

	if (!x || axis_of(c, eval_int(c, "axis", -1), x->rank, &axis) ||
	    eval_make(c, OXP_F32, x->rank, x->shape))
		return c->e->code;
	s = along(x, axis);
	for (int64_t i = 0; i < s.before * s.after; i++) {
		int64_t first = i / s.after * s.n * s.after + i % s.after;

		softmax((const float *)x->data + first, (float *)c->out->data + first, s.n, s.after);
	}
	return 0;
}

/* Axes come as a setting or, later, as an operand. */
static int reduce_axis(eval_call *c, const array *x, int *axis)
{
	const onnx_setting *s = eval_setting(c, "axes");
	int64_t list[OXP_MAX_RANK];
	int n = s ? s->count : list_of(c, 1, list, OXP_MAX_RANK);

	if (n != 1)
		return c->e->code ? c->e->code : eval_bad(c, "it reduces other than one axis");
	return axis_of(c, s ? s->ints[0] : list[0], x->rank, axis);
}

static int reduce(eval_call *c, int axis, dtype type,
		  double (*result)(double sum, double most, int64_t where, int64_t n))
{
	const array *x = c->in[0];
	int64_t shape[OXP_MAX_RANK];
	int rank = 0, keep = (int)eval_int(c, "keepdims", 1);
	extent s = along(x, axis);

	for (int i = 0; i < x->rank; i++)
		if (i != axis || keep)
			shape[rank++] = i == axis ? 1 : x->shape[i];
	if (eval_make(c, type, rank, shape))
		return c->e->code;
	for (int64_t i = 0; i < s.before * s.after; i++) {
		int64_t first = i / s.after * s.n * s.after + i % s.after, where = 0;
		double sum = 0, most = -INFINITY;

		for (int64_t k = 0; k < s.n; k++) {
			double a = number(x, first + k * s.after);

			sum += a;
			where = a > most ? k : where;
			most = a > most ? a : most;
		}
		put(c->out, i, result(sum, most, where, s.n));
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
	static int op_##name(eval_call *c)                                                         \
	{                                                                                          \
		const array *x = operand(c, 0, OXP_BAD);                                           \
		int axis;                                                                          \
                                                                                                   \
		if (!x || reduce_axis(c, x, &axis))                                                \
			return c->e->code;                                                         \
		return reduce(c, axis, x->type, r_##name);                                         \
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

static int op_ArgMax(eval_call *c)
{
	const array *x = operand(c, 0, OXP_F32);
	int axis;

	if (!x || axis_of(c, eval_int(c, "axis", 0), x->rank, &axis))
		return c->e->code;
	return reduce(c, axis, OXP_I64, r_where);
}

static int op_CumSum(eval_call *c)
{
	const array *x = operand(c, 0, OXP_I64);
	int64_t wanted;
	extent s;
	int axis;

	if (!x || list_of(c, 1, &wanted, 1) != 1 || axis_of(c, wanted, x->rank, &axis) ||
	    eval_make(c, OXP_I64, x->rank, x->shape))
		return c->e->code;
	s = along(x, axis);
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
	const array *x = operand(c, 0, OXP_F32), *weight = operand(c, 1, OXP_F32);
	const array *bias = centred ? operand(c, 2, OXP_F32) : NULL;
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
			mean += number(x, r * n + i) / (double)n;
		for (int64_t i = 0; i < n; i++)
			square += pow(number(x, r * n + i) - mean, 2) / (double)n;
		for (int64_t i = 0; i < n; i++)
			put(c->out, r * n + i,
			    (number(x, r * n + i) - mean) / sqrt(square + eps) * number(weight, i) +
				    (bias ? number(bias, i) : 0));
	}
	return 0;
}

static int op_LayerNormalization(eval_call *c)
{
	return norm(c, 1);
}

static int op_RMSNormalization(eval_call *c)
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
			sum += number(c->in[3], mask->at[0] + i * mask->step[0][3]);
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

static int op_Attention(eval_call *c)
{
	const array *q = operand(c, 0, OXP_F32), *k = operand(c, 1, OXP_F32);
	const array *v = operand(c, 2, OXP_F32), *mask = c->inputs > 3 ? operand(c, 3, OXP_F32) : NULL;
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
	memcpy(shape, (int64_t[]){ q->shape[0], q->shape[1], q->shape[2], v->shape[3] }, sizeof shape);
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
			w = start(&grid, (const array *[]){ mask }, 1);
		w.rank = 3; /* from query to query; keys are walked within */
		for (int64_t r = 0; r < rows; r++) {
			int64_t head = r / shape[2];

			attend(c, (const float *)q->data + r * q->shape[3],
			       (const float *)k->data + head * k->shape[2] * k->shape[3],
			       (const float *)v->data + head * v->shape[2] * v->shape[3],
			       mask ? &w : NULL, scores, (float *)c->out->data + r * shape[3]);
			advance(&w);
		}
	}
	free(scores);
	return c->e->code;
}

/* ---- Moving elements ---- */

static const uint8_t *bytes(const array *a)
{
	return a->data;
}

static int op_Gather(eval_call *c)
{
	const array *x = operand(c, 0, OXP_BAD), *ids = operand(c, 1, OXP_I64);
	int64_t shape[2 * OXP_MAX_RANK], count;
	size_t size;
	int axis, rank = 0;
	extent s;

	if (!x || !ids || axis_of(c, eval_int(c, "axis", 0), x->rank, &axis))
		return c->e->code;
	for (int i = 0; i < axis; i++)
		shape[rank++] = x->shape[i];
	for (int i = 0; i < ids->rank; i++)
		shape[rank++] = ids->shape[i];
	for (int i = axis + 1; i < x->rank; i++)
		shape[rank++] = x->shape[i];
	if (eval_make(c, x->type, rank, shape))
		return c->e->code;
	s = along(x, axis);
	count = array_count(ids);
	size = dtype_size(x->type) * (size_t)s.after;
	for (int64_t i = 0; i < s.before * count; i++) {
		int64_t id = ((const int64_t *)ids->data)[i % count];

		id += id < 0 ? s.n : 0;
		if (id < 0 || id >= s.n)
			return eval_bad(c, "an index is outside of the axis");
		memcpy((uint8_t *)c->out->data + (size_t)i * size,
		       bytes(x) + (size_t)(i / count * s.n + id) * size, size);
	}
	return 0;
}

static int op_Concat(eval_call *c)
{
	const array *first = operand(c, 0, OXP_BAD);
	int64_t shape[OXP_MAX_RANK];
	uint8_t *to;
	int axis;

	if (!first || axis_of(c, eval_int(c, "axis", 0), first->rank, &axis))
		return c->e->code;
	memcpy(shape, first->shape, sizeof shape);
	for (int i = 1; i < c->inputs; i++) {
		const array *x = operand(c, i, first->type);

		if (!x)
			return c->e->code;
		for (int d = 0; d < first->rank; d++)
			if (x->rank != first->rank || (d != axis && x->shape[d] != shape[d]))
				return eval_bad(c, "its operands do not fit");
		shape[axis] += x->shape[axis];
	}
	if (eval_make(c, first->type, first->rank, shape))
		return c->e->code;
	to = c->out->data;
	for (int64_t b = 0, before = along(first, axis).before; b < before; b++) {
		for (int i = 0; i < c->inputs; i++) {
			extent s = along(c->in[i], axis);
			size_t size = dtype_size(first->type) * (size_t)(s.n * s.after);

			memcpy(to, bytes(c->in[i]) + (size_t)b * size, size);
			to += size;
		}
	}
	return 0;
}

static int copied(eval_call *c, const array *x, int rank, const int64_t *shape)
{
	if (shape_count(shape, rank) != array_count(x))
		return eval_bad(c, "the new shape holds another number of elements");
	if (eval_make(c, x->type, rank, shape))
		return c->e->code;
	memcpy(c->out->data, x->data, (size_t)array_count(x) * dtype_size(x->type));
	return 0;
}

/* 0 copies a length, -1 is what is left. */
static int op_Reshape(eval_call *c)
{
	const array *x = operand(c, 0, OXP_BAD);
	int64_t shape[OXP_MAX_RANK], rest = 1;
	int n = x ? list_of(c, 1, shape, OXP_MAX_RANK) : -1, inferred = -1;

	if (n < 0)
		return c->e->code;
	for (int i = 0; i < n; i++) {
		if (shape[i] == 0 && i < x->rank)
			shape[i] = x->shape[i];
		if (shape[i] == -1)
			inferred = i;
		else if (shape[i] < 0 || __builtin_mul_overflow(rest, shape[i], &rest))
			return eval_bad(c, "a length is out of range");
	}
	if (inferred >= 0)
		shape[inferred] = rest ? array_count(x) / rest : 0;
	return copied(c, x, n, shape);
}

static int op_Unsqueeze(eval_call *c)
{
	const array *x = operand(c, 0, OXP_BAD);
	const onnx_setting *s = eval_setting(c, "axes");
	int64_t shape[OXP_MAX_RANK + 1], axis = s && s->count == 1 ? s->ints[0] : 0;
	int at_axis;

	if (!x || (!s && list_of(c, 1, &axis, 1) != 1) ||
	    axis_of(c, axis, x->rank + 1, &at_axis))
		return c->e->code;
	for (int i = 0; i <= x->rank; i++)
		shape[i] = i < at_axis ? x->shape[i] : i == at_axis ? 1 : x->shape[i - 1];
	return copied(c, x, x->rank + 1, shape);
}

/* Copies x so that axis i of the result walks it by step[i], from `first` on. */
static void walk_copy(const array *x, array *out, const int64_t *step, int64_t first)
{
	size_t size = dtype_size(x->type);
	cursor w = { .rank = out->rank, .n = 1, .at = { first } };

	memcpy(w.shape, out->shape, sizeof w.shape);
	memcpy(w.step[0], step, sizeof *step * (size_t)out->rank);
	for (int64_t i = 0, n = array_count(out); i < n; i++, advance(&w))
		memcpy((uint8_t *)out->data + (size_t)i * size, bytes(x) + (size_t)w.at[0] * size,
		       size);
}

static void steps_of(const array *x, int64_t *step)
{
	int64_t n = 1;

	for (int d = x->rank; d-- > 0; n *= x->shape[d])
		step[d] = n;
}

static int op_Transpose(eval_call *c)
{
	const array *x = operand(c, 0, OXP_BAD);
	const onnx_setting *perm = eval_setting(c, "perm");
	int64_t shape[OXP_MAX_RANK], own[OXP_MAX_RANK], step[OXP_MAX_RANK];
	unsigned seen = 0;

	if (!x)
		return c->e->code;
	if (!perm || perm->count != x->rank)
		return eval_bad(c, "its permutation does not fit");
	steps_of(x, own);
	for (int i = 0; i < x->rank; i++) {
		int64_t p = perm->ints[i];

		if (p < 0 || p >= x->rank || seen >> p & 1)
			return eval_bad(c, "its permutation is none");
		seen |= 1u << p;
		shape[i] = x->shape[p];
		step[i] = own[p];
	}
	if (eval_make(c, x->type, x->rank, shape))
		return c->e->code;
	walk_copy(x, c->out, step, 0);
	return 0;
}

static int op_Slice(eval_call *c)
{
	const array *x = operand(c, 0, OXP_BAD);
	int64_t from, to, wanted, shape[OXP_MAX_RANK], step[OXP_MAX_RANK];
	int axis;

	if (!x || list_of(c, 1, &from, 1) != 1 || list_of(c, 2, &to, 1) != 1 ||
	    list_of(c, 3, &wanted, 1) != 1 || axis_of(c, wanted, x->rank, &axis))
		return c->e->code;
	memcpy(shape, x->shape, sizeof shape);
	from = from < 0 ? 0 : from > shape[axis] ? shape[axis] : from;
	to = to > shape[axis] ? shape[axis] : to < from ? from : to;
	shape[axis] = to - from;
	steps_of(x, step);
	if (eval_make(c, x->type, x->rank, shape))
		return c->e->code;
	walk_copy(x, c->out, step, from * step[axis]);
	return 0;
}

static int op_Pad(eval_call *c)
{
	const array *x = operand(c, 0, OXP_F32);
	int64_t pads[2 * OXP_MAX_RANK], shape[OXP_MAX_RANK], step[OXP_MAX_RANK], first = 0;
	int n = x ? list_of(c, 1, pads, 2 * OXP_MAX_RANK) : -1;
	cursor w = { .n = 1 };

	if (n < 0 || n != 2 * x->rank)
		return c->e->code ? c->e->code : eval_bad(c, "its pads do not fit");
	for (int i = 0; i < x->rank; i++) {
		if (pads[i] < 0 || pads[x->rank + i] < 0)
			return eval_bad(c, "a pad is below 0");
		shape[i] = pads[i] + x->shape[i] + pads[x->rank + i];
	}
	if (eval_make(c, OXP_F32, x->rank, shape))
		return c->e->code;
	memset(c->out->data, 0, (size_t)array_count(c->out) * sizeof(float));
	steps_of(c->out, step);
	for (int i = 0; i < x->rank; i++)
		first += pads[i] * step[i];
	w.rank = x->rank;
	w.at[0] = first;
	memcpy(w.shape, x->shape, sizeof w.shape);
	memcpy(w.step[0], step, sizeof *step * (size_t)x->rank);
	for (int64_t i = 0, count = array_count(x); i < count; i++, advance(&w))
		((float *)c->out->data)[w.at[0]] = ((const float *)x->data)[i];
	return 0;
}

static int op_Expand(eval_call *c)
{
	const array *x = operand(c, 0, OXP_BAD);
	int64_t wanted[OXP_MAX_RANK], shape[OXP_MAX_RANK], n;
	array target = { .rank = x ? list_of(c, 1, wanted, OXP_MAX_RANK) : -1 };
	eval_call both = *c;
	size_t size;
	int rank;
	cursor w;

	if (target.rank < 0)
		return c->e->code;
	memcpy(target.shape, wanted, sizeof wanted[0] * (size_t)target.rank);
	both.in[1] = &target;
	if (broadcast_shape(&both, 2, shape, &rank) || eval_make(c, x->type, rank, shape))
		return c->e->code;
	w = start(c->out, &x, 1);
	n = array_count(c->out);
	size = dtype_size(x->type);
	for (int64_t i = 0; i < n; i++, advance(&w))
		memcpy((uint8_t *)c->out->data + (size_t)i * size, bytes(x) + (size_t)w.at[0] * size,
		       size);
	return 0;
}

/* ---- Numbers ---- */

static int op_Shape(eval_call *c)
{
	const array *x = operand(c, 0, OXP_BAD);

	if (!x || eval_make(c, OXP_I64, 1, &(int64_t){ x->rank }))
		return c->e->code;
	memcpy(c->out->data, x->shape, sizeof x->shape[0] * (size_t)x->rank);
	return 0;
}

static int op_Range(eval_call *c)
{
	int64_t x[3];

	for (int i = 0; i < 3; i++)
		if (list_of(c, i, &x[i], 1) != 1)
			return c->e->code ? c->e->code : eval_bad(c, "a bound is no number");
	if (x[0] != 0 || x[2] != 1)
		return eval_bad(c, "it counts other than from 0 by 1");
	if (eval_make(c, OXP_I64, 1, &x[1]))
		return c->e->code;
	for (int64_t i = 0; i < x[1]; i++)
		((int64_t *)c->out->data)[i] = i;
	return 0;
}

static int op_Constant(eval_call *c)
{
	const onnx_setting *s = c->step->settings == 1 ? &c->step->setting[0] : NULL;

	if (!s)
		return eval_bad(c, "it has other than one value");
	if (strcmp(s->name, "value_float") == 0) {
		if (eval_make(c, OXP_F32, 0, NULL) == 0)
			*(float *)c->out->data = (float)s->f;
	} else if (strcmp(s->name, "value_ints") == 0) {
		if (eval_make(c, OXP_I64, 1, &(int64_t){ s->count }) == 0)
			memcpy(c->out->data, s->ints, sizeof s->ints[0] * (size_t)s->count);
	} else if (s->tensor) {
		if (eval_make(c, s->tensor->type, s->tensor->rank, s->tensor->shape) == 0)
			memcpy(c->out->data, s->tensor->data, (size_t)s->tensor->size);
	} else {
		return eval_bad(c, "its value is of an unknown kind");
	}
	return c->e->code;
}

/* ---- The table ---- */

eval_kernel *eval_find(const char *op)
{
	static const struct {
		const char *op;
		eval_kernel *kernel;
	} table[] = {
#define OP(name) { #name, op_##name }
		OP(Add),       OP(And),       OP(ArgMax),    OP(Attention),
		OP(Cast),      OP(Clip),      OP(Concat),    OP(Constant),
		OP(Cos),       OP(CumSum),    OP(Div),       OP(Equal),
		OP(Erf),       OP(Exp),       OP(Expand),    OP(Gather),
		OP(Gelu),      OP(Gemm),      OP(Greater),   OP(Identity),
		OP(LayerNormalization),       OP(LeakyRelu), OP(Less),
		OP(LessOrEqual),              OP(MatMul),    OP(Mul),
		OP(Not),       OP(PRelu),     OP(Pad),       OP(Pow),
		OP(RMSNormalization),         OP(Range),     OP(ReduceMax),
		OP(ReduceMean),               OP(ReduceSum), OP(Relu),
		OP(Reshape),   OP(Shape),     OP(Sigmoid),   OP(Sin),
		OP(Slice),     OP(Softmax),   OP(Softplus),  OP(Sqrt),
		OP(Sub),       OP(Tanh),      OP(Transpose), OP(Unsqueeze),
		OP(Where),
#undef OP
		{ "Conv", eval_conv },
		{ "MaxPool", eval_max_pool },
		{ "BatchNormalization", eval_batch_norm },
		{ "Resize", eval_resize },
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].op, op) == 0)
			return table[i].kernel;
	return NULL;
}
