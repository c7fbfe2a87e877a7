/* tensorflow.h: TensorFlow's variables under the names and in the layout of PyTorch's parameters.
 */
#ifndef WEIGHTS_TENSORFLOW_H
#define WEIGHTS_TENSORFLOW_H

#include "weights/checkpoint.h"

/* Whether a variable's name still begins with its model's scope ("tf_bert_model/bert/…"). */
typedef enum tensorflow_scope {
	TENSORFLOW_SCOPED,   /* in tf_model.h5, and in the index of a sharded checkpoint */
	TENSORFLOW_UNSCOPED, /* in shards, and in safetensors files that TensorFlow models write */
} tensorflow_scope;

/*
 * A variable's name, without the layer's group that Keras puts before it, as PyTorch's parameter:
 *     tf_bert_model/bert/encoder/layer_._0/output/dense/kernel:0
 *     bert.encoder.layer.0.output.dense.weight
 * Source: transformers' convert_tf_weight_name_to_pt_weight_name. NULL when out of memory.
 */
char *tensorflow_name(arena *a, const char *variable, tensorflow_scope written);

/* Adds a variable under its parameter's name, kernels as transposed views. A variable that several
 * layers share is there several times; the first one counts. */
int tensorflow_add(checkpoint *c, const tensor *t, const char *variable, tensorflow_scope written,
		   error *e) MUST_USE;

/* Reads an HDF5 file: tf_model.h5 (scoped), or a shard of one. */
int tensorflow_read(checkpoint *c, file *f, tensorflow_scope written, error *e) MUST_USE;

/* A parameter's other place: below the main layer that TensorFlow's base classes have. */
tensor *tensorflow_find(checkpoint *c, const char *path);

#endif
