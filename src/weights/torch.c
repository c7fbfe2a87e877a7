/*
 * pytorch_model.bin as torch.save has written it since 1.6: a zip archive with data.pkl and one
 * stored entry per storage. Tensors become views into the file.
 */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "weights/checkpoint.h"
#include "weights/pickle.h"
#include "weights/zip.h"

enum { MOST_PICKLE = 256 << 20 };

static const zip_entry *find_pickle(const zip *z)
{
	for (size_t i = 0; i < z->count; i++)
		if (ends_with(z->entry[i].name, "/data.pkl"))
			return &z->entry[i];
	return NULL;
}

/* Row-major without gaps? Dimensions of one element may have any stride. */
static int is_contiguous(const pickle *t)
{
	int64_t next = 1;

	for (size_t i = t->shape->count; i-- > 0;) {
		int64_t n = t->shape->item[i]->number;

		if (n == 0)
			return 1;
		if (n != 1 && t->stride->item[i]->number != next)
			return 0;
		if (__builtin_mul_overflow(next, n, &next))
			return 0;
	}
	return 1;
}

static int add_tensor(checkpoint *c, const file *f, const zip *z, const char *root,
		      const char *name, const pickle *v, error *e)
{
	tensor t = { .name = name, .file = f, .type = v->storage->type };
	size_t size = dtype_size(t.type);
	const zip_entry *entry;
	char path[512];
	int64_t count, last;

	if (v->shape->count > OXP_MAX_RANK)
		return error_set(e, E_UNSUPPORTED, "%s: tensor %s: has %zu dimensions, at most %d",
				 f->path, name, v->shape->count, OXP_MAX_RANK);
	t.rank = (int)v->shape->count;
	for (int i = 0; i < t.rank; i++)
		t.shape[i] = v->shape->item[i]->number;
	count = shape_count(t.shape, t.rank);
	if (count < 0 || v->number < 0 || __builtin_add_overflow(count, v->number, &last))
		return error_set(e, E_MODEL, "%s: tensor %s: the shape is not one", f->path, name);
	if (!is_contiguous(v))
		return error_set(
			e, E_UNSUPPORTED,
			"%s: tensor %s: is not contiguous (a transposed or cut view); save "
			"the checkpoint as safetensors",
			f->path, name);
	snprintf(path, sizeof path, "%sdata/%s", root, v->storage->text);
	entry = map_get(&z->by_name, path);
	if (!entry)
		return error_set(e, E_MODEL, "%s: tensor %s: its storage %s is missing", f->path,
				 name, path);
	if ((uint64_t)last > entry->size / size)
		return error_set(
			e, E_MODEL,
			"%s: tensor %s: needs %lld elements of its storage, which has %llu "
			"(is the file whole?)",
			f->path, name, (long long)last, (unsigned long long)(entry->size / size));
	t.offset = entry->offset + (uint64_t)v->number * size;
	t.size = (uint64_t)count * size;
	return checkpoint_add(c, &t, e);
}

static int add_tensors(checkpoint *c, const file *f, const zip *z, const char *root,
		       const pickle *dict, error *e)
{
	size_t found = 0;

	if (dict->kind != PICKLE_DICT)
		return error_set(e, E_MODEL, "%s: expected a state dict, found another object",
				 f->path);
	for (size_t i = 0; i + 1 < dict->count; i += 2) {
		const pickle *key = dict->item[i], *v = dict->item[i + 1];

		if (key->kind != PICKLE_STRING || v->kind != PICKLE_TENSOR)
			continue;
		found++;
		if (add_tensor(c, f, z, root, key->text, v, e))
			return e->code;
	}
	if (!found)
		return error_set(
			e, E_MODEL,
			"%s: no tensors at the top of its state dict (first key: %s); is it a "
			"training checkpoint?",
			f->path,
			dict->count && dict->item[0]->kind == PICKLE_STRING ? dict->item[0]->text
									    : "none");
	return 0;
}

static int check_byte_order(const file *f, const zip *z, const char *root, error *e)
{
	char path[512];
	const zip_entry *order;

	snprintf(path, sizeof path, "%sbyteorder", root);
	order = map_get(&z->by_name, path);
	if (order && (order->size != 6 || memcmp(f->data + order->offset, "little", 6) != 0))
		return error_set(
			e, E_UNSUPPORTED,
			"%s: was written on a machine whose byte order is not little-endian; "
			"save it as safetensors",
			f->path);
	return 0;
}

static int read_archive(checkpoint *c, const file *f, const zip *z, error *e)
{
	const zip_entry *data = find_pickle(z);
	char root[256];
	pickle *dict;
	size_t n;

	if (!data || data->size > MOST_PICKLE || (n = strlen(data->name) - 8) >= sizeof root)
		return error_set(e, E_MODEL, "%s: a zip archive without the data.pkl of torch.save",
				 f->path);
	memcpy(root, data->name, n);
	root[n] = 0;
	if (check_byte_order(f, z, root, e))
		return e->code;
	dict = pickle_read(&c->arena, f->path, f->data + data->offset, (size_t)data->size, e);
	return dict ? add_tensors(c, f, z, root, dict, e) : e->code;
}

int torch_read(checkpoint *c, file *f, error *e)
{
	zip z;

	if (f->size < 4 || memcmp(f->data, "PK\3\4", 4) != 0)
		return error_set(
			e, E_UNSUPPORTED,
			"%s: is not a zip archive: either it is damaged, or torch.save wrote "
			"it before PyTorch 1.6; load it in PyTorch and save it again",
			f->path);
	if (zip_read(&z, &c->arena, f, e) == 0)
		read_archive(c, f, &z, e);
	zip_free(&z);
	return e->code;
}
