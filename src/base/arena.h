/* arena.h: memory that is given back all at once. Items never move. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "base/error.h"

typedef struct arena {
	struct arena_chunk *head;
	size_t used;
} arena;

/* Zeroed memory aligned for any type; NULL when there is none left. */
void *arena_alloc(arena *a, size_t size);
void *arena_array(arena *a, size_t count, size_t size);
/* `list`, of `count` items, with room for one more: it doubles, so that growing stays linear. */
void *arena_grow(arena *a, void *list, size_t count, size_t size);
char *arena_strdup(arena *a, const char *s);
char *arena_strndup(arena *a, const char *s, size_t n);
char *arena_printf(arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(arena *a, const char *fmt, va_list args) PRINTF(2, 0);
void arena_free(arena *a);

#endif
