/* thread.h: a loop whose turns run side by side. */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include <stddef.h>

/* How many threads the machine runs at a time (ONNXPORT_THREADS overrides it). */
int thread_count(void);

/* Calls body(context, i) for every i below count, on up to `threads` threads. Never fails: where
 * no thread can be started, the caller's own does the work. */
void parallel_for(int threads, size_t count, void (*body)(void *context, size_t i), void *context);

#endif
