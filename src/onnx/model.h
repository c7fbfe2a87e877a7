/* model.h: an ONNX model on its way to a file. Small things in memory, weights as places to stream
 * from. */
#ifndef ONNX_MODEL_H
#define ONNX_MODEL_H

#include "ir/ir.h"
#include "onnx/fold.h"
#include "onnxport/onnxport.h"

enum { ONNX_OPSET_LEAST = 11, ONNX_OPSET_NEWEST = 28 };

typedef struct onnx_attribute {
	const char *name;
	enum {
		ATTRIBUTE_FLOAT,
		ATTRIBUTE_INT,
		ATTRIBUTE_STRING,
		ATTRIBUTE_INTS,
		ATTRIBUTE_SCALAR,    /* a float tensor without dimensions, of f */
		ATTRIBUTE_REFERENCE, /* in a function's body: the call's float attribute named s */
	} kind;
	int64_t i;
	double f;
	const char *s;
	int64_t ints[OXP_MAX_RANK];
	int count;
} onnx_attribute;

enum { MOST_NODE_INPUTS = 8, MOST_NODE_ATTRIBUTES = 6, MOST_FUNCTIONS = 16, MOST_METADATA = 8 };

typedef struct onnx_node {
	const char *op, *domain, *name;
	const char *in[MOST_NODE_INPUTS]; /* "" where an optional one is left out */
	int inputs;
	const char *out;
	onnx_attribute attribute[MOST_NODE_ATTRIBUTES];
	int attributes;
	int needed;
} onnx_node;

/* A list of nodes: the graph's, or a function's body. */
typedef struct onnx_nodes {
	onnx_node **node;
	int count;
} onnx_nodes;

typedef struct onnx_function {
	const char *name;
	const char *in[4];
	int inputs;
	const char *out;
	const char *attribute; /* its one float attribute, or NULL */
	onnx_nodes body;
} onnx_function;

typedef struct onnx_initializer {
	const char *name;
	dtype type;
	int rank;
	int64_t shape[OXP_MAX_RANK];
	const param *param;    /* NULL: the literal */
	int transposed;        /* the parameter's two axes change places on the way */
	const onnx_fold *fold; /* a batch norm goes into the parameter on the way; or NULL */
	const void *literal;
	uint64_t size; /* bytes in the model */
	int needed;
	uint64_t offset;      /* external: in its file */
	const char *location; /* external: the file; NULL: inside the model */
} onnx_initializer;

typedef struct onnx_port {
	const char *name;
	dtype type;
	int rank;
	const dim *dim[OXP_MAX_RANK];
} onnx_port;

/* A layer's result and the tensor that it became. */
typedef struct onnx_layer {
	const value *value;
	const char *tensor;
} onnx_layer;

typedef struct onnx_model {
	arena arena;
	int opset, ir_version;
	onnx_nodes graph;
	onnx_function *function[MOST_FUNCTIONS];
	int functions;
	onnx_initializer **initializer;
	int initializers;
	onnx_port *input, *output;
	int inputs, outputs;
	onnx_layer *layer; /* in the order of computation, where the options ask for them */
	int layers;
	const char *metadata[MOST_METADATA][2];
	int metadatas;
	const char *name;
} onnx_model;

typedef struct onnx_options {
	int opset;
	oxp_linear linear;
	oxp_batch_norm batch_norm;
	oxp_weights weights;
	oxp_dtype_choice dtype;
	int layers; /* whether the model says which tensors are the layers' results */
} onnx_options;

/* The domain of the functions that stand for operators which the opset does not have yet. */
#define ONNX_FUNCTIONS "onnxport"

int onnx_ir_version(int opset);
onnx_model *onnx_lower(graph *g, const onnx_options *o, error *e);
void onnx_model_free(onnx_model *m);
void onnx_metadata(onnx_model *m, const char *key, const char *value, error *e);

/* Called while weights are written; a value other than 0 stops the export. */
typedef struct onnx_progress {
	int (*step)(void *context, uint64_t done, uint64_t total);
	void *context;
} onnx_progress;

typedef struct onnx_written {
	uint64_t bytes; /* of all files */
	int external;   /* whether there is one */
} onnx_written;

typedef struct onnx_write_options {
	oxp_weights weights;
	int sync; /* wait until the files are on the disk */
	onnx_progress progress;
} onnx_write_options;

/* Writes `path` and what goes beside it: all of it or nothing. */
int onnx_write(onnx_model *m, const char *path, const onnx_write_options *o, onnx_written *written,
	       error *e) MUST_USE;

/* Writes a copy of the file at `path` to `to`, beside it, which also gives these float32 tensors.
 */
int onnx_probe(const char *path, const char *const *outputs, int n, const char *to,
	       error *e) MUST_USE;

#endif
