#include "weights/tensorflow.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "weights/hdf5.h"

/* The last words of variables that PyTorch calls otherwise. */
static const char *const words[][2] = {
	{ "kernel", "weight" },
	{ "embeddings", "weight" },
	{ "gamma", "weight" },
	{ "beta", "bias" },
	{ "moving_mean", "running_mean" },
	{ "moving_variance", "running_var" },
	{ "pointwise_kernel", "pointwise.weight" },
	{ "depthwise_kernel", "depthwise.weight" },
};

/* Replaces every `from` by `to`, which is not longer. */
static void replace(char *s, const char *from, const char *to)
{
	size_t n = strlen(from), m = strlen(to);

	while ((s = strstr(s, from))) {
		memcpy(s, to, m);
		memmove(s + m, s + n, strlen(s + n) + 1);
	}
}

/* "mlm___cls" is only "cls": what stands before the mark keeps layers apart in TensorFlow. */
static void drop_marked(char *s)
{
	char *mark;

	while ((mark = strstr(s, "___"))) {
		char *start = mark;

		while (start > s && start[-1] != '/')
			start--;
		memmove(start, mark + 3, strlen(mark + 3) + 1);
	}
}

char *tensorflow_name(arena *a, const char *variable, tensorflow_scope written)
{
	char *s = arena_strdup(a, variable), *slash;
	const char *last;

	if (!s)
		return NULL;
	replace(s, ":0", "");
	/* savers of shards leave the scope where a name has "model." in it */
	if (written == TENSORFLOW_SCOPED || strstr(s, "model.")) {
		slash = strchr(s, '/');
		if (slash)
			s = slash + 1;
	}
	drop_marked(s);
	replace(s, "_._", "/");
	replace(s, "//", "/");
	for (slash = s; (slash = strchr(slash, '/'));)
		*slash = '.';
	last = strrchr(s, '.');
	last = last ? last + 1 : s;
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(last, words[i][0]) == 0)
			return arena_printf(a, "%.*s%s", (int)(last - s), s, words[i][1]);
	return s;
}

/* Where a kernel's axes go: to output, input, and the places of a convolution. */
static void turn(tensor *t, const char *variable)
{
	static const int matrix[] = { 1, 0 }, line[] = { 2, 1, 0 }, image[] = { 3, 2, 0, 1 };
	static const int depthwise[] = { 2, 3, 0, 1 };
	const char *last = strrchr(variable, '/');
	const int *axes = NULL;
	int64_t stride[OXP_MAX_RANK];
	uint64_t n = 1; /* may wrap where another axis is empty, and nothing is ever read */
	tensor from = *t;

	last = last ? last + 1 : variable;
	if (!strncmp(last, "kernel:", 7) || !strncmp(last, "pointwise_kernel:", 17))
		axes = t->rank == 2 ? matrix : t->rank == 3 ? line : t->rank == 4 ? image : NULL;
	else if (!strncmp(last, "depthwise_kernel:", 17))
		axes = t->rank == 2   ? matrix
		       : t->rank == 3 ? line
		       : t->rank == 4 ? depthwise
				      : NULL;
	if (!axes)
		return;
	for (int i = t->rank; i-- > 0; n *= (uint64_t)t->shape[i])
		stride[i] = (int64_t)n;
	t->strided = 1;
	for (int i = 0; i < t->rank; i++) {
		t->shape[i] = from.shape[axes[i]];
		t->stride[i] = stride[axes[i]];
	}
}

int tensorflow_add(checkpoint *c, const tensor *from, const char *variable,
		   tensorflow_scope written, error *e)
{
	tensor t = *from;
	char *name = tensorflow_name(&c->arena, variable, written);

	if (!name)
		return error_memory(e);
	if (map_get(&c->by_name, name))
		return 0;
	t.name = name;
	t.has_loose_ones = 1;
	c->is_tensorflow = 1;
	turn(&t, variable);
	return checkpoint_add(c, &t, e);
}

struct reading {
	checkpoint *c;
	tensorflow_scope written;
};

static int found(void *context, const char *path, const tensor *from, const hdf5_layout *how,
		 error *e)
{
	struct reading *r = context;
	tensor t = *from;
	const char *slash = strchr(path, '/');

	if (r->written == TENSORFLOW_SCOPED && slash) /* the layer's group */
		path = slash + 1;
	if (how->chunked) {
		file *f = checkpoint_scratch(r->c, t.file->path, t.size, e);

		if (!f || hdf5_unpack(t.file, path, &t, how, f->fd, e))
			return e->code;
		t.file = f;
		t.offset = 0;
	}
	return tensorflow_add(r->c, &t, path, r->written, e);
}

int tensorflow_read(checkpoint *c, file *f, tensorflow_scope written, error *e)
{
	struct reading r = { c, written };

	if (hdf5_walk(f, found, &r, e))
		return e->code;
	return c->count ? 0 : error_set(e, E_MODEL, "%s: has no weights in it", f->path);
}

/*
 * The one word that follows `above` ("encoder.", or "") in all names that begin with it: the main
 * layer of a base class, which PyTorch's classes do not have. Its length, 0 for none.
 */
static size_t main_layer(const checkpoint *c, const char *above, const char **layer)
{
	size_t n = strlen(above), length = 0;

	for (size_t i = 0; i < c->count; i++) {
		const char *s = c->tensor[i]->name;
		size_t k;

		if (strncmp(s, above, n) != 0)
			continue;
		k = strcspn(s + n, ".");
		if (!s[n + k] || (length && (k != length || strncmp(s + n, *layer, k) != 0)))
			return 0;
		*layer = s + n;
		length = k;
	}
	return length;
}

tensor *tensorflow_find(checkpoint *c, const char *path)
{
	static const char *const above[] = { "", "encoder." };
	tensor *found_there = NULL;

	for (int i = 0; i < 2 && !found_there; i++) {
		const char *layer;
		size_t n = strlen(above[i]), k;
		text name = { 0 };

		if (strncmp(path, above[i], n) != 0 || !(k = main_layer(c, above[i], &layer)))
			continue;
		text_add(&name, "%s%.*s.%s", above[i], (int)k, layer, path + n);
		found_there = name.failed ? NULL : map_get(&c->by_name, name.s);
		text_free(&name);
	}
	return found_there;
}
