/* error.h: what went wrong, once. The first failure is kept; later ones do not overwrite it. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>

/* The codes are those of onnxport.h (OXP_E_*); base/ knows only that zero means success. */
enum error_code {
	E_OK = 0,
	E_ARGUMENT = 1,
	E_MODEL = 2,
	E_UNSUPPORTED = 3,
	E_IO = 4,
	E_MEMORY = 5,
	E_RUNTIME = 6,
	E_MISMATCH = 7,
	E_CANCELLED = 8,
	E_INTERNAL = 9,
};

typedef struct error {
	int code;
	char text[4096];
} error;

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Records the failure unless one is recorded already; returns the recorded code. */
int error_set(error *e, int code, const char *fmt, ...) PRINTF(3, 4);
int error_setv(error *e, int code, const char *fmt, va_list args) PRINTF(3, 0);
int error_memory(error *e);

#endif
