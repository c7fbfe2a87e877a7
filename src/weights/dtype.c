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
