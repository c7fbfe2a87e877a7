/*
 * onnx_file.h: an ONNX file read back, as far as its graphs of ours go: nodes with one output,
 * functions, initializers inside the file or beside it. Everything points into the file's mapping.
 */
#ifndef CHECK_ONNX_FILE_H
#define CHECK_ONNX_FILE_H

#include "base/arena.h"
#include "base/file.h"
#include "weights/tensor.h"

enum { MOST_OPERANDS_READ = 16, MOST_ATTRIBUTES_READ = 8, MOST_INTS_READ = 64 };

/* Not ended by a zero in the file, so copied where a C string is needed: these are copies. */
typedef struct onnx_tensor {
	const char *name;
	dtype type;
	int rank;
	int64_t shape[OXP_MAX_RANK];
	const uint8_t *data;
	uint64_t size;
} onnx_tensor;

typedef struct onnx_setting {
	const char *name;
	const char *of_call; /* in a function: the call's attribute that it takes its value from */
	int64_t i;
	double f;
	const char *s;
	int64_t ints[MOST_INTS_READ];
	int count;
	const onnx_tensor *tensor;
} onnx_setting;

typedef struct onnx_step {
	const char *op, *domain, *name;
	const char *in[MOST_OPERANDS_READ]; /* "" where left out */
	int inputs;
	const char *out;
	onnx_setting setting[MOST_ATTRIBUTES_READ];
	int settings;
} onnx_step;

/* What the file says of an input or output. */
typedef struct onnx_declared {
	const char *name;
	dtype type;
	int rank; /* -1: no shape is said */
	int64_t length[OXP_MAX_RANK];
	const char *axis[OXP_MAX_RANK]; /* the symbol of an axis without a fixed length; or NULL */
} onnx_declared;

typedef struct onnx_body {
	const char *name;
	onnx_step **step;
	int steps;
	const char **input, **output;
	int inputs, outputs;
	onnx_declared **in, **out; /* a graph's, in the order of the names */
	onnx_tensor **tensor;      /* initializers */
	int tensors;
} onnx_body;

typedef struct onnx_file {
	arena arena;
	arena names; /* of the mapping */
	file *file;
	file **beside; /* external data */
	int besides;
	onnx_body graph;
	onnx_body **function;
	int functions;
	int64_t opset;
} onnx_file;

/* NULL after an error. */
onnx_file *onnx_file_open(const char *path, error *e);
/* The same for bytes in memory, which must outlive it; external data is looked for in `folder`. */
onnx_file *onnx_file_read(const void *data, size_t size, const char *folder, error *e);
void onnx_file_close(onnx_file *f);

#endif
