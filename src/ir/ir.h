/*
 * ir.h: the graph between the architectures and everything else. Typed values with symbolic
 * shapes; parameters that are views into a checkpoint; one sticky error.
 */
#ifndef IR_IR_H
#define IR_IR_H

#include "base/arena.h"
#include "base/map.h"
#include "base/text.h"
#include "weights/checkpoint.h"

enum op {
#define OP(name, least, most) OP_##name,
#include "ir/ops.def"
#undef OP
	OP_COUNT
};

/* ---- Dimensions: sums of products of factors, in a canonical form, interned by their text. ----
 */

enum { MOST_TERMS = 12, MOST_FACTORS = 6 };

/* What a sum of products cannot say further: an axis, or a function of other dimensions. */
typedef struct dim_factor {
	const char *name; /* "height", "((height - 1) floordiv 2)", "min(height, width)"; its key */
	enum { FACTOR_AXIS, FACTOR_DIV, FACTOR_MIN, FACTOR_MAX } kind;
	const dim *a, *b; /* operands of the functions */
} dim_factor;

typedef struct dim_term {
	int64_t times;
	int factors;
	const dim_factor *factor[MOST_FACTORS]; /* sorted by name */
} dim_term;

struct oxp_dim {
	const char *text; /* "past_sequence + sequence"; its own key */
	int terms;        /* 0: the number zero */
	dim_term term[MOST_TERMS];
};

/* The value of a dimension where `of` gives every axis its length. */
int64_t dim_value(const dim *d, int64_t (*of)(void *context, const char *axis), void *context);

/* ---- Values ---- */

enum { MOST_ALSO = 4 };

typedef struct param {
	const char *path;            /* in the architecture's spelling */
	const char *name;            /* in the checkpoint's, once bound */
	const char *also[MOST_ALSO]; /* other paths it may have */
	int rank;
	int64_t shape[OXP_MAX_RANK];
	tensor *view; /* NULL: not bound, or seeded */
	int seeded;   /* --allow-missing: values come from fill_values(name, …) */
} param;

enum { MOST_OPERANDS = 6 };

struct oxp_value {
	graph *g;
	enum op op;
	dtype type;
	int rank;
	const dim *dim[OXP_MAX_RANK];
	int inputs;
	value *in[MOST_OPERANDS];
	const char *scope; /* dotted path that names its node */
	int is_layer; /* the scope is a parameter owner's: what follows belongs to its parent */
	int id;       /* place in the order; -1: not needed by any output */
	int users;    /* in the order */
	/* attributes, as ops.def says */
	int axis;
	int64_t index;
	double number, low, high;
	int perm[OXP_MAX_RANK];
	const dim *start, *after; /* of a slice; zeros before and after of a pad */
	window window;
	const void *data; /* a literal's elements */
	const input_spec *input;
	param *param;
};

typedef struct output_value {
	const char *name;
	value *x;
} output_value;

struct oxp_graph {
	arena arena;
	error *error;                    /* the caller's */
	checkpoint *weights;             /* NULL: a skeleton, which only describes */
	const arch *arch;                /* NULL: a graph without a row */
	const char *prefix;              /* the row's */
	value *memory;                   /* encoder states for a decoder within a model, or NULL */
	int memory_taken;                /* somebody asked for them */
	const struct registry *registry; /* where models within models are found */
	int allow_missing, seeded;       /* seeded: how many parameters are */
	dtype rounded; /* what parameters are rounded to before they are used, or 0 */
	value *poison;
	value **input;
	int inputs;
	output_value *output;
	int outputs;
	value **order; /* after graph_finish: operands before their users */
	int ordered;
	const dim **dim;
	int dims;
	map values; /* parameters by path, constants by text */
};

/* A graph to build in; errors go to `e`. Checkpoint and row are borrowed and may be NULL. */
graph *graph_new(checkpoint *weights, const arch *a, error *e);
void graph_free(graph *g);
/*
 * After building: binds the outputs, numbers the nodes in a post-order walk from them, and reports
 * the parameters that no file has. Call again after passes that rewire values.
 */
int graph_finish(graph *g, error *e) MUST_USE;
int graph_order(graph *g) MUST_USE;
/* Records an error with its place and gives the poison value. */
value *graph_fail(graph *g, int code, const char *fmt, ...) PRINTF(3, 4);

/* A new value with these operands (NULL ones at the end are left out), its shape not inferred yet.
 */
value *value_new(graph *g, enum op op, value *a, value *b, value *c, value *d);
/* The same with up to MOST_OPERANDS of them. */
value *value_of(graph *g, enum op op, value *const *in, int n);
/* Infers type and shape, which checks the operands. */
value *value_done(value *v);
int is_poison(const value *v);

/* Elements of a parameter as float32. */
void param_read(const param *p, int64_t first, int64_t count, float *out);
/* Straight into the file's mapping, where the stored type is float32 and aligned; else NULL. */
const float *param_data(const param *p);

const char *op_name(enum op op);
/* The graph as text, one value a line: for eyes, tests and diffs. */
void graph_print(const graph *g, text *out);
void value_shape_text(const value *v, text *out);

#endif
