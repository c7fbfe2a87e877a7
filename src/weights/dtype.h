/* dtype.h: element types, with the numbers ONNX gives them. */
#ifndef WEIGHTS_DTYPE_H
#define WEIGHTS_DTYPE_H

#include <string.h>

#include "onnxport/model.h"

typedef oxp_dtype dtype;

size_t dtype_size(dtype t);
const char *dtype_name(dtype t); /* float32, int64, … */
int dtype_is_float(dtype t);
/* The type that safetensors calls `name` ("F32"), or OXP_BAD. */
dtype dtype_from_safetensors(const char *name);

/* ---- Numbers of 16 bits: in the header, since whole checkpoints go through them ---- */

static inline float bfloat_to_float(uint16_t h)
{
	uint32_t bits = (uint32_t)h << 16;
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

static inline float half_to_float(uint16_t h)
{
	uint32_t sign = (uint32_t)(h >> 15) << 31, exponent = (h >> 10) & 31, fraction = h & 1023;
	uint32_t bits;
	float f;

	if (exponent == 31) {
		bits = sign | 0x7f800000u | fraction << 13;
	} else if (exponent) {
		bits = sign | (exponent + 112) << 23 | fraction << 13;
	} else { /* zero or subnormal: exact in float */
		f = (float)fraction * 0x1p-24f;
		return sign ? -f : f;
	}
	memcpy(&f, &bits, sizeof f);
	return f;
}

/* To the nearest, halves to even; infinity beyond the range. */
static inline uint16_t float_to_bfloat(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	if (f != f)
		return (uint16_t)(bits >> 16 | 0x40); /* still not a number */
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline uint16_t float_to_half(float f)
{
	uint32_t bits, sign, kept, rest, half;
	int exponent, drop = 13;

	memcpy(&bits, &f, sizeof bits);
	sign = bits >> 16 & 0x8000;
	exponent = (int)(bits >> 23 & 255) - 112; /* in float16's counting */
	if (f != f)
		return (uint16_t)(sign | 0x7e00);
	if (exponent >= 31)
		return (uint16_t)(sign | 0x7c00);
	kept = bits & 0x7fffff;
	if (exponent > 0) {
		kept |= (uint32_t)exponent << 23;
	} else { /* subnormal: the leading one moves into the fraction */
		kept |= 0x800000;
		drop += 1 - exponent;
		if (drop > 24)
			return (uint16_t)sign;
	}
	rest = kept & ((1u << drop) - 1);
	half = 1u << (drop - 1);
	kept >>= drop;
	kept += rest > half || (rest == half && (kept & 1)); /* may carry into infinity, rightly */
	return (uint16_t)(sign | kept);
}

/* The nearest number of a type of 16 bits; other types: the number itself. */
static inline float round_to(dtype t, float f)
{
	if (t == OXP_F16)
		return half_to_float(float_to_half(f));
	return t == OXP_BF16 ? bfloat_to_float(float_to_bfloat(f)) : f;
}

#endif
