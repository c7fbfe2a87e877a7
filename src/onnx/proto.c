#include "onnx/proto.h"

#include <string.h>

enum { VARINT = 0, DELIMITED = 2, FIXED32 = 5 };

static int varint(uint8_t out[10], uint64_t x)
{
	int n = 0;

	while (x > 127) {
		out[n++] = (uint8_t)(x | 128);
		x >>= 7;
	}
	out[n++] = (uint8_t)x;
	return n;
}

static void put_varint(text *t, uint64_t x)
{
	uint8_t b[10];

	text_bytes(t, b, (size_t)varint(b, x));
}

static void put_tag(text *t, int n, int kind)
{
	put_varint(t, (uint64_t)n << 3 | (uint64_t)kind);
}

void pb_int(text *t, int n, int64_t x)
{
	put_tag(t, n, VARINT);
	put_varint(t, (uint64_t)x);
}

void pb_float(text *t, int n, float x)
{
	put_tag(t, n, FIXED32);
	text_bytes(t, &x, sizeof x); /* little-endian, as everything here */
}

void pb_open(text *t, int n, uint64_t size)
{
	put_tag(t, n, DELIMITED);
	put_varint(t, size);
}

uint64_t pb_open_size(int n, uint64_t size)
{
	uint8_t b[10];

	return (uint64_t)varint(b, (uint64_t)n << 3) + (uint64_t)varint(b, size);
}

void pb_bytes(text *t, int n, const void *data, size_t size)
{
	pb_open(t, n, size);
	text_bytes(t, data, size);
}

void pb_string(text *t, int n, const char *s)
{
	pb_bytes(t, n, s, strlen(s));
}

void pb_message(text *t, int n, text *inner)
{
	pb_bytes(t, n, inner->s ? inner->s : "", inner->len);
	t->failed |= inner->failed;
	text_free(inner);
}
