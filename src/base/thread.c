#define _GNU_SOURCE
#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum { MOST_THREADS = 64 };

struct loop {
	void (*body)(void *context, size_t i);
	void *context;
	size_t count;
	atomic_size_t next;
};

int thread_count(void)
{
	const char *s = getenv("ONNXPORT_THREADS");
	long n = s ? strtol(s, NULL, 10) : 0;

	if (n < 1)
		n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > MOST_THREADS ? MOST_THREADS : (int)n;
}

static void *work(void *p)
{
	struct loop *l = p;
	size_t i;

	while ((i = atomic_fetch_add(&l->next, 1)) < l->count)
		l->body(l->context, i);
	return NULL;
}

void parallel_for(int threads, size_t count, void (*body)(void *context, size_t i), void *context)
{
	struct loop l = { .body = body, .context = context, .count = count };
	pthread_t id[MOST_THREADS];
	int started = 0;

	atomic_init(&l.next, 0);
	if (threads > MOST_THREADS)
		threads = MOST_THREADS;
	while (started + 1 < threads && (size_t)started + 1 < count &&
	       pthread_create(&id[started], NULL, work, &l) == 0)
		started++;
	work(&l);
	while (started)
		pthread_join(id[--started], NULL);
}
