#include "base/error.h"

#include <stdio.h>
#include <string.h>

int error_setv(error *e, int code, const char *fmt, va_list args)
{
	if (!e->code) {
		int n = vsnprintf(e->text, sizeof e->text, fmt, args);

		e->code = code;
		if (n >= (int)sizeof e->text)
			memcpy(e->text + sizeof e->text - 4, "...", 4);
	}
	return e->code;
}

int error_set(error *e, int code, const char *fmt, ...)
{
	va_list args;
	int rc;

	va_start(args, fmt);
	rc = error_setv(e, code, fmt, args);
	va_end(args);
	return rc;
}

int error_memory(error *e)
{
	return error_set(e, E_MEMORY, "out of memory");
}
