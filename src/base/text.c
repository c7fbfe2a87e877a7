#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int reserve(text *t, size_t n)
{
	size_t room = t->room ? t->room : 128;
	char *s;

	if (t->len + n < t->room)
		return 0;
	while (room <= t->len + n)
		room *= 2;
	s = realloc(t->s, room);
	if (!s) {
		t->failed = 1;
		return -1;
	}
	t->s = s;
	t->room = room;
	return 0;
}

void text_bytes(text *t, const void *data, size_t n)
{
	if (reserve(t, n + 1))
		return;
	if (n)
		memcpy(t->s + t->len, data, n);
	t->len += n;
	t->s[t->len] = 0;
}

void text_add(text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n < 0 || reserve(t, (size_t)n + 1))
		return;
	va_start(args, fmt);
	vsnprintf(t->s + t->len, (size_t)n + 1, fmt, args);
	va_end(args);
	t->len += (size_t)n;
}

void text_free(text *t)
{
	free(t->s);
	*t = (text){ 0 };
}

int ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

int starts_with(const char *s, const char *start)
{
	return strncmp(s, start, strlen(start)) == 0;
}

int has_word(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; n && (p = strstr(p, word)); p += n)
		if ((p == list || p[-1] == ' ') && (p[n] == 0 || p[n] == ' '))
			return 1;
	return 0;
}

int edit_distance(const char *a, const char *b)
{
	enum { MOST = 63 };
	size_t n = strnlen(a, MOST), m = strnlen(b, MOST);
	int row[MOST + 1];

	for (size_t j = 0; j <= m; j++)
		row[j] = (int)j;
	for (size_t i = 1; i <= n; i++) {
		int corner = row[0];

		row[0] = (int)i;
		for (size_t j = 1; j <= m; j++) {
			int best = corner + (a[i - 1] != b[j - 1]);

			corner = row[j];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
		}
	}
	return row[m];
}
