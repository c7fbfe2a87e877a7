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

/* Written without branches, so that compilers do several at a time. */
static inline uint16_t float_to_half(float f)
{
	uint32_t bits, size, normal, tiny, huge;
	float small;

	memcpy(&bits, &f, sizeof bits);
	size = bits & 0x7fffffff;
	normal = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
	memcpy(&small, &size, sizeof small);
	small += 0.5f; /* whose last places are those of float16's subnormal numbers */
	memcpy(&tiny, &small, sizeof tiny);
	tiny -= 0x3f000000;
	huge = size > 0x7f800000 ? 0x7e00 : 0x7c00; /* not a number, infinity */
	return (uint16_t)((bits >> 16 & 0x8000) | (size >= 0x47800000  ? huge
						   : size < 0x38800000 ? tiny
								       : normal));
}

/* The nearest number of a type of 16 bits; other types: the number itself. */
static inline float round_to(dtype t, float f)
{
	if (t == OXP_F16)
		return half_to_float(float_to_half(f));
	return t == OXP_BF16 ? bfloat_to_float(float_to_bfloat(f)) : f;
}

#endif
