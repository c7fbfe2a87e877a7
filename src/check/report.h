/* report.h: the page that shows where precision goes, and what the graph is made of. */
#ifndef CHECK_REPORT_H
#define CHECK_REPORT_H

#include "base/text.h"
#include "check/layers.h"

typedef struct report_count {
	const char *name;
	int64_t n;
} report_count;

/* A parameter that several operations take; stored once. */
typedef struct report_tied {
	const char *name;
	uint64_t bytes;
	int uses;
} report_tied;

/* One file. */
typedef struct report_graph {
	const char *file, *verdict; /* verdict: the error, or NULL */
	const char *prefix;         /* of the layers' paths, left out in names; or NULL */
	int64_t opset;
	double atol;
	const graph *g;
	const validation *validation;
	const layer *layer;
	int layers;
	const report_count *nodes; /* by type, most first */
	int node_types;
	int64_t parameters; /* elements */
	uint64_t bytes;     /* of all files */
	const report_tied *tied;
	int ties;
} report_graph;

/* The page up to the first graph, a graph's part of it, and the end. */
void report_start(text *t, const char *model, const char *type, const char *feature,
		  const char *runtime);
void report_add(text *t, const report_graph *r);
void report_end(text *t);

#endif
