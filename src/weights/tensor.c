#include "weights/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "base/text.h"

int64_t shape_count(const int64_t *shape, int rank)
{
	int64_t n = 1;

	for (int i = 0; i < rank; i++)
		if (shape[i] < 0 || __builtin_mul_overflow(n, shape[i], &n))
			return -1;
	return n;
}

const char *shape_text(char *buffer, size_t room, const int64_t *shape, int rank)
{
	size_t used = 0;

	snprintf(buffer, room, "scalar");
	for (int i = 0; i < rank && used < room; i++)
		used += (size_t)snprintf(buffer + used, room - used, "%s%lld", i ? "x" : "",
					 (long long)shape[i]);
	return buffer;
}

int tensor_fit(tensor *t, const int64_t *shape, int rank)
{
	int64_t stride[OXP_MAX_RANK] = { 0 };
	int k = 0;

	if (t->rank == rank && memcmp(t->shape, shape, sizeof *shape * (size_t)rank) == 0)
		return 1;
	if (!t->has_loose_ones)
		return 0;
	for (int i = 0; i < rank; i++) {
		while (k < t->rank && t->shape[k] == 1 && shape[i] != 1)
			k++;
		if (k < t->rank && t->shape[k] == shape[i])
			stride[i] = t->stride[k++];
		else if (shape[i] != 1)
			return 0;
	}
	for (; k < t->rank; k++)
		if (t->shape[k] != 1)
			return 0;
	t->rank = rank;
	memcpy(t->shape, shape, sizeof *shape * (size_t)rank);
	memcpy(t->stride, stride, sizeof t->stride);
	return 1;
}

static float element(dtype type, const uint8_t *p)
{
	union {
		uint16_t u16;
		int16_t i16;
		int32_t i32;
		int64_t i64;
		float f32;
		double f64;
	} x;

	memcpy(&x, p, dtype_size(type));
	switch (type) {
	case OXP_F16:
		return half_to_float(x.u16);
	case OXP_BF16:
		return bfloat_to_float(x.u16);
	case OXP_F64:
		return (float)x.f64;
	case OXP_I64:
		return (float)x.i64;
	case OXP_I32:
		return (float)x.i32;
	case OXP_I16:
		return x.i16;
	case OXP_I8:
		return (int8_t)*p;
	case OXP_U8:
	case OXP_BOOL:
		return *p;
	default:
		return x.f32;
	}
}

/* Where the i-th element lies, counted in elements. */
static int64_t place_of(const tensor *t, int64_t i)
{
	int64_t place = 0;

	for (int k = t->rank; k-- > 0; i /= t->shape[k])
		place += i % t->shape[k] * t->stride[k];
	return place;
}

/* Along the last axis one element after the other, since finding a place divides. */
static void read_strided(const tensor *t, int64_t first, int64_t count, float *out)
{
	size_t size = dtype_size(t->type);
	int64_t row = t->rank ? t->shape[t->rank - 1] : 1;
	int64_t step = t->rank ? t->stride[t->rank - 1] : 0;

	while (count) {
		const uint8_t *p = t->file->data + t->offset + (size_t)place_of(t, first) * size;
		int64_t left = row - first % row, n = left < count ? left : count;

		for (int64_t i = 0; i < n; i++)
			out[i] = element(t->type, p + (size_t)(i * step) * size);
		first += n;
		count -= n;
		out += n;
	}
}

/* The two types that large checkpoints have, without a decision for every element. */
static void read_halves(dtype type, const uint8_t *p, int64_t count, float *out)
{
	for (int64_t i = 0; i < count; i++) {
		uint16_t h;

		memcpy(&h, p + 2 * i, sizeof h);
		out[i] = type == OXP_BF16 ? bfloat_to_float(h) : half_to_float(h);
	}
}

void tensor_read(const tensor *t, int64_t first, int64_t count, float *out)
{
	size_t size = dtype_size(t->type);
	const uint8_t *p = t->file->data + t->offset + (uint64_t)first * size;

	if (t->strided) {
		read_strided(t, first, count, out);
		return;
	}
	if (t->type == OXP_F32) {
		memcpy(out, p, (size_t)count * size);
		return;
	}
	if (t->type == OXP_BF16 || t->type == OXP_F16) {
		read_halves(t->type, p, count, out);
		return;
	}
	for (int64_t i = 0; i < count; i++)
		out[i] = element(t->type, p + (size_t)i * size);
}

/* splitmix64: a good hash of a counter, in three lines that any language can repeat. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

void fill_values(const char *name, const int64_t *shape, int rank, int64_t first, int64_t count,
		 float *out)
{
	uint64_t seed = hash_bytes(name, strlen(name));
	double scale = 0.5, middle = 0;

	if (rank > 1) {
		int64_t fan = shape_count(shape + 1, rank - 1);

		scale = sqrt(3.0 / (double)(fan ? fan : 1));
	} else if (ends_with(name, ".weight") || ends_with(name, ".running_var")) {
		middle = 1;
	}
	for (int64_t i = 0; i < count; i++) {
		uint64_t bits = mix(seed + (uint64_t)(first + i)) >> 11;
		double u = (double)bits * 0x1p-52 - 1; /* -1 … 1 */

		out[i] = (float)(middle + scale * u);
	}
}
