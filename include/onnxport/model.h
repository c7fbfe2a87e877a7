/*
 * onnxport/model.h: the vocabulary in which architectures are written, the built-in ones and yours.
 *
 * An architecture is a row (oxp_arch) of tasks; a task reads the configuration and builds a graph
 * from inputs to outputs:
 *
 *     static void my_default(scope s, cfg *j)
 *     {
 *             int64_t hidden = cfg_int(j, "hidden_size", 768);
 *             text_spec spec = { .names = "input_ids", .vocab = 1000 };
 *             text_inputs in = nn_text_inputs(s, &spec);
 *             value *x = nn_embedding(s, "embed", in.ids, 1000, hidden);
 *
 *             op_output(s, "last_hidden_state", nn_linear(s, "dense", x, hidden));
 *     }
 *
 * Three rules carry everything:
 *   - op_* compute and own no parameters; nn_* own the parameters that they name. Parameters are
 *     declared where they are used, in the checkpoint's own spelling.
 *   - Shapes are symbolic. A dimension is a number or an expression over the inputs' named axes.
 *   - Errors stick: after the first one every call returns a poison value and does nothing, so an
 *     architecture holds no error checks. The export reports the first error with its place.
 *
 * All values belong to the graph and live as long as it does. Not thread-safe within one graph.
 * The symbols carry the prefix oxp_; the short names at the end of this file can be switched off
 * with ONNXPORT_NO_SHORT_NAMES.
 */
#ifndef ONNXPORT_MODEL_H
#define ONNXPORT_MODEL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define OXP_API __attribute__((visibility("default")))
#define OXP_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define OXP_API
#define OXP_PRINTF(fmt, args)
#endif

/* Element types, with the numbers ONNX gives them (TensorProto.DataType). */
typedef enum oxp_dtype {
	OXP_BAD = 0,
	OXP_F32 = 1,
	OXP_U8 = 2,
	OXP_I8 = 3,
	OXP_I16 = 5,
	OXP_I32 = 6,
	OXP_I64 = 7,
	OXP_BOOL = 9,
	OXP_F16 = 10,
	OXP_F64 = 11,
	OXP_BF16 = 16,
} oxp_dtype;

enum { OXP_MAX_RANK = 8 };

typedef struct oxp_graph oxp_graph;
typedef struct oxp_value oxp_value;
typedef struct oxp_dim oxp_dim;
typedef struct oxp_cfg oxp_cfg;

/* Where parameters are named: a graph and a dotted path. Two words, passed by value. */
typedef struct oxp_scope {
	oxp_graph *g;
	const char *path;
} oxp_scope;

/* The scope below `s`: at(s, "layer.%d", i). */
OXP_API oxp_scope oxp_at(oxp_scope s, const char *fmt, ...) OXP_PRINTF(2, 3);

/* The scope of the body inside a model with a head: `s` with the row's prefix. */
OXP_API oxp_scope oxp_body(oxp_scope s);
/* The row's `family`. */
OXP_API const void *oxp_family(oxp_scope s);

/* ---- Models within models ---- */

/*
 * Builds what another row gives for a feature, here: its model_type and all else from `j`, a part
 * of this configuration, its parameters below `s`. As a bare body (bare 1) its parameters stand
 * without the row's prefix. `memory`: encoder states for memory_of, or NULL. `input`: the only
 * input that it may ask for, or NULL for any. Its outputs are handed over instead of becoming the
 * graph's: output[i] for those in order, up to `most`; returns how many.
 */
typedef struct oxp_inner {
	const char *feature;
	int bare;
	oxp_value *memory;
	const char *input;
} oxp_inner;
OXP_API int oxp_build(oxp_scope s, oxp_cfg *j, const oxp_inner *inner, oxp_value **output,
		      int most);
/* The width of the first output that a part's feature gives; nothing of it stays. */
OXP_API int64_t oxp_inner_width(oxp_scope s, oxp_cfg *j, const char *feature);
/* From here on the part's configuration has the defaults of its own type. */
OXP_API void oxp_inner_defaults(oxp_scope s, oxp_cfg *j);
/* The encoder states [batch, encoder_sequence, width] that a decoder here attends to, or NULL. */
OXP_API oxp_value *oxp_memory(oxp_scope s);
/* Puts the graph's inputs into the order of these blank-separated names. */
OXP_API void oxp_inputs_in_order(oxp_scope s, const char *names);

/* ---- Registration ---- */

/*
 * One feature of an architecture, or one graph of it: rows of the same feature, one after the
 * other, make a file each. Zeros mean: opset 11, tolerance 1e-5, model.onnx.
 */
typedef struct oxp_task {
	const char *feature; /* "default", "masked-lm", … */
	void (*build)(oxp_scope s, oxp_cfg *j);
	int opset;        /* the default and least opset */
	double atol;      /* absolute tolerance of the validation */
	const char *file; /* "encoder_model.onnx" where a feature has several */
} oxp_task;

typedef struct oxp_arch {
	const char *types; /* values of config.json's model_type, blank-separated; _ equals - */
	const char
		*prefix; /* of the body's parameters inside a model with a head ("bert"), or NULL */
	const char *defaults; /* JSON: the config class's defaults where they differ from those in
			       * the code that the row shares; or NULL */
	const char *example; /* JSON: a configuration to describe the type by, where the class needs
			      * more than its defaults; or NULL */
	const void *family;  /* what tasks that rows share need to know of this one; family_of(s) */
	const oxp_task *tasks; /* ends with a row whose feature is NULL */
} oxp_arch;

/* ---- Configuration ---- */

/*
 * Getters with the class's defaults. A missing key or null gives the default; a wrong type or a
 * number out of range is an error that names the key. Every key read is marked, the others can be
 * listed.
 */
OXP_API int64_t oxp_cfg_int(oxp_cfg *j, const char *key, int64_t otherwise);   /* 1 … 2^31 - 1 */
OXP_API int64_t oxp_cfg_index(oxp_cfg *j, const char *key, int64_t otherwise); /* -1 … 2^31 - 1 */
OXP_API double oxp_cfg_num(oxp_cfg *j, const char *key, double otherwise);
OXP_API int oxp_cfg_bool(oxp_cfg *j, const char *key, int otherwise);
OXP_API const char *oxp_cfg_str(oxp_cfg *j, const char *key, const char *otherwise);
/* Whether the key is there and null, for classes where that means something of its own. */
OXP_API int oxp_cfg_is_null(oxp_cfg *j, const char *key);
/* The length of a list; 0 for none. */
OXP_API int64_t oxp_cfg_size(oxp_cfg *j, const char *key);
/* Keys may be paths into lists and objects: cfg_int(j, cfg_key(j, "depths.%d", i), 2). */
OXP_API const char *oxp_cfg_key(oxp_cfg *j, const char *fmt, ...) OXP_PRINTF(2, 3);
enum { OXP_MOST_INTS = 64 };
typedef struct oxp_int_list {
	int n;
	int64_t at[OXP_MOST_INTS];
} oxp_int_list;
/* A list of whole numbers, none of them negative. */
OXP_API oxp_int_list oxp_cfg_ints(oxp_cfg *j, const char *key, oxp_int_list otherwise);
/* A number for both of height and width, or a list of the two. */
OXP_API void oxp_cfg_pair(oxp_cfg *j, const char *key, int64_t otherwise, int64_t pair[2]);
/* Whether an object stands at a key. */
OXP_API int oxp_cfg_is_object(oxp_cfg *j, const char *key);
/* The configuration below a key, as of a model within this one; empty where there is none. */
OXP_API oxp_cfg *oxp_cfg_sub(oxp_cfg *j, const char *key);
/* The number of labels: the length of id2label, else num_labels, else 2. */
OXP_API int64_t oxp_cfg_labels(oxp_cfg *j);
/* Which of the blank-separated `choices` the string is: 0, 1, …; another one is refused by name. */
OXP_API int oxp_cfg_choice(oxp_cfg *j, const char *key, const char *otherwise, const char *choices);
/* Refuses, in words, any value but this one ("true" and "false" stand for booleans). */
OXP_API void oxp_cfg_only(oxp_cfg *j, const char *key, const char *only);
/* Keys that cannot change an exported graph (training, generation), blank-separated. */
OXP_API void oxp_cfg_ignore(oxp_cfg *j, const char *keys);
/* Records an error of your own; `fmt` should say what was expected and what was found. */
OXP_API void oxp_cfg_refuse(oxp_cfg *j, const char *fmt, ...) OXP_PRINTF(2, 3);

/* ---- Dimensions ---- */

/*
 * A number, or an expression over named axes: sums, products, divisions rounded down, minimum and
 * maximum. Equal dimensions are the same pointer.
 */
OXP_API const oxp_dim *oxp_dim_const(oxp_graph *g, int64_t n);
OXP_API const oxp_dim *oxp_dim_axis(oxp_graph *g, const char *name);
OXP_API const oxp_dim *oxp_dim_add(oxp_graph *g, const oxp_dim *a, const oxp_dim *b);
OXP_API const oxp_dim *oxp_dim_mul(oxp_graph *g, const oxp_dim *a, const oxp_dim *b);
OXP_API const oxp_dim *oxp_dim_sub(oxp_graph *g, const oxp_dim *a, const oxp_dim *b);
/* Divided and rounded down; `by` >= 1. */
OXP_API const oxp_dim *oxp_dim_div(oxp_graph *g, const oxp_dim *a, int64_t by);
OXP_API const oxp_dim *oxp_dim_min(oxp_graph *g, const oxp_dim *a, const oxp_dim *b);
OXP_API const oxp_dim *oxp_dim_max(oxp_graph *g, const oxp_dim *a, const oxp_dim *b);
/* The dimension of an axis; negative axes count from the end. */
OXP_API const oxp_dim *oxp_dim_of(const oxp_value *x, int axis);
/* The number, or -1 for one that depends on the inputs. */
OXP_API int64_t oxp_dim_number(const oxp_dim *d);
OXP_API int oxp_rank_of(const oxp_value *x);

/* ---- Inputs, outputs, parameters ---- */

/* What validation may put into an input. */
typedef enum oxp_fill {
	OXP_FILL_NORMAL,     /* normally distributed floats */
	OXP_FILL_IDS,        /* integers below `range` */
	OXP_FILL_MASK,       /* ones, with zeros as ragged padding on either side */
	OXP_FILL_IMAGE_MASK, /* ones, with zeros in rows below and columns to the right */
} oxp_fill;

typedef struct oxp_input_spec {
	const char *name;
	oxp_dtype type;
	int rank;
	const oxp_dim *dim[OXP_MAX_RANK];
	oxp_fill fill;
	int64_t range;
	int64_t longest;             /* the most that the last axis may be; 0: no limit */
	int64_t usual[OXP_MAX_RANK]; /* lengths that validation tries for axes; 0: any */
} oxp_input_spec;

OXP_API oxp_value *oxp_input(oxp_scope s, const oxp_input_spec *spec);
OXP_API void oxp_output(oxp_scope s, const char *name, oxp_value *x);

/*
 * The parameter `name` below the scope, with this shape. The same path always gives the same value.
 * `also`: another path at which a checkpoint may keep it (tied weights), or NULL.
 */
OXP_API oxp_value *oxp_param(oxp_scope s, const char *name, int rank, const int64_t *shape);
OXP_API oxp_value *oxp_param_also(oxp_value *p, oxp_scope s, const char *name);
#define OXP_PARAM(s, name, ...)                                                                    \
	oxp_param(s, name, (int)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)),            \
		  (const int64_t[]){ __VA_ARGS__ })

OXP_API oxp_value *oxp_num(oxp_graph *g, double x);  /* a float32 scalar */
OXP_API oxp_value *oxp_int(oxp_graph *g, int64_t n); /* an int64 scalar */
/* Small tensors that no checkpoint holds; the elements are copied. */
OXP_API oxp_value *oxp_floats(oxp_graph *g, int rank, const int64_t *shape, const float *data);
OXP_API oxp_value *oxp_ints(oxp_graph *g, int rank, const int64_t *shape, const int64_t *data);
OXP_API oxp_graph *oxp_graph_of(const oxp_value *x);

/* ---- Operations ---- */

/* Element by element, shapes broadcast as in NumPy. */
OXP_API oxp_value *oxp_op_add(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_sub(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_mul(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_div(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_equal(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_less_equal(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_and(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_not(oxp_value *a);
OXP_API oxp_value *oxp_op_where(oxp_value *condition, oxp_value *yes, oxp_value *no);
OXP_API oxp_value *oxp_op_cast(oxp_value *x, oxp_dtype type);
OXP_API oxp_value *oxp_op_relu(oxp_value *x);
OXP_API oxp_value *oxp_op_sigmoid(oxp_value *x);
OXP_API oxp_value *oxp_op_tanh(oxp_value *x);
OXP_API oxp_value *oxp_op_erf(oxp_value *x);
OXP_API oxp_value *oxp_op_sqrt(oxp_value *x);
OXP_API oxp_value *oxp_op_exp(oxp_value *x);
OXP_API oxp_value *oxp_op_sin(oxp_value *x);
OXP_API oxp_value *oxp_op_cos(oxp_value *x);
OXP_API oxp_value *oxp_op_softplus(oxp_value *x);
OXP_API oxp_value *oxp_op_clip(oxp_value *x, double low, double high);
OXP_API oxp_value *oxp_op_leaky_relu(oxp_value *x, double slope);
OXP_API oxp_value *oxp_op_prelu(oxp_value *x, oxp_value *slope);
OXP_API oxp_value *oxp_op_gelu(oxp_value *x);      /* x/2 (1 + erf(x/√2)) */
OXP_API oxp_value *oxp_op_gelu_tanh(oxp_value *x); /* x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))) */

/* x [..., in] · weight [out, in]ᵀ + bias [out] (or NULL) → [..., out] */
OXP_API oxp_value *oxp_op_linear(oxp_value *x, oxp_value *weight, oxp_value *bias);
/* The same with weight [in, out]. */
OXP_API oxp_value *oxp_op_linear_turned(oxp_value *x, oxp_value *weight, oxp_value *bias);
/* a [..., m, k] · b [..., k, n], leading dimensions broadcast */
OXP_API oxp_value *oxp_op_matmul(oxp_value *a, oxp_value *b);
OXP_API oxp_value *oxp_op_softmax(oxp_value *x, int axis);
/* over the last axis; weight and bias [last] */
OXP_API oxp_value *oxp_op_layer_norm(oxp_value *x, oxp_value *weight, oxp_value *bias, double eps);
/* x / √(mean of x² over the last axis + eps) · weight [last] */
OXP_API oxp_value *oxp_op_rms_norm(oxp_value *x, oxp_value *weight, double eps);
/* x [batch, channels, height, width]; the others [channels], as they were after training */
OXP_API oxp_value *oxp_op_batch_norm(oxp_value *x, oxp_value *weight, oxp_value *bias,
				     oxp_value *mean, oxp_value *variance, double eps);

/* How a window walks over height and width; zeros mean: stride 1, dilation 1, one group. */
typedef struct oxp_window {
	int64_t size[2]; /* of a pool; a convolution takes its weight's */
	int64_t stride[2], pad[2], dilation[2];
	int64_t groups;
} oxp_window;
/*
 * x [batch, in, height, width], weight [out, in / groups, height, width], bias [out] or NULL
 * → [batch, out, (height + 2 pad - dilation (size - 1) - 1) / stride + 1, …]
 */
OXP_API oxp_value *oxp_op_conv(oxp_value *x, oxp_value *weight, oxp_value *bias,
			       const oxp_window *w);
OXP_API oxp_value *oxp_op_max_pool(oxp_value *x, const oxp_window *w);
/* Bilinear, with pixels as areas (align_corners false): axes 2 and 3 get these lengths. */
OXP_API oxp_value *oxp_op_resize(oxp_value *x, const oxp_dim *height, const oxp_dim *width);
/*
 * softmax(q kᵀ scale + bias) v, with q [batch, heads, queries, head_dim], k and v
 * [batch, heads, keys, head_dim]; bias broadcasts to [batch, heads, queries, keys] or is NULL.
 */
OXP_API oxp_value *oxp_op_attention(oxp_value *q, oxp_value *k, oxp_value *v, oxp_value *bias,
				    double scale);

/* table [rows, width], ids [...] → [..., width] */
OXP_API oxp_value *oxp_op_embedding(oxp_value *table, oxp_value *ids);
/* The elements ids [n] of an axis, in that order. */
OXP_API oxp_value *oxp_op_gather(oxp_value *x, int axis, oxp_value *ids);
/* `length` elements of an axis, from `start` on. */
OXP_API oxp_value *oxp_op_slice(oxp_value *x, int axis, const oxp_dim *start,
				const oxp_dim *length);
/* Zeros before and after the elements of an axis. */
OXP_API oxp_value *oxp_op_pad(oxp_value *x, int axis, const oxp_dim *before, const oxp_dim *after);
/* Repeats axes of length 1, as broadcasting does, to this shape. */
OXP_API oxp_value *oxp_op_expand(oxp_value *x, int rank, const oxp_dim *const *dims);
/* One index of an axis, which goes away; negative ones count from the end. */
OXP_API oxp_value *oxp_op_select(oxp_value *x, int axis, int64_t index);
OXP_API oxp_value *oxp_op_reshape(oxp_value *x, int rank, const oxp_dim *const *dims);
OXP_API oxp_value *oxp_op_transpose(oxp_value *x, const int *perm);
OXP_API oxp_value *oxp_op_unsqueeze(oxp_value *x, int axis); /* a new axis of length 1 */
OXP_API oxp_value *oxp_op_concat(oxp_value *a, oxp_value *b, int axis);
OXP_API oxp_value *oxp_op_mean(oxp_value *x, int axis); /* the axis goes away */
OXP_API oxp_value *oxp_op_sum(oxp_value *x, int axis);
OXP_API oxp_value *oxp_op_largest(oxp_value *x, int axis);
OXP_API oxp_value *oxp_op_argmax(oxp_value *x, int axis); /* the first of the largest; int64 */
OXP_API oxp_value *oxp_op_cumsum(oxp_value *x, int axis);
/* 0, 1, …, length - 1 as int64 */
OXP_API oxp_value *oxp_op_range(oxp_graph *g, const oxp_dim *length);
/* A dimension as an int64 scalar. */
OXP_API oxp_value *oxp_op_length(oxp_graph *g, const oxp_dim *d);

/* ---- Layers ---- */

/* "weight" [width, in] and "bias" [width] below `name` */
OXP_API oxp_value *oxp_nn_linear(oxp_scope s, const char *name, oxp_value *x, int64_t width);
/* The same without a bias. */
OXP_API oxp_value *oxp_nn_project(oxp_scope s, const char *name, oxp_value *x, int64_t width);
/* "weight" [in, width] and "bias" [width]: the layer that GPT-2 calls Conv1D. */
OXP_API oxp_value *oxp_nn_conv1d(oxp_scope s, const char *name, oxp_value *x, int64_t width);
/* "weight" [rows, width] below `name` */
OXP_API oxp_value *oxp_nn_embedding(oxp_scope s, const char *name, oxp_value *ids, int64_t rows,
				    int64_t width);
/* `length` rows from `start` on of "weight" [rows, width] below `name`: learned positions. */
OXP_API oxp_value *oxp_nn_positions(oxp_scope s, const char *name, const oxp_dim *start,
				    const oxp_dim *length, int64_t rows, int64_t width);
OXP_API oxp_value *oxp_nn_layer_norm(oxp_scope s, const char *name, oxp_value *x, double eps);

/* The activation functions of Transformers (ACT2FN), by their names in config.json. */
typedef enum oxp_act {
#define ACT(name, word) OXP_ACT_##name,
#include "onnxport/activations.def"
#undef ACT
	OXP_ACT_NONE
} oxp_act;

OXP_API oxp_act oxp_cfg_act(oxp_cfg *j, const char *key, const char *otherwise);
/* The same for a name found by other means; the key is for the error. */
OXP_API oxp_act oxp_cfg_act_of(oxp_cfg *j, const char *key, const char *name);
/* `name`: the module's own name, below which prelu keeps its slope. */
OXP_API oxp_value *oxp_nn_act(oxp_scope s, const char *name, oxp_act act, oxp_value *x);

typedef struct oxp_attention {
	int64_t heads;
	oxp_value *bias; /* added to the scaled scores: masks, relative positions; or NULL */
	double scale;    /* 0: 1/√head_dim */
} oxp_attention;

/* q, k, v [batch, sequence, hidden] → [batch, sequence, hidden] */
OXP_API oxp_value *oxp_nn_attention(oxp_value *q, oxp_value *k, oxp_value *v,
				    const oxp_attention *a);
/* The same on heads [batch, heads, sequence, head_dim] → [batch, sequence, hidden] */
OXP_API oxp_value *oxp_nn_attend(oxp_value *q, oxp_value *k, oxp_value *v, oxp_value *bias,
				 double scale);
/*
 * What one layer computed for queries, keys and values: [batch, sequence, parts × heads × head_dim]
 * or [batch, sequence, heads × parts × head_dim] → part[i] [batch, heads, sequence, head_dim]
 */
typedef enum oxp_fused { OXP_FUSED_PARTS_FIRST, OXP_FUSED_HEADS_FIRST } oxp_fused;
OXP_API void oxp_nn_split_fused(oxp_value *x, int64_t heads, oxp_fused order, int64_t parts,
				oxp_value **part);
/* [batch, sequence, heads × head_dim] → [batch, heads, sequence, head_dim], and back */
OXP_API oxp_value *oxp_nn_split_heads(oxp_value *x, int64_t heads);
OXP_API oxp_value *oxp_nn_merge_heads(oxp_value *x);

/*
 * Scores for distances between queries and keys, whose `count` buckets widen up to a distance of
 * `most`, from the table "weight" [count, heads] below `name`; the queries are the last of the
 * keys. One way, what lies ahead counts as no distance. → [1, heads, queries, keys]
 */
typedef struct oxp_buckets {
	int64_t count, most, heads;
	int both_ways;
} oxp_buckets;
OXP_API oxp_value *oxp_nn_bucket_bias(oxp_scope s, const char *name, const oxp_buckets *b,
				      const oxp_dim *queries, const oxp_dim *keys);
/*
 * The input pixel_values [batch, channels, height, width]. `size` is the configuration's; with
 * any_size height and width are symbolic. `batch`: the name of that axis; NULL: "batch".
 */
typedef struct oxp_image_spec {
	int64_t channels, size[2];
	int any_size;
	const char *batch;
} oxp_image_spec;
OXP_API oxp_value *oxp_nn_image(oxp_scope s, const oxp_image_spec *spec);
/* "weight" [out, in / groups, height, width] and "bias" [out]; w->size is the weight's. */
OXP_API oxp_value *oxp_nn_conv(oxp_scope s, const char *name, oxp_value *x, int64_t out,
			       const oxp_window *w);
OXP_API oxp_value *oxp_nn_conv_no_bias(oxp_scope s, const char *name, oxp_value *x, int64_t out,
				       const oxp_window *w);
/* "weight", "bias", "running_mean", "running_var", each [channels] */
OXP_API oxp_value *oxp_nn_batch_norm(oxp_scope s, const char *name, oxp_value *x, double eps);
/* "weight" and "bias" [channels], over groups of channels and all their pixels */
OXP_API oxp_value *oxp_nn_group_norm(oxp_scope s, const char *name, oxp_value *x, int64_t groups,
				     double eps);
/* For each of `to` places the nearest of `from`, rounded down, as int64 [to]. */
OXP_API oxp_value *oxp_nn_nearest(oxp_graph *g, const oxp_dim *from, const oxp_dim *to);
/* x [batch, channels, height, width] at another size, of nearest pixels */
OXP_API oxp_value *oxp_nn_resize_nearest(oxp_value *x, const oxp_dim *height, const oxp_dim *width);
/* A layer norm over the channels of every pixel. */
OXP_API oxp_value *oxp_nn_channel_norm(oxp_scope s, const char *name, oxp_value *x, double eps);
/* [batch, channels, height, width] → [batch, height × width, channels], and back */
OXP_API oxp_value *oxp_nn_flatten_image(oxp_value *x);
OXP_API oxp_value *oxp_nn_unflatten_image(oxp_value *x, const oxp_dim *height,
					  const oxp_dim *width);
/* [1, n, width] for every member of a batch → [batch, n, width] */
OXP_API oxp_value *oxp_nn_repeat(oxp_value *x, const oxp_dim *batch);

/*
 * Learned distances between the cells of a grid of h rows and w columns, from a table [(2h - 1) ×
 * (2w - 1), heads] → [1, heads, h × w, h × w]. With a class token before the cells the table has
 * three rows more: from it, to it, and of it to itself.
 */
OXP_API oxp_value *oxp_nn_grid_bias(oxp_value *table, int64_t h, int64_t w, int with_class);
/* [batch, height, width, channels] in squares → [batch × squares, size², channels], and back */
OXP_API oxp_value *oxp_nn_to_windows(oxp_value *x, int64_t size);
OXP_API oxp_value *oxp_nn_from_windows(oxp_value *x, int64_t size, const oxp_dim *batch,
				       const oxp_dim *height, const oxp_dim *width);
/* Moves what stands `by` places along an axis to its start; what stood before goes to the end. */
OXP_API oxp_value *oxp_nn_roll(oxp_value *x, int axis, const oxp_dim *by);

/*
 * Positions that are numbers: place [batch, sequence] (int64) × speed^i for i below half, as sines
 * and then cosines → [batch, sequence, 2 × half]
 */
OXP_API oxp_value *oxp_nn_sine_waves(oxp_value *place, int64_t half, double speed);
/*
 * Rotary positions (Su et al. 2021) of the places from `start` on: sines and cosines of place ×
 * base^(-2i / width), [length, width / 2].
 */
typedef struct oxp_rotary {
	oxp_value *sin, *cos;
} oxp_rotary;
OXP_API oxp_rotary oxp_nn_rotary(oxp_scope s, const oxp_dim *start, const oxp_dim *length,
				 int64_t width, double base);
/* Turns neighbouring pairs of the first elements of x [batch, heads, sequence, head_dim]. */
OXP_API oxp_value *oxp_nn_rotate_pairs(oxp_value *x, const oxp_rotary *turn);

/* Masks to add to scores: 0 where a key may be seen, half the least float32 where not. */
OXP_API oxp_value *oxp_nn_padding_mask(oxp_value *mask); /* [b, keys] → [b, 1, 1, keys] */
/* No place sees those after it: [length, length]. */
OXP_API oxp_value *oxp_nn_ahead_mask(oxp_scope s, const oxp_dim *length);
/*
 * The same, where the queries are the last of the tokens and see no keys after themselves
 * → [b, 1, queries, keys]
 */
OXP_API oxp_value *oxp_nn_causal_mask(oxp_value *mask, const oxp_dim *queries);
/*
 * The same in the way of GPT-2 and GPT-Neo, which add padding to what their attention masks itself:
 * a query without any real key looks at its padding, never ahead. It reaches back `reach` keys, its
 * own counted; 0: all.
 */
OXP_API oxp_value *oxp_nn_causal_mask_added(oxp_value *mask, const oxp_dim *queries, int64_t reach);

/*
 * Keys and values of the tokens before: inputs past_key_values.{i}.key and .value [batch, heads,
 * axis, width], and outputs present.{i}.…, longer by the new tokens. With a cross_axis they are
 * called decoder.key … and there are encoder.key and encoder.value, which stay as they are. Declare
 * with the first five members set.
 */
typedef struct oxp_cache {
	int64_t layers, heads, width;
	const char *axis, *cross_axis;
	const oxp_dim *length; /* of the past */
	oxp_graph *g;
	oxp_value *(*state)[4];
} oxp_cache;

OXP_API oxp_cache *oxp_nn_cache(oxp_scope s, const oxp_cache *spec);
/* Puts the past before new keys and values [batch, heads, sequence, width]; c may be NULL. */
OXP_API void oxp_nn_cache_append(oxp_cache *c, int64_t layer, oxp_value **key, oxp_value **value);
/* The encoder's keys and values. */
OXP_API void oxp_nn_cache_cross(const oxp_cache *c, int64_t layer, oxp_value **key,
				oxp_value **value);
/* Declares the outputs; nothing without a cache. */
OXP_API void oxp_nn_cache_outputs(oxp_scope s, const oxp_cache *c);

/* The last place that is true of [batch, sequence], or 0 → [batch] */
OXP_API oxp_value *oxp_nn_last_place(oxp_value *seen);
/* x [batch, sequence, width] at place [batch] → [batch, width] */
OXP_API oxp_value *oxp_nn_pick(oxp_value *x, oxp_value *place);

typedef enum oxp_relative {
	OXP_RELATIVE_NONE,
	OXP_RELATIVE_KEY,
	OXP_RELATIVE_KEY_QUERY
} oxp_relative;
/*
 * Learned distances between queries and keys (Shaw et al. 2018, Huang et al. 2020) from the table
 * "weight" [2 × most - 1, head_dim] below `name`; q and k [batch, sequence, hidden].
 * → [batch, heads, sequence, sequence], unscaled
 */
OXP_API oxp_value *oxp_nn_relative_scores(oxp_scope s, const char *name, oxp_relative kind,
					  oxp_value *q, oxp_value *k, int64_t heads, int64_t most);

/*
 * The inputs of a text model, in the order of `names` ("input_ids attention_mask …", or with
 * "decoder_" before them), as [batch, sequence]; NULL for those not named.
 */
typedef struct oxp_text_inputs {
	oxp_value *ids, *mask, *types, *tasks;
} oxp_text_inputs;

typedef struct oxp_text_spec {
	const char *names;
	int64_t vocab, types, tasks; /* how many ids of each kind there are */
	int64_t longest;             /* the longest sequence; 0: no limit */
	const char *axis;            /* of the sequence; NULL: "sequence" */
	const oxp_dim *past;         /* a mask's tokens before the sequence, or NULL */
	/* 1: inputs are [batch, choice, sequence], handed on as [batch × choice, sequence] */
	int choices;
} oxp_text_spec;

OXP_API oxp_text_inputs oxp_nn_text_inputs(oxp_scope s, const oxp_text_spec *spec);

#ifndef ONNXPORT_NO_SHORT_NAMES
#include "onnxport/short_names.h"
#endif

#ifdef __cplusplus
}
#endif

#endif
