#include "weights/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "weights/tensorflow.h"

checkpoint *checkpoint_new(const char *folder, error *e)
{
	checkpoint *c = calloc(1, sizeof *c);

	if (!c || !(c->folder = arena_strdup(&c->arena, folder))) {
		checkpoint_close(c);
		error_memory(e);
		return NULL;
	}
	return c;
}

void checkpoint_close(checkpoint *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->files; i++)
		file_unmap(c->file[i]);
	free(c->file);
	free(c->tensor);
	map_free(&c->by_name);
	arena_free(&c->arena);
	free(c);
}

/* Keeps a file until the checkpoint closes; `f` NULL: opening it failed. */
static file *keep(checkpoint *c, file *f, error *e)
{
	file **more = f ? realloc(c->file, (c->files + 1) * sizeof(*more)) : NULL;

	if (!f)
		return NULL;
	if (!more) {
		file_unmap(f);
		error_memory(e);
		return NULL;
	}
	c->file = more;
	return c->file[c->files++] = f;
}

file *checkpoint_map(checkpoint *c, const char *path, error *e)
{
	return keep(c, file_map(&c->arena, path, e), e);
}

file *checkpoint_scratch(checkpoint *c, const char *from, uint64_t size, error *e)
{
	return keep(c, file_scratch(&c->arena, from, size, e), e);
}

int checkpoint_add(checkpoint *c, const tensor *t, error *e)
{
	tensor *copy;

	if (map_get(&c->by_name, t->name))
		return error_set(e, E_MODEL, "%s: the tensor %s stands in it twice", t->file->path,
				 t->name);
	if (c->count == c->room) {
		size_t room = c->room ? c->room * 2 : 64;
		tensor **more = realloc(c->tensor, room * sizeof(*more));

		if (!more)
			return error_memory(e);
		c->tensor = more;
		c->room = room;
	}
	copy = arena_alloc(&c->arena, sizeof *copy);
	if (!copy)
		return error_memory(e);
	*copy = *t;
	copy->name = arena_strdup(&c->arena, t->name);
	if (!copy->name || map_put(&c->by_name, copy->name, copy))
		return error_memory(e);
	c->tensor[c->count++] = copy;
	return 0;
}

/* The path itself, or with the norms' names of the first TensorFlow checkpoints. */
static tensor *find_spelled(checkpoint *c, const char *path)
{
	static const char *const old[][2] = { { ".weight", ".gamma" }, { ".bias", ".beta" } };
	tensor *t = map_get(&c->by_name, path);

	for (int i = 0; i < 2 && !t; i++) {
		char name[512];
		size_t n = strlen(path) - (ends_with(path, old[i][0]) ? strlen(old[i][0]) : 0);

		if (!path[n] || n + 8 > sizeof name)
			continue;
		memcpy(name, path, n);
		strcpy(name + n, old[i][1]);
		t = map_get(&c->by_name, name);
	}
	return t;
}

tensor *checkpoint_find(checkpoint *c, const char *path, const char *prefix)
{
	size_t n = prefix ? strlen(prefix) : 0;
	tensor *t = find_spelled(c, path);

	if (!t && n && strncmp(path, prefix, n) == 0 && path[n] == '.')
		t = find_spelled(c, path + n + 1);
	if (!t && c->is_tensorflow)
		t = tensorflow_find(c, path);
	if (t)
		t->used = 1;
	return t;
}

static int read_safetensors(checkpoint *c, const char *path, error *e)
{
	file *f = checkpoint_map(c, path, e);

	return f ? safetensors_read(c, f, e) : e->code;
}

static int read_torch(checkpoint *c, const char *path, error *e)
{
	file *f = checkpoint_map(c, path, e);

	return f ? torch_read(c, f, e) : e->code;
}

static int read_keras(checkpoint *c, const char *path, error *e)
{
	file *f = checkpoint_map(c, path, e);

	return f ? tensorflow_read(c, f, TENSORFLOW_SCOPED, e) : e->code;
}

static const struct format {
	const char *name;
	int (*read)(checkpoint *c, const char *path, error *e);
} formats[] = {
	{ "model.safetensors", read_safetensors },
	{ "model.safetensors.index.json", shards_read },
	{ "pytorch_model.bin", read_torch },
	{ "pytorch_model.bin.index.json", shards_read },
	{ "tf_model.h5", read_keras },
	{ "tf_model.h5.index.json", shards_read },
};

static const struct format *format_at(const char *framework, int i)
{
	static const int any[] = { 0, 1, 2, 3, 4, 5, -1 }, pt[] = { 0, 1, 2, 3, -1 };
	static const int tf[] = { 4, 5, 0, 1, -1 };
	const int *list = !framework ? any : strcmp(framework, "tf") == 0 ? tf : pt;

	for (int k = 0; k < i; k++)
		if (list[k] < 0)
			return NULL;
	return list[i] < 0 ? NULL : &formats[list[i]];
}

const char *checkpoint_file(const char *framework, int i)
{
	const struct format *f = format_at(framework, i);

	return f ? f->name : NULL;
}

/* Weights in forms that are not read, and what to do with them. */
static const struct {
	const char *name, *advice;
} foreign[] = {
	{ "saved_model.pb", "a TensorFlow SavedModel" },
	{ "saved_model", "a TensorFlow SavedModel" },
	{ "flax_model.msgpack", "Flax weights" },
	{ "flax_model.msgpack.index.json", "Flax weights" },
	{ "model.ckpt.index", "a TensorFlow 1 checkpoint" },
	{ "consolidated.00.pth", "weights in their authors' own format" },
	{ "adapter_model.safetensors", "an adapter without its base model" },
};

static void no_weights(const checkpoint *c, const char *framework, error *e)
{
	text names = { 0 };
	const char *name, *has = NULL;
	char path[4096];

	for (int i = 0; (name = checkpoint_file(framework, i)); i++)
		text_add(&names, "%s%s", i ? ", " : "", name);
	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0] && !has; i++)
		if (snprintf(path, sizeof path, "%s/%s", c->folder, foreign[i].name) <
			    (int)sizeof path &&
		    (path_is_file(path) || path_is_folder(path)))
			has = foreign[i].advice;
	if (has)
		error_set(
			e, E_UNSUPPORTED,
			"%s: holds %s, which cannot be read; load the model with the class that it "
			"was saved by and save it with save_pretrained, as one of %s",
			c->folder, has, names.s ? names.s : "");
	else
		error_set(e, E_MODEL, "%s: no weights: expected one of %s", c->folder,
			  names.s ? names.s : "");
	text_free(&names);
}

checkpoint *checkpoint_open(const char *folder, const char *framework, error *e)
{
	checkpoint *c = checkpoint_new(folder, e);
	const struct format *f;

	if (!c)
		return NULL;
	for (int i = 0; (f = format_at(framework, i)) && !e->code; i++) {
		char *path = path_join(&c->arena, folder, f->name);

		if (!path)
			error_memory(e);
		else if (path_is_file(path) && f->read(c, path, e) == 0)
			return c;
	}
	if (!e->code)
		no_weights(c, framework, e);
	checkpoint_close(c);
	return NULL;
}
