/* config.json: getters with defaults, a sticky error, and a mark on every key that was read. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "arch/registry.h"

static cfg *cfg_wrap(const char *path, json_t *root, error *e)
{
	cfg *j = calloc(1, sizeof *j);

	if (!j || !root || !(j->path = arena_strdup(&j->arena, path))) {
		json_decref(root);
		free(j);
		error_memory(e);
		return NULL;
	}
	j->root = root;
	j->error = e;
	return j;
}

cfg *cfg_empty(error *e)
{
	return cfg_wrap("(defaults)", json_object(), e);
}

cfg *cfg_parse(const char *path, const void *data, size_t size, error *e)
{
	json_error_t why;
	json_t *root = json_loadb(data, size, JSON_REJECT_DUPLICATES, &why);

	if (!root && json_error_code(&why) == json_error_out_of_memory) {
		error_memory(e);
		return NULL;
	}
	if (!json_is_object(root)) {
		error_set(e, E_MODEL, "%s: expected a JSON object: %s (line %d, column %d)", path,
			  root ? "it is another value" : why.text, root ? 1 : why.line,
			  root ? 1 : why.column);
		json_decref(root);
		return NULL;
	}
	return cfg_wrap(path, root, e);
}

cfg *cfg_open(const char *path, error *e)
{
	arena a = { 0 };
	file *f = file_map(&a, path, e);
	cfg *j = f ? cfg_parse(path, f->data ? (const char *)f->data : "", (size_t)f->size, e)
		   : NULL;

	file_unmap(f);
	arena_free(&a);
	return j;
}

/* All but the tree, which parts of it share. */
static void close_parts(cfg *j)
{
	for (cfg *sub = j->subs; sub; sub = sub->next)
		close_parts(sub);
	json_decref(j->defaults);
	map_free(&j->seen);
	arena_free(&j->arena);
}

void cfg_close(cfg *j)
{
	if (!j)
		return;
	json_decref(j->root);
	close_parts(j);
	free(j);
}

static void mark(cfg *j, const char *key)
{
	char *copy = map_get(&j->seen, key) ? NULL : arena_strdup(&j->arena, key);

	if (copy)
		map_put(&j->seen, copy, copy);
}

/* Down a path of keys and list places: "depths.2". */
static json_t *walk(json_t *v, const char *path)
{
	while (v && *path) {
		size_t n = strcspn(path, ".");
		char step[128];

		if (n >= sizeof step)
			return NULL;
		memcpy(step, path, n);
		step[n] = 0;
		v = json_is_array(v) ? json_array_get(v, (size_t)atoi(step))
				     : json_object_get(v, step);
		path += n + (path[n] == '.');
	}
	return v;
}

/* The file's value, else the one of the architecture's row; NULL where neither has one. */
static json_t *find(cfg *j, const char *key)
{
	char top[128];
	size_t n = strcspn(key, ".");

	if (n >= sizeof top)
		return NULL;
	memcpy(top, key, n);
	top[n] = 0;
	mark(j, top);
	return walk(json_object_get(j->root, top) ? j->root : j->defaults, key);
}

static json_t *get(cfg *j, const char *key)
{
	json_t *v = find(j, key);

	return json_is_null(v) ? NULL : v;
}

int oxp_cfg_is_null(cfg *j, const char *key)
{
	return json_is_null(find(j, key));
}

int oxp_cfg_is_object(cfg *j, const char *key)
{
	return json_is_object(find(j, key));
}

int64_t oxp_cfg_size(cfg *j, const char *key)
{
	return (int64_t)json_array_size(get(j, key));
}

const char *oxp_cfg_key(cfg *j, const char *fmt, ...)
{
	va_list args;
	char *key;

	va_start(args, fmt);
	key = arena_vprintf(&j->arena, fmt, args);
	va_end(args);
	if (!key)
		error_memory(j->error);
	return key ? key : "";
}

cfg *oxp_cfg_sub(cfg *j, const char *key)
{
	json_t *v = get(j, key);
	cfg *sub = arena_alloc(&j->arena, sizeof *sub);

	if (!sub || !(sub->path = arena_printf(&j->arena, "%s: %s", j->path, key))) {
		error_memory(j->error);
		return j;
	}
	if (v && !json_is_object(v))
		error_set(j->error, E_MODEL, "%s: expected an object", sub->path);
	sub->root = v;
	sub->error = j->error;
	sub->next = j->subs;
	j->subs = sub;
	return sub;
}

int cfg_set_defaults(cfg *j, const char *defaults, error *e)
{
	json_decref(j->defaults);
	j->defaults = defaults ? json_loads(defaults, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (defaults && !json_is_object(j->defaults))
		return error_set(e, E_INTERNAL, "the architecture's defaults are no JSON object");
	return 0;
}

static void refuse(cfg *j, const char *key, json_t *v, const char *expected)
{
	char *found = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

	error_set(j->error, E_MODEL, "%s: %s: expected %s, found %.200s", j->path, key, expected,
		  found ? found : "something else");
	free(found);
}

static int64_t get_int(cfg *j, const char *key, int64_t otherwise, int64_t least, const char *what)
{
	json_t *v = get(j, key);

	if (!v)
		return otherwise;
	if (json_is_integer(v) && json_integer_value(v) >= least &&
	    json_integer_value(v) <= INT32_MAX)
		return json_integer_value(v);
	refuse(j, key, v, what);
	return otherwise;
}

int64_t oxp_cfg_int(cfg *j, const char *key, int64_t otherwise)
{
	return get_int(j, key, otherwise, 1, "a whole number from 1 to 2147483647");
}

int64_t oxp_cfg_index(cfg *j, const char *key, int64_t otherwise)
{
	return get_int(j, key, otherwise, -1, "a whole number from -1 to 2147483647");
}

ints oxp_cfg_ints(cfg *j, const char *key, ints otherwise)
{
	json_t *list = get(j, key);
	ints out = { (int)json_array_size(list), { 0 } };

	if (!list)
		return otherwise;
	for (int i = 0; i < out.n && i < OXP_MOST_INTS; i++) {
		json_t *v = json_array_get(list, (size_t)i);
		double x = json_is_number(v) ? json_number_value(v) : -1;

		out.at[i] = x >= 0 && x <= INT32_MAX ? (int64_t)x : -1;
		if ((double)out.at[i] != x)
			out.n = 0;
	}
	if (out.n >= 1 && out.n <= OXP_MOST_INTS)
		return out;
	refuse(j, key, list, "a list of whole numbers");
	return otherwise;
}

void oxp_cfg_pair(cfg *j, const char *key, int64_t otherwise, int64_t pair[2])
{
	ints list = { 1, { otherwise } };

	if (json_is_array(get(j, key)))
		list = cfg_ints(j, key, list);
	else
		list.at[0] = cfg_int(j, key, otherwise);
	if (list.n > 2 || list.at[0] < 1 || list.at[list.n - 1] < 1)
		cfg_refuse(j, "%s: expected a number, or a height and a width", key);
	pair[0] = list.at[0];
	pair[1] = list.at[list.n - 1];
}

double oxp_cfg_num(cfg *j, const char *key, double otherwise)
{
	json_t *v = get(j, key);

	if (!v)
		return otherwise;
	if (json_is_number(v))
		return json_number_value(v);
	refuse(j, key, v, "a number");
	return otherwise;
}

int oxp_cfg_bool(cfg *j, const char *key, int otherwise)
{
	json_t *v = get(j, key);

	if (!v)
		return otherwise;
	if (json_is_boolean(v))
		return json_is_true(v);
	refuse(j, key, v, "true or false");
	return otherwise;
}

const char *oxp_cfg_str(cfg *j, const char *key, const char *otherwise)
{
	json_t *v = get(j, key);

	if (!v)
		return otherwise;
	if (json_is_string(v))
		return json_string_value(v);
	refuse(j, key, v, "a string");
	return otherwise;
}

int64_t oxp_cfg_labels(cfg *j)
{
	json_t *labels = get(j, "id2label");
	int64_t number = cfg_int(j, "num_labels", 2);

	mark(j, "label2id");
	if (!labels)
		return number;
	if (json_is_object(labels) && json_object_size(labels))
		return (int64_t)json_object_size(
			labels); /* wins over num_labels, as in Transformers */
	refuse(j, "id2label", labels, "an object with one label or more");
	return number;
}

static int choose(cfg *j, const char *key, const char *s, const char *choices)
{
	const char *p = choices;

	for (int i = 0; *p; i++) {
		size_t n = strcspn(p, " ");

		if (strlen(s) == n && strncmp(s, p, n) == 0)
			return i;
		p += n + strspn(p + n, " ");
	}
	error_set(j->error, E_UNSUPPORTED,
		  "%s: %s: \"%.200s\" is not supported; expected one of: %s", j->path, key, s,
		  choices);
	return 0;
}

int oxp_cfg_choice(cfg *j, const char *key, const char *otherwise, const char *choices)
{
	return choose(j, key, cfg_str(j, key, otherwise), choices);
}

void oxp_cfg_only(cfg *j, const char *key, const char *only)
{
	json_t *v = get(j, key);
	int same;

	if (!v)
		return;
	same = json_is_string(v) ? strcmp(json_string_value(v), only) == 0
				 : json_is_boolean(v) &&
					   strcmp(json_is_true(v) ? "true" : "false", only) == 0;
	if (!same) {
		char *found = json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT);

		error_set(j->error, E_UNSUPPORTED, "%s: %s: %.200s is not supported; only %s is",
			  j->path, key, found ? found : "this value", only);
		free(found);
	}
}

void oxp_cfg_ignore(cfg *j, const char *keys)
{
	while (*keys) {
		size_t n = strcspn(keys, " ");
		char *key = arena_strndup(&j->arena, keys, n);

		if (key)
			mark(j, key);
		keys += n + strspn(keys + n, " ");
	}
}

void oxp_cfg_refuse(cfg *j, const char *fmt, ...)
{
	va_list args;
	char *what;

	va_start(args, fmt);
	what = arena_vprintf(&j->arena, fmt, args);
	va_end(args);
	error_set(j->error, E_UNSUPPORTED, "%s: %s", j->path, what ? what : "not supported");
}

oxp_act oxp_cfg_act_of(cfg *j, const char *key, const char *name)
{
	static const char choices[] =
#define ACT(name, word) word " "
#include "onnxport/activations.def"
#undef ACT
		;

	return (oxp_act)choose(j, key, name, choices);
}

oxp_act oxp_cfg_act(cfg *j, const char *key, const char *otherwise)
{
	return cfg_act_of(j, key, cfg_str(j, key, otherwise));
}

void cfg_unread(const cfg *j, void (*each)(void *context, const char *key), void *context)
{
	const char *key;
	json_t *v;

	json_object_foreach(j->root, key, v)
	{
		if (!map_get(&j->seen, key))
			each(context, key);
	}
}
