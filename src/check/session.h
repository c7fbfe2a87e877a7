/* session.h: an ONNX file made ready to run, by whichever runtime. */
#ifndef CHECK_SESSION_H
#define CHECK_SESSION_H

#include "check/onnx_file.h"
#include "exec/exec.h"

typedef struct session session;

struct session {
	int inputs, outputs;
	const char *const *input, *const *output; /* names */
	/* Inputs in the session's order; the outputs are freed by the caller. */
	int (*run)(session *s, const array *in, array *out, error *e);
	void (*close)(session *s);
};

/* The built-in evaluator of the operators that onnxport writes. */
session *eval_load(const char *path, error *e);
/*
 * The same for a file that is read already, which it owns from now on, whatever happens; with a
 * bound on the elements that one run may make.
 */
session *eval_open(onnx_file *f, int64_t most, error *e);

#endif
