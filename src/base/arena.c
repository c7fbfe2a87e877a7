#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 14, ALIGN = 16 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size;
	_Alignas(ALIGN) unsigned char bytes[];
};

void *arena_alloc(arena *a, size_t size)
{
	struct arena_chunk *c = a->head;
	void *p;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (!c || size > c->size - a->used) {
		size_t room = size > CHUNK ? size : CHUNK;

		c = malloc(sizeof *c + room);
		if (!c)
			return NULL;
		c->next = a->head;
		c->size = room;
		a->head = c;
		a->used = 0;
	}
	p = c->bytes + a->used;
	a->used += size;
	return memset(p, 0, size);
}

void *arena_array(arena *a, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		return NULL;
	return arena_alloc(a, count * size);
}

char *arena_strndup(arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	return p ? memcpy(p, s, n) : NULL;
}

void *arena_grow(arena *a, void *list, size_t count, size_t size)
{
	void *more;

	if (count & (count - 1)) /* room is a power of two: only a full list has to move */
		return list;
	more = arena_array(a, count ? count * 2 : 1, size);
	if (more && count)
		memcpy(more, list, count * size);
	return more;
}

char *arena_strdup(arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(arena *a, const char *fmt, va_list args)
{
	va_list again;
	char *p;
	int n;

	va_copy(again, args);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0)
		return NULL;
	p = arena_alloc(a, (size_t)n + 1);
	if (p)
		vsnprintf(p, (size_t)n + 1, fmt, args);
	return p;
}

char *arena_printf(arena *a, const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = arena_vprintf(a, fmt, args);
	va_end(args);
	return p;
}

void arena_free(arena *a)
{
	while (a->head) {
		struct arena_chunk *next = a->head->next;

		free(a->head);
		a->head = next;
	}
	a->used = 0;
}
