/* The matrix product: an own blocked kernel that exists everywhere, and cblas_sgemm where a library
 * has it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/thread.h"
#include "exec/kernels.h"

typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
		      int lda, const float *b, int ldb, float beta, float *c, int ldc);

static sgemm_fn *sgemm;
static int want_blas = 1;

static void find_blas(void)
{
	static const char *const names[] = { "libblis.so.4", "libopenblas.so.0", "libcblas.so.3",
					     "libblas.so.3" };
	const char *off = getenv("ONNXPORT_BLAS");

	if (off && strcmp(off, "off") == 0)
		return;
	for (size_t i = 0; i < sizeof names / sizeof names[0] && !sgemm; i++) {
		void *lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
		void *f = lib ? dlsym(lib, "cblas_sgemm") : NULL;

		memcpy(&sgemm, &f, sizeof sgemm);
		if (lib && !f)
			dlclose(lib);
	}
}

void multiply_use_blas(int yes)
{
	want_blas = yes;
}

enum { TILE = 4, LANES = 4, BLOCK = 256, STRIP = 64 };

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

static lanes load(const float *p)
{
	lanes x;

	memcpy(&x, p, sizeof x);
	return x;
}

/* sum[i][j] += a[i] · b[j] over k < BLOCK elements, for up to 4 × 4 rows */
static void tile(const float *const a[TILE], const float *const b[TILE], int64_t k,
		 double sum[TILE][TILE])
{
	lanes s[TILE][TILE];
	int64_t whole = k / LANES * LANES;

	memset(s, 0, sizeof s);
	for (int64_t x = 0; x < whole; x += LANES) {
		lanes bj[TILE];

		for (int j = 0; j < TILE; j++)
			bj[j] = load(b[j] + x);
		for (int i = 0; i < TILE; i++) {
			lanes ai = load(a[i] + x);

			for (int j = 0; j < TILE; j++)
				s[i][j] += ai * bj[j];
		}
	}
	for (int i = 0; i < TILE; i++) {
		for (int j = 0; j < TILE; j++) {
			for (int l = 0; l < LANES; l++)
				sum[i][j] += (double)s[i][j][l];
			for (int64_t x = whole; x < k; x++)
				sum[i][j] += (double)a[i][x] * (double)b[j][x];
		}
	}
}

/* A strip of columns of the result. */
static void strip(void *context, size_t index)
{
	const product *p = context;
	int64_t first = (int64_t)index * STRIP, end = first + STRIP < p->n ? first + STRIP : p->n;

	for (int64_t j = first; j < end; j += TILE) {
		for (int64_t i = 0; i < p->m; i += TILE) {
			double sum[TILE][TILE] = { { 0 } };
			int64_t rows = p->m - i < TILE ? p->m - i : TILE;
			int64_t columns = end - j < TILE ? end - j : TILE;

			for (int64_t x = 0; x < p->k; x += BLOCK) {
				const float *a[TILE], *b[TILE];

				for (int t = 0; t < TILE; t++) { /* past the edge: the last again */
					a[t] = p->a + (i + (t < rows ? t : rows - 1)) * p->lda + x;
					b[t] = p->b +
					       (j + (t < columns ? t : columns - 1)) * p->ldb + x;
				}
				tile(a, b, p->k - x < BLOCK ? p->k - x : BLOCK, sum);
			}
			for (int64_t r = 0; r < rows; r++)
				for (int64_t c = 0; c < columns; c++)
					p->c[(i + r) * p->ldc + j + c] =
						(float)(sum[r][c] +
							(p->bias ? (double)p->bias[j + c] : 0));
		}
	}
}

static void add_bias(const product *p)
{
	for (int64_t i = 0; p->bias && i < p->m; i++)
		for (int64_t j = 0; j < p->n; j++)
			p->c[i * p->ldc + j] += p->bias[j];
}

void multiply(const product *p, int threads)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	enum { ROW_MAJOR = 101, NO_TRANS = 111, TRANS = 112 };
	int fits = p->m <= INT32_MAX && p->n <= INT32_MAX && p->k <= INT32_MAX;
	product copy = *p;

	pthread_once(&once, find_blas);
	if (!p->m || !p->n)
		return;
	if (sgemm && want_blas && fits && p->k && p->m * p->n * p->k > 1 << 15) {
		sgemm(ROW_MAJOR, NO_TRANS, TRANS, (int)p->m, (int)p->n, (int)p->k, 1, p->a,
		      (int)p->lda, p->b, (int)p->ldb, 0, p->c, (int)p->ldc);
		add_bias(p);
		return;
	}
	parallel_for(threads, (size_t)((p->n + STRIP - 1) / STRIP), strip, &copy);
}
