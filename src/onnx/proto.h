/* proto.h: protocol buffers, the writing half: varints, tags and lengths, in 64 bits. */
#ifndef ONNX_PROTO_H
#define ONNX_PROTO_H

#include "base/text.h"

#include <stdint.h>

/* Field `n` with this content, appended to `t`. */
void pb_int(text *t, int n, int64_t x);
void pb_float(text *t, int n, float x);
void pb_string(text *t, int n, const char *s);
void pb_bytes(text *t, int n, const void *data, size_t size);
/* A nested message; frees `inner`. */
void pb_message(text *t, int n, text *inner);
/* The start of a length-delimited field whose content follows elsewhere. */
void pb_open(text *t, int n, uint64_t size);
/* Bytes that pb_open writes. */
uint64_t pb_open_size(int n, uint64_t size);

#endif
