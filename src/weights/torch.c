/*
 * pytorch_model.bin in both forms of torch.save: since 1.6 a zip archive with data.pkl and one
 * stored entry per storage; before, pickles one after the other (a magic number, a version, the
 * machine, the state dict, the storages' keys) and then the storages, each behind its number of
 * elements. Tensors become views into the file.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "weights/checkpoint.h"
#include "weights/pickle.h"
#include "weights/zip.h"

enum { MOST_PICKLE = 256 << 20, VERSION_BEFORE_ZIP = 1001 };

typedef struct torch_file {
	checkpoint *c;
	const file *f;
	const char *folder;  /* what stands before a storage's key in its name: "archive/data/" */
	const map *storages; /* zip_entry by name, in both forms */
	error *e;
} torch_file;

/* ---- Tensors ---- */

static const zip_entry *find_storage(const torch_file *t, const char *name, const pickle *storage)
{
	char path[512];
	const zip_entry *found;

	snprintf(path, sizeof path, "%s%s", t->folder, storage->text);
	found = map_get(t->storages, path);
	if (!found)
		error_set(t->e, E_MODEL, "%s: tensor %s: its storage %s is missing", t->f->path,
			  name, path);
	return found;
}

/* Row-major without gaps? Dimensions of one element may have any stride. */
static int is_contiguous(const tensor *t)
{
	int64_t next = 1;

	for (int i = t->rank; i-- > 0;) {
		if (t->shape[i] == 0)
			return 1;
		if (t->shape[i] != 1 && t->stride[i] != next)
			return 0;
		next *= t->shape[i];
	}
	return 1;
}

/* How many elements of the storage a tensor reaches over, from its first on; -1: out of range. */
static int64_t reach(const tensor *t)
{
	int64_t last = 0, step;

	if (shape_count(t->shape, t->rank) == 0)
		return 0;
	for (int i = 0; i < t->rank; i++)
		if (t->stride[i] < 0 ||
		    __builtin_mul_overflow(t->shape[i] - 1, t->stride[i], &step) ||
		    __builtin_add_overflow(last, step, &last))
			return -1;
	return last == INT64_MAX ? -1 : last + 1;
}

static int add_tensor(const torch_file *in, const char *name, const pickle *v)
{
	tensor t = { .name = name, .file = in->f, .type = v->storage->type };
	size_t size = dtype_size(t.type);
	int64_t count, end;
	const zip_entry *at;

	if (v->shape->count > OXP_MAX_RANK)
		return error_set(in->e, E_UNSUPPORTED,
				 "%s: tensor %s: has %zu dimensions, at most %d", in->f->path, name,
				 v->shape->count, OXP_MAX_RANK);
	t.rank = (int)v->shape->count;
	for (int i = 0; i < t.rank; i++) {
		t.shape[i] = v->shape->item[i]->number;
		t.stride[i] = v->stride->item[i]->number;
	}
	count = shape_count(t.shape, t.rank);
	end = count < 0 ? -1 : reach(&t);
	if (end < 0 || count > INT64_MAX / 16 || v->number < 0 ||
	    __builtin_add_overflow(end, v->number, &end))
		return error_set(in->e, E_MODEL, "%s: tensor %s: the shape is not one", in->f->path,
				 name);
	at = find_storage(in, name, v->storage);
	if (!at)
		return in->e->code;
	if ((uint64_t)end > at->size / size)
		return error_set(
			in->e, E_MODEL,
			"%s: tensor %s: needs %lld elements of its storage, which has %llu "
			"(is the file whole?)",
			in->f->path, name, (long long)end, (unsigned long long)(at->size / size));
	t.strided = !is_contiguous(&t);
	t.offset = at->offset + (uint64_t)v->number * size;
	t.size = (uint64_t)(end - v->number) * size;
	return checkpoint_add(in->c, &t, in->e);
}

/* The i-th and next item: a name and its tensor? */
static int is_tensor_at(const pickle *dict, size_t i)
{
	return dict->item[i]->kind == PICKLE_STRING && dict->item[i + 1]->kind == PICKLE_TENSOR;
}

static int has_tensors(const pickle *dict)
{
	for (size_t i = 0; i + 1 < dict->count; i += 2)
		if (is_tensor_at(dict, i))
			return 1;
	return 0;
}

/* The dict with the tensors: this one, or what a training checkpoint keeps under a usual key. */
static const pickle *find_state(const pickle *dict)
{
	if (has_tensors(dict))
		return dict;
	for (size_t i = 0; i + 1 < dict->count; i += 2) {
		const pickle *key = dict->item[i], *v = dict->item[i + 1];

		if (key->kind == PICKLE_STRING && v->kind == PICKLE_DICT && has_tensors(v) &&
		    has_word("state_dict model_state_dict model module", key->text))
			return v;
	}
	return NULL;
}

static int add_tensors(const torch_file *t, const pickle *dict)
{
	const pickle *state;

	if (dict->kind != PICKLE_DICT)
		return error_set(t->e, E_MODEL, "%s: expected a state dict, found another object",
				 t->f->path);
	state = find_state(dict);
	if (!state)
		return error_set(
			t->e, E_MODEL,
			"%s: no tensors at the top of its state dict nor under state_dict, "
			"model_state_dict, model or module (first key: %s)",
			t->f->path,
			dict->count && dict->item[0]->kind == PICKLE_STRING ? dict->item[0]->text
									    : "none");
	for (size_t i = 0; i + 1 < state->count; i += 2)
		if (is_tensor_at(state, i) &&
		    add_tensor(t, state->item[i]->text, state->item[i + 1]))
			return t->e->code;
	return 0;
}

static int refuse_byte_order(const torch_file *t)
{
	return error_set(t->e, E_UNSUPPORTED,
			 "%s: was written on a machine whose byte order is not little-endian; "
			 "save it as safetensors",
			 t->f->path);
}

/* ---- The archive ---- */

static const zip_entry *find_pickle(const zip *z)
{
	for (size_t i = 0; i < z->count; i++)
		if (ends_with(z->entry[i].name, "/data.pkl"))
			return &z->entry[i];
	return NULL;
}

static int check_byte_order(const torch_file *t, const char *root)
{
	char path[512];
	const zip_entry *order;

	snprintf(path, sizeof path, "%sbyteorder", root);
	order = map_get(t->storages, path);
	if (order && (order->size != 6 || memcmp(t->f->data + order->offset, "little", 6) != 0))
		return refuse_byte_order(t);
	return 0;
}

static int read_archive(torch_file *t, const zip *z)
{
	const zip_entry *data = find_pickle(z);
	char root[256], folder[sizeof root + 8];
	pickle *dict;
	size_t n;

	if (!data || data->size > MOST_PICKLE || (n = strlen(data->name) - 8) >= sizeof root)
		return error_set(t->e, E_MODEL,
				 "%s: a zip archive without the data.pkl of torch.save",
				 t->f->path);
	memcpy(root, data->name, n);
	root[n] = 0;
	snprintf(folder, sizeof folder, "%sdata/", root);
	t->storages = &z->by_name;
	t->folder = folder;
	if (check_byte_order(t, root))
		return t->e->code;
	dict = pickle_read(&t->c->arena, t->f->path, t->f->data + data->offset, (size_t)data->size,
			   NULL, NULL, t->e);
	return dict ? add_tensors(t, dict) : t->e->code;
}

/* ---- The form before it ---- */

/* What torch.save began with: the pickle of 0x1950a86a20f9469cfc6c, protocol 2. */
static const uint8_t magic[] = { 0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46,
				 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e };

/* The next pickle; `at` moves behind it. */
static pickle *next_pickle(const torch_file *t, uint64_t *at, pickle **named)
{
	uint64_t left = t->f->size - *at;
	size_t used = 0;
	pickle *v =
		pickle_read(&t->c->arena, t->f->path, t->f->data + *at,
			    (size_t)(left < MOST_PICKLE ? left : MOST_PICKLE), &used, named, t->e);

	*at += used;
	return v;
}

/* sys_info: {"protocol_version": 1001, "little_endian": True, …} */
static int check_machine(const torch_file *t, const pickle *version, const pickle *machine)
{
	if (version->kind != PICKLE_INT || version->number != VERSION_BEFORE_ZIP ||
	    machine->kind != PICKLE_DICT)
		return error_set(t->e, E_MODEL,
				 "%s: is not of the version that torch.save wrote before 1.6",
				 t->f->path);
	for (size_t i = 0; i + 1 < machine->count; i += 2)
		if (machine->item[i]->kind == PICKLE_STRING &&
		    strcmp(machine->item[i]->text, "little_endian") == 0 &&
		    (machine->item[i + 1]->kind != PICKLE_BOOL || !machine->item[i + 1]->number))
			return refuse_byte_order(t);
	return 0;
}

/* What lies at `at`, which moves behind it. */
static int add_storage(const torch_file *t, map *storages, const pickle *storage, uint64_t *at)
{
	uint64_t left = t->f->size - *at, size = dtype_size(storage->type);
	int64_t count = -1;
	zip_entry *p = arena_alloc(&t->c->arena, sizeof *p);

	if (!p || map_put(storages, storage->text, p))
		return error_memory(t->e);
	if (left >= sizeof count)
		memcpy(&count, t->f->data + *at, sizeof count);
	left -= left < sizeof count ? left : sizeof count;
	if (count < 0 || count != storage->number || (uint64_t)count > left / size)
		return error_set(t->e, E_MODEL,
				 "%s: storage %s: expected %lld elements, found %lld in the %llu "
				 "bytes left (is the file whole?)",
				 t->f->path, storage->text, (long long)storage->number,
				 (long long)count, (unsigned long long)left);
	*p = (zip_entry){ storage->text, *at + sizeof count, (uint64_t)count * size };
	*at += sizeof count + p->size;
	return 0;
}

/* Behind the keys, in their order; what is there says only how many elements, so the dict's
 * storages say of which size. */
static int add_storages(const torch_file *t, map *storages, const pickle *keys, const pickle *named,
			uint64_t at)
{
	map by_key = { 0 };
	int failed = 0;

	for (size_t i = 0; i < named->count; i++)
		failed |= map_put(&by_key, named->item[i]->text, named->item[i]);
	if (failed)
		error_memory(t->e);
	for (size_t i = 0; i < keys->count && !t->e->code; i++) {
		const pickle *key = keys->item[i], *s = NULL;

		if (key->kind == PICKLE_STRING)
			s = map_get(&by_key, key->text);
		if (!s)
			error_set(t->e, E_MODEL, "%s: holds a storage that no tensor names",
				  t->f->path);
		else
			add_storage(t, storages, s, &at);
	}
	map_free(&by_key);
	return t->e->code;
}

static int read_pickles(torch_file *t, map *storages)
{
	uint64_t at = sizeof magic;
	pickle *version = next_pickle(t, &at, NULL);
	pickle *machine = version ? next_pickle(t, &at, NULL) : NULL;
	pickle *named = NULL, *dict, *keys;

	if (!machine || check_machine(t, version, machine))
		return t->e->code;
	dict = next_pickle(t, &at, &named);
	keys = dict ? next_pickle(t, &at, NULL) : NULL;
	if (!keys)
		return t->e->code;
	if (keys->kind != PICKLE_TUPLE)
		return error_set(t->e, E_MODEL, "%s: has no list of its storages", t->f->path);
	t->storages = storages;
	t->folder = "";
	return add_storages(t, storages, keys, named, at) ? t->e->code : add_tensors(t, dict);
}

int torch_read(checkpoint *c, file *f, error *e)
{
	torch_file t = { .c = c, .f = f, .e = e };
	zip z;

	if (f->size > sizeof magic && memcmp(f->data, magic, sizeof magic) == 0) {
		map storages = { 0 };

		read_pickles(&t, &storages);
		map_free(&storages);
		return e->code;
	}
	if (f->size < 4 || memcmp(f->data, "PK\3\4", 4) != 0)
		return error_set(e, E_UNSUPPORTED,
				 "%s: is not a file of torch.save: expected a zip archive, or the "
				 "pickles that it wrote before PyTorch 1.6",
				 f->path);
	if (zip_read(&z, &c->arena, f, e) == 0)
		read_archive(&t, &z);
	zip_free(&z);
	return e->code;
}
