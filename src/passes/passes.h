/* passes.h: graph to graph, the same result with less. */
#ifndef PASSES_PASSES_H
#define PASSES_PASSES_H

#include "ir/ir.h"

/*
 * Takes out what does nothing (reshapes of reshapes, transposes that cancel, additions of zero,
 * arithmetic of constants) and what no output needs, and orders the rest again.
 */
int passes_simplify(graph *g) MUST_USE;

#endif
