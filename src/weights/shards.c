/* Sharded checkpoints: an index file maps tensor names to the files that lie beside it. */
#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "weights/checkpoint.h"
#include "weights/tensorflow.h"

/* A shard is a plain file name in the index's own folder. */
static int is_plain_name(const char *s)
{
	return *s && *s != '.' && !strchr(s, '/') && !strchr(s, '\\');
}

json_t *shards_parse(const char *path, const void *data, size_t size, error *e)
{
	json_error_t why;
	json_t *index = json_loadb(data, size, JSON_REJECT_DUPLICATES, &why);
	json_t *names = json_object_get(index, "weight_map"), *shard;
	const char *name;

	if (!index && json_error_code(&why) == json_error_out_of_memory) {
		error_memory(e);
	} else if (!json_is_object(names) || !json_object_size(names)) {
		error_set(e, E_MODEL, "%s: expected a JSON object with a weight_map: %s", path,
			  index ? "it has none" : why.text);
	} else {
		json_object_foreach(names, name, shard)
		{
			const char *s = json_string_value(shard);

			if (!s || !is_plain_name(s))
				error_set(e, E_MODEL,
					  "%s: weight_map sends %s to \"%s\"; expected the name of "
					  "a file "
					  "in the same folder",
					  path, name, s ? s : "(not a string)");
		}
	}
	if (e->code) {
		json_decref(index);
		return NULL;
	}
	return index;
}

/* The files of a weight_map, each once, in its order. */
static int list_files(arena *a, json_t *names, const char ***name, int *n, error *e)
{
	map seen = { 0 };
	const char *key;
	json_t *shard;

	*n = 0;
	*name = arena_array(a, json_object_size(names) + 1, sizeof **name);
	json_object_foreach(names, key, shard)
	{
		char *copy;

		if (map_get(&seen, json_string_value(shard)))
			continue;
		copy = *name ? arena_strdup(a, json_string_value(shard)) : NULL;
		if (!copy || map_put(&seen, copy, copy)) {
			error_memory(e);
			break;
		}
		(*name)[(*n)++] = copy;
	}
	map_free(&seen);
	return e->code;
}

int shards_list(arena *a, const char *path, const char ***name, int *n, error *e)
{
	file *f = file_map(a, path, e);
	json_t *index;

	if (!f)
		return e->code;
	index = shards_parse(path, f->size ? (const char *)f->data : "", (size_t)f->size, e);
	if (index)
		list_files(a, json_object_get(index, "weight_map"), name, n, e);
	json_decref(index);
	file_unmap(f);
	return e->code;
}

static int read_shard(checkpoint *c, const char *path, error *e)
{
	file *f = checkpoint_map(c, path, e);

	if (!f)
		return e->code;
	if (ends_with(path, ".safetensors"))
		return safetensors_read(c, f, e);
	return ends_with(path, ".h5") ? tensorflow_read(c, f, TENSORFLOW_UNSCOPED, e)
				      : torch_read(c, f, e);
}

/* The tensor that the index calls `name`, and places in `shard`. */
static const tensor *find_listed(checkpoint *c, const char *name, const char *shard)
{
	const tensor *t = map_get(&c->by_name, name);

	if (!t && ends_with(shard, ".h5"))
		name = tensorflow_name(&c->arena, name, TENSORFLOW_SCOPED);
	else if (!t && c->is_tensorflow)
		name = tensorflow_name(&c->arena, name, TENSORFLOW_UNSCOPED);
	return t || !name ? t : map_get(&c->by_name, name);
}

/* Reads every file that is named, then looks whether each holds what is said of it. */
static int read_named(checkpoint *c, const char *path, json_t *names, error *e)
{
	char *folder = path_folder(&c->arena, path), *at;
	const char *name, **listed;
	json_t *shard;
	int n;

	if (!folder)
		return error_memory(e);
	if (list_files(&c->arena, names, &listed, &n, e))
		return e->code;
	for (int i = 0; i < n; i++) {
		at = path_join(&c->arena, folder, listed[i]);
		if (!at)
			return error_memory(e);
		if (!path_is_file(at))
			return error_set(e, E_MODEL, "%s: names %s, which is missing", path,
					 listed[i]);
		if (read_shard(c, at, e))
			return e->code;
	}
	json_object_foreach(names, name, shard)
	{
		const tensor *t = find_listed(c, name, json_string_value(shard));

		if (!t || strcmp(path_base(t->file->path), json_string_value(shard)) != 0)
			return error_set(e, E_MODEL, "%s: says that %s holds %s, which it does not",
					 path, json_string_value(shard), name);
	}
	return 0;
}

int shards_read(checkpoint *c, const char *path, error *e)
{
	file *f = checkpoint_map(c, path, e);
	json_t *index;

	if (!f)
		return e->code;
	index = shards_parse(path, f->size ? (const char *)f->data : "", (size_t)f->size, e);
	if (index)
		read_named(c, path, json_object_get(index, "weight_map"), e);
	json_decref(index);
	return e->code;
}
