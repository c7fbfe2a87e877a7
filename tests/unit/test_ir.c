/* ir/, nn/ and passes/: dimensions, inference and its refusals, order, simplification. */
#include "unit.h"

#include <math.h>
#include <string.h>

#include "ir/ir.h"
#include "passes/passes.h"

static error e;
static graph *g;
static const arch row = { .types = "bert", .prefix = "bert" };

static int setup(void **state)
{
	(void)state;
	e = (error){ 0 };
	g = graph_new(NULL, &row, &e);
	return g ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	graph_free(g);
	return 0;
}

static value *input(const char *name, dtype type, int rank, const dim *const *dims)
{
	input_spec spec = { .name = name, .type = type, .rank = rank };

	memcpy(spec.dim, dims, (size_t)rank * sizeof *dims);
	return op_input((scope){ g, "" }, &spec);
}

static value *hidden(void)
{
	return input(
		"x", F32, 3,
		(const dim *[]){ dim_axis(g, "batch"), dim_axis(g, "sequence"), dim_const(g, 6) });
}

static int64_t lengths(void *context, const char *axis)
{
	(void)context;
	return strcmp(axis, "a") == 0 ? 3 : 5;
}

static void dims_are_canonical(void **state)
{
	const dim *a = dim_axis(g, "a"), *b = dim_axis(g, "b"), *two = dim_const(g, 2);
	const dim *sum = dim_add(g, a, b), *product;

	(void)state;
	assert_ptr_equal(sum, dim_add(g, b, a));
	assert_ptr_equal(dim_axis(g, "a"), a);
	assert_ptr_equal(dim_add(g, a, a), dim_mul(g, two, a));
	assert_string_equal(dim_add(g, sum, two)->text, "a + b + 2");
	product = dim_mul(g, sum, sum);
	assert_int_equal(dim_value(product, lengths, NULL), 64);
	assert_int_equal(dim_number(a), -1);
	assert_int_equal(dim_number(dim_mul(g, two, dim_const(g, 21))), 42);
	assert_int_equal(dim_number(dim_mul(g, dim_const(g, 0), a)), 0);
	assert_ptr_equal(dim_add(g, dim_mul(g, dim_const(g, -1), a), sum), b);
	assert_int_equal(e.code, 0);
	for (int i = 0; i < 8; i++)
		product = dim_mul(g, product, sum);
	assert_int_equal(e.code, E_INTERNAL);
}

static void shapes_are_inferred(void **state)
{
	value *x = hidden(), *y;

	(void)state;
	y = nn_split_heads(x, 3);
	assert_int_equal(rank_of(y), 4);
	assert_int_equal(dim_number(dim_of(y, 3)), 2);
	assert_ptr_equal(dim_of(y, 2), dim_of(x, 1));
	y = op_matmul(y, op_transpose(y, (int[]){ 0, 1, 3, 2 }));
	assert_ptr_equal(dim_of(y, -1), dim_of(x, 1));
	y = op_add(op_select(x, 1, 0), op_num(g, 1));
	assert_int_equal(rank_of(y), 2);
	y = op_concat(x, x, 1);
	assert_string_equal(dim_of(y, 1)->text, "2*sequence");
	assert_int_equal(e.code, 0);
}

#define REFUSED(expression, word)                                                                  \
	do {                                                                                       \
		teardown(NULL);                                                                    \
		setup(NULL);                                                                       \
		assert_true(is_poison(expression));                                                \
		assert_non_null(strstr(e.text, word));                                             \
		assert_true(is_poison(op_relu(hidden()))); /* the error sticks */                  \
	} while (0)

static void misfits_are_refused(void **state)
{
	(void)state;
	REFUSED(op_add(hidden(), op_int(g, 1)), "types differ");
	REFUSED(op_matmul(hidden(), hidden()), "expected [..., m, k] and [..., k, n]");
	REFUSED(op_reshape(hidden(), 1, (const dim *[]){ dim_const(g, 6) }), "different numbers");
	REFUSED(op_transpose(hidden(), (int[]){ 0, 0, 1 }), "permutation");
	REFUSED(op_select(hidden(), 3, 0), "no such axis");
	REFUSED(op_select(hidden(), -4, 0), "no such axis");
	REFUSED(op_embedding(hidden(), hidden()), "expected table");
	REFUSED(op_layer_norm(hidden(), hidden(), hidden(), 1), "as long as the last axis");
	REFUSED(op_where(hidden(), hidden(), hidden()), "condition");
	REFUSED(op_and(hidden(), hidden()), "truth values");
	REFUSED(op_concat(op_select(hidden(), 1, 0), hidden(), 0), "ranks differ");
	REFUSED(nn_split_heads(hidden(), 4), "4 heads do not divide a width of 6");
	REFUSED(nn_split_heads(hidden(), 0), "0 heads");
	REFUSED(op_linear(hidden(), PARAM(((scope){ g, "" }), "w", 3, 5), NULL),
		"expected x [..., in]");
	REFUSED(op_relu(op_int(g, 1)), "floating point");
}

static void parameters_are_named_where_they_are_used(void **state)
{
	scope s = at((scope){ g, "" }, "encoder.layer.%d", 3);
	value *x = nn_linear(s, "dense", hidden(), 4), *y = nn_linear(s, "dense", hidden(), 4);

	(void)state;
	assert_string_equal(x->in[1]->param->path, "encoder.layer.3.dense.weight");
	assert_ptr_equal(x->in[1], y->in[1]);
	assert_string_equal(op_add(x, y)->scope, "encoder.layer.3");
	assert_string_equal(body_of((scope){ g, "" }).path, "bert");
}

/* Evaluation order of C's operands must not show: the text follows from the outputs. */
static void order_follows_from_the_outputs(void **state)
{
	value *x = hidden(), *unused = op_tanh(x), *b = op_relu(x), *a = op_sigmoid(x);
	text t = { 0 };

	(void)state;
	op_output((scope){ g, "" }, "y", op_add(a, b));
	assert_int_equal(graph_finish(g, &e), 0);
	assert_int_equal(unused->id, -1);
	graph_print(g, &t);
	assert_string_equal(t.s, "%0 = input() \"x\" : float32[batch, sequence, 6]\n"
				 "%1 = sigmoid(%0) : float32[batch, sequence, 6]\n"
				 "%2 = relu(%0) : float32[batch, sequence, 6]\n"
				 "%3 = add(%1, %2) : float32[batch, sequence, 6]\n"
				 "output \"y\" = %3\n");
	text_free(&t);
}

static void what_does_nothing_goes(void **state)
{
	value *x = hidden();
	const dim *flat[] = { dim_mul(g, dim_of(x, 0), dim_of(x, 1)), dim_const(g, 6) };
	const dim *back[] = { dim_of(x, 0), dim_of(x, 1), dim_const(g, 6) };
	value *y = op_reshape(op_reshape(x, 2, flat), 3, back);

	(void)state;
	y = op_transpose(op_transpose(y, (int[]){ 1, 2, 0 }), (int[]){ 2, 0, 1 });
	y = op_mul(op_add(op_num(g, 0), op_sub(y, op_sub(op_num(g, 3), op_num(g, 3)))),
		   op_num(g, 1));
	op_output((scope){ g, "" }, "y", op_relu(y));
	assert_int_equal(graph_finish(g, &e), 0);
	assert_int_equal(passes_simplify(g), 0);
	assert_int_equal(g->ordered, 2);
	assert_ptr_equal(g->output[0].x->in[0], x);
}

static void no_output_is_an_error(void **state)
{
	(void)state;
	hidden();
	assert_int_equal(graph_finish(g, &e), E_INTERNAL);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(dims_are_canonical),
		TEST(shapes_are_inferred),
		TEST(misfits_are_refused),
		TEST(parameters_are_named_where_they_are_used),
		TEST(order_follows_from_the_outputs),
		TEST(what_does_nothing_goes),
		TEST(no_output_is_an_error),
	};

	return cmocka_run_group_tests_name("ir", tests, NULL, NULL);
}
