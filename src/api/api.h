/* api.h: what the public functions share. */
#ifndef API_API_H
#define API_API_H

#include "arch/registry.h"
#include "hub/hub.h"
#include "onnxport/onnxport.h"

struct oxp_context {
	error error;
	oxp_log_fn *log;
	void *log_user;
	oxp_progress_fn *progress;
	void *progress_user;
	registry registry;
	char name[64];
	arena results; /* what the last call gave out */
	text report;   /* the page so far, where one is asked for */
};

/* A model opened as far as its graph. */
typedef struct loaded {
	arena arena;
	hub *hub;
	const char *folder;
	const char *source; /* the model's name without the folders of this machine: a folder's, or
			       a hub id */
	cfg *config;
	checkpoint *weights;
	const char *type, *feature;
	const arch *arch;
	const task *task;
	graph *graph;
} loaded;

/* The start of every call that exports: no error, no results. */
void api_start(oxp_context *c, oxp_result *result);
void api_log(oxp_context *c, oxp_log_level level, const char *fmt, ...) PRINTF(3, 4);
/* Finds the folder, reads config.json, finds the row and the task; NULL after an error. */
const arch *api_find(oxp_context *c, const char *model, const oxp_options *o, loaded *l);
/* The same, then opens the weights and builds the graph. */
int api_load(oxp_context *c, const char *model, const oxp_options *o, loaded *l) MUST_USE;
/* Builds the graph of a task; `weights` NULL: without parameters' places. */
int api_build(oxp_context *c, const arch *a, loaded *l, const oxp_options *o) MUST_USE;
/* Turns to the feature's next graph and builds it; 0 and no graph where there is none. */
int api_next(oxp_context *c, loaded *l, const oxp_options *o) MUST_USE;
/* Room for the next graph's result behind this one; NULL after an error. */
oxp_result *api_next_result(oxp_context *c, oxp_result *r);
/* The file at `path` against the graph at hand. */
int api_validate(oxp_context *c, loaded *l, const char *path, const oxp_options *o,
		 oxp_result *result) MUST_USE;
/* Ends the report and writes it, where there is one and nothing but a mismatch went wrong; gives
 * the context's error. */
int api_report_write(oxp_context *c, const oxp_options *o) MUST_USE;
/* "model.onnx", or the task's own name for its file. */
const char *api_file(const loaded *l);
void api_unload(loaded *l);

#endif
