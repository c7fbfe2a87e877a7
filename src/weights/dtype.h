/* dtype.h: element types, with the numbers ONNX gives them. */
#ifndef WEIGHTS_DTYPE_H
#define WEIGHTS_DTYPE_H

#include "onnxport/model.h"

typedef oxp_dtype dtype;

size_t dtype_size(dtype t);
const char *dtype_name(dtype t); /* float32, int64, … */
int dtype_is_float(dtype t);
/* The type that safetensors calls `name` ("F32"), or OXP_BAD. */
dtype dtype_from_safetensors(const char *name);

float half_to_float(uint16_t h);
float bfloat_to_float(uint16_t h);
/* To the nearest, halves to even; infinity beyond the range. */
uint16_t float_to_bfloat(float f);
uint16_t float_to_half(float f);
/* The nearest number of a type of 16 bits; other types: the number itself. */
float round_to(dtype t, float f);

#endif
