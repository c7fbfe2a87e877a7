/*
 * memory FOLDER OUTPUT [FEATURE]: a small export in which the first, then the second, … allocation
 * fails, up to one in which none does; masked-lm validated by the built-in evaluator with a report,
 * or a feature without validation. Each failure must be an error, leave nothing behind and leak
 * nothing (run under AddressSanitizer for that). The library's own allocations are caught by the
 * linker (--wrap). jansson's are not: its parser (2.14) writes out of bounds when one of its
 * allocations fails.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "onnxport/onnxport.h"

static long countdown = -1; /* -1: never */

static int fails(void)
{
	return countdown >= 0 && countdown-- == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t m)
{
	return fails() ? NULL : __real_calloc(n, m);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

static int export_once(const char *model, const char *to, const char *feature, const char *report,
		       int *code)
{
	const oxp_options o = { .feature = feature,
				.opset = 17,
				.runtime = OXP_RUNTIME_BUILTIN,
				.report = report,
				.validation = report ? OXP_VALIDATE : OXP_NO_VALIDATION };
	oxp_context *c = oxp_context_new();

	if (!c)
		return -1;
	*code = oxp_export(c, model, to, &o, NULL);
	if (*code && *code != OXP_E_MEMORY) {
		printf("not ok memory: a failed allocation gave error %d: %s\n", *code,
		       oxp_error_message(c));
		oxp_context_free(c);
		return 1;
	}
	oxp_context_free(c);
	return 0;
}

int main(int argc, char **argv)
{
	int passed = 0, failed = 0, code = 1, injected = 1;
	const char *feature = argc > 3 ? argv[3] : "masked-lm";
	char path[512], report[512];

	if (argc < 3)
		return 2;
	setenv("ONNXPORT_THREADS", "1", 1);
	setenv("ONNXPORT_BLAS", "off", 1);
	snprintf(path, sizeof path, "%s/model.onnx", argv[2]);
	snprintf(report, sizeof report, "%s/report.html", argv[2]);
	for (long n = 0; injected; n++) {
		int bad;

		unlink(path);
		countdown = n;
		bad = export_once(argv[1], argv[2], feature, argc > 3 ? NULL : report, &code) > 0;
		injected = countdown < 0;
		countdown = -1;
		if (code && bad == 0 && access(path, F_OK) == 0) {
			printf("not ok memory: failure %ld left a model behind\n", n);
			bad = 1;
		}
		failed += bad;
		passed += !bad;
	}
	if (code) {
		printf("not ok memory: no export succeeded\n");
		failed++;
	}
	printf("%d passed, %d failed\n", passed, failed);
	return failed ? 1 : 0;
}
