/* report.h: --report, the page of what the validation found. */
#ifndef API_REPORT_H
#define API_REPORT_H

#include "api/api.h"
#include "check/check.h"

/* The file at `path`, made ready to run; `runtime` NULL: by the built-in evaluator. */
session *api_session(ort *runtime, const char *path, error *e);

/* What a file's validation was, whatever came of it. */
typedef struct reported {
	const char *path;
	const oxp_options *options;
	ort *runtime;
	const char *runtime_name;
	const validation *validation;
	double atol;
} reported;

/* Adds the graph at hand to the context's report. A failure here becomes the context's error unless
 * it has one. */
void api_report(oxp_context *c, loaded *l, const reported *r);

#endif
