#include "weights/dtype.h"

#include <string.h>

static const struct {
	dtype type;
	size_t size;
	const char *name, *safetensors;
} table[] = {
	{ OXP_F32, 4, "float32", "F32" },    { OXP_F16, 2, "float16", "F16" },
	{ OXP_BF16, 2, "bfloat16", "BF16" }, { OXP_F64, 8, "float64", "F64" },
	{ OXP_I64, 8, "int64", "I64" },      { OXP_I32, 4, "int32", "I32" },
	{ OXP_I16, 2, "int16", "I16" },      { OXP_I8, 1, "int8", "I8" },
	{ OXP_U8, 1, "uint8", "U8" },        { OXP_BOOL, 1, "bool", "BOOL" },
};

enum { ROWS = sizeof table / sizeof table[0] };

size_t dtype_size(dtype t)
{
	for (int i = 0; i < ROWS; i++)
		if (table[i].type == t)
			return table[i].size;
	return 0;
}

const char *dtype_name(dtype t)
{
	for (int i = 0; i < ROWS; i++)
		if (table[i].type == t)
			return table[i].name;
	return "unknown";
}

int dtype_is_float(dtype t)
{
	return t == OXP_F32 || t == OXP_F16 || t == OXP_BF16 || t == OXP_F64;
}

dtype dtype_from_safetensors(const char *name)
{
	for (int i = 0; i < ROWS; i++)
		if (strcmp(table[i].safetensors, name) == 0)
			return table[i].type;
	return OXP_BAD;
}

float bfloat_to_float(uint16_t h)
{
	uint32_t bits = (uint32_t)h << 16;
	float f;

	memcpy(&f, &bits, sizeof f);
	return f;
}

float half_to_float(uint16_t h)
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

uint16_t float_to_bfloat(float f)
{
	uint32_t bits;

	memcpy(&bits, &f, sizeof bits);
	if (f != f)
		return (uint16_t)(bits >> 16 | 0x40); /* still not a number */
	return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

uint16_t float_to_half(float f)
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

float round_to(dtype t, float f)
{
	if (t == OXP_F16)
		return half_to_float(float_to_half(f));
	return t == OXP_BF16 ? bfloat_to_float(float_to_bfloat(f)) : f;
}
