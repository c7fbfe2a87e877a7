#include "weights/checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

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

file *checkpoint_map(checkpoint *c, const char *path, error *e)
{
	file **more = realloc(c->file, (c->files + 1) * sizeof(*more));

	if (!more) {
		error_memory(e);
		return NULL;
	}
	c->file = more;
	c->file[c->files] = file_map(&c->arena, path, e);
	return c->file[c->files] ? c->file[c->files++] : NULL;
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

static const struct {
	const char *name;
	int (*read)(checkpoint *c, const char *path, error *e);
} formats[] = {
	{ "model.safetensors", read_safetensors },
	{ "model.safetensors.index.json", shards_read },
	{ "pytorch_model.bin", read_torch },
	{ "pytorch_model.bin.index.json", shards_read },
};

checkpoint *checkpoint_open(const char *folder, const char *framework, error *e)
{
	checkpoint *c = checkpoint_new(folder, e);

	if (!c)
		return NULL;
	if (framework && strcmp(framework, "tf") == 0) {
		error_set(e, E_UNSUPPORTED,
			  "%s: TensorFlow weights (tf_model.h5) cannot be read by this version; "
			  "expected model.safetensors or pytorch_model.bin",
			  folder);
		goto failed;
	}
	for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
		char *path = path_join(&c->arena, folder, formats[i].name);

		if (!path) {
			error_memory(e);
			goto failed;
		}
		if (!path_is_file(path))
			continue;
		if (formats[i].read(c, path, e))
			goto failed;
		return c;
	}
	error_set(
		e, E_MODEL,
		"%s: no weights: expected model.safetensors, pytorch_model.bin, or the index of a "
		"sharded checkpoint (model.safetensors.index.json, pytorch_model.bin.index.json)",
		folder);
failed:
	checkpoint_close(c);
	return NULL;
}
