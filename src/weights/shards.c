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

int shards_list(arena *a, const char *path, const char ***name, int *n, error *e)
{
	file *f = file_map(a, path, e);
	json_t *index = NULL, *names, *shard;
	map seen = { 0 };
	const char *key;

	*n = 0;
	if (!f)
		return e->code;
	index = shards_parse(path, f->size ? (const char *)f->data : "", (size_t)f->size, e);
	names = json_object_get(index, "weight_map");
	*name = arena_array(a, json_object_size(names) + 1, sizeof **name);
	json_object_foreach(names, key, shard)
	{
		char *copy = *name ? arena_strdup(a, json_string_value(shard)) : NULL;

		if (!copy || (!map_get(&seen, copy) && map_put(&seen, copy, copy))) {
			error_memory(e);
			break;
		}
		if (map_get(&seen, copy) == copy)
			(*name)[(*n)++] = copy;
	}
	map_free(&seen);
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

/* The tensor that the index calls `name`, in the shard at `at`. */
static const tensor *find_listed(checkpoint *c, const char *name, const char *at)
{
	const tensor *t = map_get(&c->by_name, name);

	if (!t && ends_with(at, ".h5"))
		name = tensorflow_name(&c->arena, name, TENSORFLOW_SCOPED);
	else if (!t && c->is_tensorflow)
		name = tensorflow_name(&c->arena, name, TENSORFLOW_UNSCOPED);
	return t || !name ? t : map_get(&c->by_name, name);
}

static int read_named(checkpoint *c, const char *path, json_t *names, error *e)
{
	char *folder = path_folder(&c->arena, path);
	map seen = { 0 };
	const char *name;
	json_t *shard;

	json_object_foreach(names, name, shard)
	{
		char *at = folder ? path_join(&c->arena, folder, json_string_value(shard)) : NULL;
		const tensor *t;

		if (!at) {
			error_memory(e);
			break;
		}
		if (!map_get(&seen, at)) {
			if (!path_is_file(at)) {
				error_set(e, E_MODEL, "%s: names %s, which is missing", path,
					  json_string_value(shard));
				break;
			}
			if (map_put(&seen, at, at)) {
				error_memory(e);
				break;
			}
			if (read_shard(c, at, e))
				break;
		}
		t = find_listed(c, name, at);
		if (!t || strcmp(t->file->path, at) != 0) {
			error_set(e, E_MODEL, "%s: says that %s holds %s, which it does not", path,
				  json_string_value(shard), name);
			break;
		}
	}
	map_free(&seen);
	return e->code;
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
