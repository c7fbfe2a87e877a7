/*
 * onnxport/onnxport.h: Transformers checkpoints to validated ONNX graphs.
 *
 * The simplest use is one call:
 *
 *     oxp_context *c = oxp_context_new();
 *
 *     if (oxp_export(c, "path/to/model", "out/", NULL, NULL))
 *             fprintf(stderr, "%s\n", oxp_error_message(c));
 *     oxp_context_free(c);
 *
 * Everything else is there to look before (features, inputs, tolerances), to choose (options), to
 * watch (log, progress) and to add architectures of your own (oxp_register; onnxport/model.h has
 * the vocabulary).
 *
 * Functions that can fail return 0 or one of the codes below, and leave a message that says what,
 * where, what was expected and what was found. The library neither prints nor exits. Contexts are
 * independent: different threads may use different ones at the same time, one at a time each.
 */
#ifndef ONNXPORT_ONNXPORT_H
#define ONNXPORT_ONNXPORT_H

#include "onnxport/model.h"

#ifdef __cplusplus
extern "C" {
#endif

#define OXP_VERSION "0.1.0"

enum {
	OXP_OK = 0,
	OXP_E_ARGUMENT = 1,    /* an option or argument of the caller */
	OXP_E_MODEL = 2,       /* config.json or the weights are broken or do not fit each other */
	OXP_E_UNSUPPORTED = 3, /* understood, and not implemented */
	OXP_E_IO = 4,          /* a file could not be read or written */
	OXP_E_MEMORY = 5,
	OXP_E_RUNTIME = 6,   /* no ONNX Runtime where one is asked for, or it refused the model */
	OXP_E_MISMATCH = 7,  /* validation: the results differ */
	OXP_E_CANCELLED = 8, /* the progress callback said so */
	OXP_E_INTERNAL = 9,  /* a mistake in an architecture, or in this library */
};

/* ---- Contexts ---- */

typedef struct oxp_context oxp_context;

/* NULL when out of memory. */
OXP_API oxp_context *oxp_context_new(void);
OXP_API void oxp_context_free(oxp_context *c);
/* The message of the last call that failed; valid until the next call with this context. */
OXP_API const char *oxp_error_message(const oxp_context *c);
OXP_API const char *oxp_version(void);

typedef enum oxp_log_level {
	OXP_LOG_DEBUG,   /* unused tensors and keys, names as they were found */
	OXP_LOG_INFO,    /* the log of an export */
	OXP_LOG_WARNING, /* something the user should know, though all went well */
} oxp_log_level;

/* `line` has no newline at its end and is valid during the call. */
typedef void oxp_log_fn(void *user, oxp_log_level level, const char *line);
OXP_API void oxp_set_log(oxp_context *c, oxp_log_fn *log, void *user);

/*
 * `stage` is a word ("download", "weights", "validation"); done and total are bytes, or input sets.
 * A result other than 0 stops the export, which leaves nothing behind and returns OXP_E_CANCELLED.
 */
typedef int oxp_progress_fn(void *user, const char *stage, uint64_t done, uint64_t total);
OXP_API void oxp_set_progress(oxp_context *c, oxp_progress_fn *progress, void *user);

/* ---- What there is ---- */

/*
 * Adds an architecture of yours to this context; it wins over a built-in one of the same type. The
 * row is borrowed and must outlive the context.
 */
OXP_API int oxp_register(oxp_context *c, const oxp_arch *a);

/* The i-th model type, or NULL after the last; valid until the next call. */
OXP_API const char *oxp_model_type(oxp_context *c, int i);
/* The i-th feature of a type, or NULL after the last (or for a type that is not known). */
OXP_API const char *oxp_feature(oxp_context *c, const char *type, int i);

/* ---- Options ---- */

typedef enum oxp_weights {
	OXP_WEIGHTS_AUTO, /* inside the model below 2 GiB, else external */
	OXP_WEIGHTS_INLINE,
	OXP_WEIGHTS_EXTERNAL, /* one file, model.onnx_data */
	OXP_WEIGHTS_LINK,     /* the checkpoint's own files, linked beside the model */
} oxp_weights;

typedef enum oxp_linear {
	OXP_LINEAR_GEMM,   /* Gemm on the weights as stored */
	OXP_LINEAR_MATMUL, /* MatMul on transposed copies */
} oxp_linear;

typedef enum oxp_validation { OXP_VALIDATE, OXP_NO_VALIDATION } oxp_validation;
/* Whether the export ends only when its files are on the disk, safe from a power failure. */
typedef enum oxp_durability { OXP_NOT_SYNCED, OXP_SYNCED } oxp_durability;
typedef enum oxp_missing { OXP_MISSING_IS_ERROR, OXP_MISSING_IS_SEEDED } oxp_missing;

/* Batch norms behind convolutions. */
typedef enum oxp_batch_norm {
	OXP_BATCH_NORM_FOLD, /* into the convolution before it, where there is one, unless weights
			      * are linked or of 16 bits */
	OXP_BATCH_NORM_KEEP, /* as a node of its own */
} oxp_batch_norm;

/*
 * How the weights are stored. The graph computes in float32: what is stored otherwise is cast
 * first, which runtimes do when they load the model.
 */
typedef enum oxp_dtype_choice {
	OXP_DTYPE_AUTO, /* float32; linked weights as the checkpoint has them */
	OXP_DTYPE_KEEP, /* float16 and bfloat16 as the checkpoint has them, the rest as float32 */
	OXP_DTYPE_FP32,
	OXP_DTYPE_FP16, /* rounded to the nearest; a weight beyond the range is an error */
	OXP_DTYPE_BF16,
} oxp_dtype_choice;

/* Whether models may be downloaded. */
typedef enum oxp_network { OXP_ONLINE, OXP_OFFLINE } oxp_network;

/* What runs the exported file for the validation. */
typedef enum oxp_runtime {
	OXP_RUNTIME_AUTO,        /* ONNX Runtime where one is found, else the built-in evaluator */
	OXP_RUNTIME_ONNXRUNTIME, /* without one: OXP_E_RUNTIME */
	OXP_RUNTIME_BUILTIN,
} oxp_runtime;

/* All zeros are the defaults. */
typedef struct oxp_options {
	const char *feature;     /* NULL: "default"; "auto": by config.json's architectures */
	int opset;               /* 0: the feature's default */
	double atol;             /* 0: the feature's tolerance */
	const char *framework;   /* "pt", "tf", or NULL: PyTorch's weights where they are there */
	const char *cache_dir;   /* of the hub; NULL: as the environment says */
	const char *revision;    /* of a hub id: a branch, tag or commit; NULL: main */
	const char *onnxruntime; /* path of the library; NULL: looked for */
	const char *report;      /* path of an HTML page to write of the validation, or NULL */
	oxp_weights weights;
	oxp_linear linear;
	oxp_validation validation;
	oxp_runtime runtime;
	oxp_batch_norm batch_norm;
	oxp_missing missing;
	oxp_durability durability;
	oxp_network network;
	oxp_dtype_choice dtype;
} oxp_options;

/* ---- Describing ---- */

typedef struct oxp_tensor_info {
	const char *name;
	oxp_dtype type;
	int rank;
	/* A number ("768") or an expression over axes ("batch", "past_sequence + sequence"). */
	const char *axis[OXP_MAX_RANK];
} oxp_tensor_info;

typedef struct oxp_description {
	const char *type, *feature;
	const char *file; /* "model.onnx", or its name among a feature's several */
	int opset;        /* default and least opset */
	double atol;      /* absolute tolerance of the validation */
	int input_count, output_count;
	const oxp_tensor_info *inputs, *outputs; /* in the graph's order */
	const struct oxp_description *next;      /* the feature's next graph, or NULL */
} oxp_description;

/*
 * What exporting a feature gives. `model`: a model type, which is described with the default
 * configuration of its class, or a checkpoint's folder or hub id, with its own. `options`: the
 * feature, and where the hub's files are; NULL for the defaults. The result, with what follows it,
 * is freed by oxp_description_free.
 */
OXP_API int oxp_describe(oxp_context *c, const char *model, const oxp_options *options,
			 oxp_description **result);
OXP_API void oxp_description_free(oxp_description *d);

/* ---- Exporting ---- */

/* The largest difference of one output over all input sets. */
typedef struct oxp_difference {
	const char *output;
	double absolute;
} oxp_difference;

/* What became of one graph. */
typedef struct oxp_result {
	char path[4096]; /* of the model */
	char feature[64];
	int opset;
	uint64_t bytes; /* written, in all files */
	int nodes, initializers;
	int validated;    /* 1: compared; 0: not asked for */
	char runtime[64]; /* "ONNX Runtime 1.32.0", "built-in"; empty: none */
	int input_sets;
	int output_count;
	const oxp_difference *output;  /* valid until the next call with this context */
	const struct oxp_result *next; /* of the feature's next graph, or NULL; as long valid */
} oxp_result;

/*
 * Exports a checkpoint and validates the file. `model`: a folder, or a hub id ("org/name",
 * "org/name@revision"), of which what is needed is downloaded into the hub's cache.
 * `output`: a path ending in .onnx, or a folder, which gets model.onnx, or the several files that
 * some features are (encoder_model.onnx and decoder_model.onnx). What was there before stays
 * untouched unless the new file is complete. `options` and `result` may be NULL.
 */
OXP_API int oxp_export(oxp_context *c, const char *model, const char *output,
		       const oxp_options *options, oxp_result *result);

/*
 * Validates a file that was exported before from this model and feature, as oxp_export does: the
 * reference executor against ONNX Runtime, or the built-in evaluator, on several input sets.
 * `onnx_path`: the file, or the folder that it is in.
 */
OXP_API int oxp_validate(oxp_context *c, const char *model, const char *onnx_path,
			 const oxp_options *options, oxp_result *result);

#ifdef __cplusplus
}
#endif

#endif
