/* exec/ and check/: the product against a plain one, with and without BLAS; comparing; input sets.
 */
#include "unit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check/check.h"
#include "exec/kernels.h"
#include "onnx/proto.h"

static double plain(const product *p, int64_t i, int64_t j)
{
	double sum = p->bias ? (double)p->bias[j] : 0;

	for (int64_t x = 0; x < p->k; x++)
		sum += (double)p->a[i * p->lda + x] * (double)p->b[j * p->ldb + x];
	return sum;
}

static void check_product(int64_t m, int64_t n, int64_t k, int threads)
{
	float *a = malloc(sizeof *a * (size_t)(m * k + 1)),
	      *b = malloc(sizeof *b * (size_t)(n * k + 1));
	float *c = malloc(sizeof *c * (size_t)(m * n + 1)),
	      *bias = malloc(sizeof *bias * (size_t)n);
	product p = { m, n, k, a, b, bias, c, k, k, n };

	for (int64_t i = 0; i < m * k; i++)
		a[i] = sinf((float)i);
	for (int64_t i = 0; i < n * k; i++)
		b[i] = cosf((float)(3 * i));
	for (int64_t i = 0; i < n; i++)
		bias[i] = (float)i;
	c[m * n] = 42;
	multiply(&p, threads);
	for (int64_t i = 0; i < m; i++)
		for (int64_t j = 0; j < n; j++)
			assert_true(fabs((double)c[i * n + j] - plain(&p, i, j)) <
				    1e-4 * (1 + fabs(plain(&p, i, j))));
	assert_true(c[m * n] == 42);
	free(a);
	free(b);
	free(c);
	free(bias);
}

static void products_are_right(void **state)
{
	static const int64_t sizes[][3] = { { 1, 1, 1 },      { 4, 4, 8 }, { 5, 67, 13 },
					    { 33, 129, 300 }, { 7, 3, 0 }, { 1, 200, 515 } };

	(void)state;
	for (int blas = 0; blas < 2; blas++) {
		multiply_use_blas(blas);
		for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
			for (int threads = 1; threads < 4; threads++)
				check_product(sizes[i][0], sizes[i][1], sizes[i][2], threads);
	}
}

static array floats(float *x, int64_t n)
{
	return (array){ .type = OXP_F32, .rank = 1, .shape = { n }, .data = x };
}

static void comparing_is_allclose(void **state)
{
	float a[] = { 1, 100, INFINITY, 0 }, b[] = { 1, 100.0009f, INFINITY, 0 };
	array x = floats(a, 4), y = floats(b, 4);

	(void)state;
	assert_int_equal(compare(&x, &y, 1e-5, 1e-5).worst, -1);
	assert_int_equal(compare(&x, &y, 0, 1e-5).worst, 1);
	b[3] = NAN;
	assert_int_equal(compare(&x, &y, 1e-5, 1e-5).worst, 3);
	b[3] = 0;
	b[2] = 5;
	assert_int_equal(compare(&x, &y, 1e-5, 1e-5).worst, 2);
}

static void input_sets_ask_enough(void **state)
{
	error e = { 0 };
	graph *g = graph_new(NULL, NULL, &e);
	int right = 0, left = 0, ones = 0;
	text_inputs in = nn_text_inputs(
		(scope){ g, "" },
		&(text_spec){ .names = "input_ids attention_mask", .vocab = 50, .longest = 12 });

	(void)state;
	op_output((scope){ g, "" }, "y", op_add(in.ids, in.mask));
	assert_int_equal(graph_finish(g, &e), 0);
	for (int set = 0; set < INPUT_SETS; set++) {
		array a[2], again[2];
		const int64_t *ids, *mask;
		int64_t n, different = 0;

		assert_int_equal(inputs_make(g, set, a, &e), 0);
		assert_int_equal(inputs_make(g, set, again, &e), 0);
		ids = a[0].data;
		mask = a[1].data;
		n = a[0].shape[1];
		assert_true(n <= 12);
		assert_memory_equal(ids, again[0].data, sizeof *ids * (size_t)array_count(&a[0]));
		for (int64_t i = 0; i < array_count(&a[0]); i++) {
			assert_in_range(ids[i], 0, 49);
			different |= ids[i] != ids[0];
		}
		assert_true(different || array_count(&a[0]) == 1);
		for (int64_t r = 0; r < a[1].shape[0]; r++) {
			right |= !mask[r * n + n - 1];
			left |= !mask[r * n];
		}
		ones |= array_count(&a[0]) == 1;
		arrays_free(a, 2);
		arrays_free(again, 2);
	}
	assert_true(right && left && ones);
	graph_free(g);
}

static void varints_are_64_bits(void **state)
{
	static const unsigned char want[] = { 0x3a, 0xfa, 0x80, 0x80, 0x80, 0x14 };
	text t = { 0 };

	(void)state;
	pb_open(&t, 7, 5368709242u); /* a graph over 4 GiB: 32-bit lengths would be cut */
	assert_int_equal(t.len, sizeof want);
	assert_memory_equal(t.s, want, sizeof want);
	assert_int_equal(pb_open_size(7, 5368709242u), sizeof want);
	text_free(&t);
}

static void half_precision_is_exact(void **state)
{
	(void)state;
	assert_true(half_to_float(0x3c00) == 1);
	assert_true(half_to_float(0xc500) == -5);
	assert_true(half_to_float(0x0001) == 0x1p-24f);
	assert_true(half_to_float(0x8001) == -0x1p-24f);
	assert_true(half_to_float(0x7bff) == 65504);
	assert_true(isinf(half_to_float(0x7c00)) && isnan(half_to_float(0x7e00)));
	assert_true(bfloat_to_float(0x3f80) == 1 && bfloat_to_float(0xc0a0) == -5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_are_right),      cmocka_unit_test(comparing_is_allclose),
		cmocka_unit_test(input_sets_ask_enough),   cmocka_unit_test(varints_are_64_bits),
		cmocka_unit_test(half_precision_is_exact),
	};

	return cmocka_run_group_tests_name("exec", tests, NULL, NULL);
}
