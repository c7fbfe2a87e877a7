/* text.h: a string that grows, and small questions about strings. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stddef.h>

#include "base/error.h"

/* An allocation that fails leaves `failed` set and the text as it was. */
typedef struct text {
	char *s;
	size_t len, room;
	int failed;
} text;

void text_add(text *t, const char *fmt, ...) PRINTF(2, 3);
void text_bytes(text *t, const void *data, size_t n);
void text_free(text *t);

int ends_with(const char *s, const char *end);
int starts_with(const char *s, const char *start);
/* Whether `word` is one of the words of `list`, which blanks separate. */
int has_word(const char *list, const char *word);
/* Edits that turn a into b (insert, delete, replace); strings over 63 bytes are cut. */
int edit_distance(const char *a, const char *b);

#endif
