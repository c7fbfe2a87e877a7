/*
 * The safetensors format: 8 bytes of header length, a JSON header, the data. Nothing in the header
 * is believed before it is checked: the tensors must fill the data exactly, without overlaps.
 * https://github.com/huggingface/safetensors#format
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "weights/checkpoint.h"
#include "weights/tensorflow.h"

enum { MOST_HEADER = 100 * 1000 * 1000 };

static int parse_entry(tensor *t, json_t *o, uint64_t room, error *e)
{
	const char *path = t->file->path;
	json_t *type = json_object_get(o, "dtype"), *shape = json_object_get(o, "shape");
	json_t *range = json_object_get(o, "data_offsets");
	json_int_t start, end;
	int64_t count;

	if (!json_is_string(type) || !json_is_array(shape) || json_array_size(range) != 2 ||
	    !json_is_integer(json_array_get(range, 0)) ||
	    !json_is_integer(json_array_get(range, 1)))
		return error_set(e, E_MODEL,
				 "%s: tensor %s: expected dtype, shape and two data_offsets", path,
				 t->name);
	t->type = dtype_from_safetensors(json_string_value(type));
	if (t->type == OXP_BAD)
		return error_set(e, E_UNSUPPORTED, "%s: tensor %s: dtype %s is not known", path,
				 t->name, json_string_value(type));
	if (json_array_size(shape) > OXP_MAX_RANK)
		return error_set(e, E_UNSUPPORTED, "%s: tensor %s: has %zu dimensions, at most %d",
				 path, t->name, json_array_size(shape), OXP_MAX_RANK);
	t->rank = (int)json_array_size(shape);
	for (int i = 0; i < t->rank; i++) {
		json_t *n = json_array_get(shape, (size_t)i);

		if (!json_is_integer(n) || json_integer_value(n) < 0)
			return error_set(e, E_MODEL, "%s: tensor %s: the shape is not one", path,
					 t->name);
		t->shape[i] = json_integer_value(n);
	}
	start = json_integer_value(json_array_get(range, 0));
	end = json_integer_value(json_array_get(range, 1));
	if (start < 0 || end < start || (uint64_t)end > room)
		return error_set(
			e, E_MODEL,
			"%s: tensor %s: data_offsets %lld to %lld lie outside the file's %llu "
			"bytes of data (is the file whole?)",
			path, t->name, (long long)start, (long long)end, (unsigned long long)room);
	count = shape_count(t->shape, t->rank);
	if (count < 0 || __builtin_mul_overflow((uint64_t)count, dtype_size(t->type), &t->size) ||
	    t->size != (uint64_t)(end - start))
		return error_set(
			e, E_MODEL,
			"%s: tensor %s: its data_offsets span %lld bytes, which its shape and "
			"dtype do not fill",
			path, t->name, (long long)(end - start));
	t->offset = (uint64_t)start;
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const tensor *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

/* The tensors of a parsed header, in the order of their data, which they must fill. */
static int add_entries(checkpoint *c, file *f, json_t *header, uint64_t data, error *e)
{
	uint64_t room = f->size - data, end = 0;
	size_t n = 0;
	tensor *list = calloc(json_object_size(header) + 1, sizeof *list);
	const char *format = json_string_value(
		json_object_get(json_object_get(header, "__metadata__"), "format"));
	int is_tensorflow = format && strcmp(format, "tf") == 0;
	const char *name;
	json_t *o;

	if (!list)
		return error_memory(e);
	if (format && strcmp(format, "flax") == 0) {
		error_set(e, E_UNSUPPORTED,
			  "%s: its names and layouts are those of Flax, which cannot be read; load "
			  "the model in PyTorch and save it with save_pretrained",
			  f->path);
		goto done;
	}
	json_object_foreach(header, name, o)
	{
		if (strcmp(name, "__metadata__") == 0)
			continue;
		list[n].name = name;
		list[n].file = f;
		if (parse_entry(&list[n++], o, room, e))
			goto done;
	}
	qsort(list, n, sizeof *list, by_offset);
	for (size_t i = 0; i < n; i++) {
		if (list[i].offset != end) {
			error_set(e, E_MODEL, "%s: tensor %s: its data %s the tensor before it",
				  f->path, list[i].name,
				  list[i].offset < end ? "overlaps" : "leaves a hole after");
			goto done;
		}
		end += list[i].size;
		list[i].offset += data;
		if (is_tensorflow
			    ? tensorflow_add(c, &list[i], list[i].name, TENSORFLOW_UNSCOPED, e)
			    : checkpoint_add(c, &list[i], e))
			goto done;
	}
	if (end != room)
		error_set(
			e, E_MODEL,
			"%s: the tensors fill %llu bytes of data, the file has %llu (is it whole?)",
			f->path, (unsigned long long)end, (unsigned long long)room);
done:
	free(list);
	return e->code;
}

int safetensors_read(checkpoint *c, file *f, error *e)
{
	uint64_t size = 0;
	json_error_t why;
	json_t *header;

	if (f->size < 8)
		return error_set(e, E_MODEL, "%s: %llu bytes are too few for a safetensors file",
				 f->path, (unsigned long long)f->size);
	for (int i = 0; i < 8; i++)
		size |= (uint64_t)f->data[i] << (8 * i);
	if (size > MOST_HEADER || size > f->size - 8)
		return error_set(
			e, E_MODEL,
			"%s: the header claims %llu bytes, the file has %llu (is it whole, and "
			"a safetensors file?)",
			f->path, (unsigned long long)size, (unsigned long long)(f->size - 8));
	header = json_loadb((const char *)f->data + 8, (size_t)size, JSON_REJECT_DUPLICATES, &why);
	if (!json_is_object(header)) {
		if (!header && json_error_code(&why) == json_error_out_of_memory)
			error_memory(e);
		else
			error_set(e, E_MODEL, "%s: the header is not a JSON object: %s (byte %d)",
				  f->path, header ? "it is another value" : why.text,
				  header ? 8 : why.position + 8);
	} else {
		add_entries(c, f, header, size + 8, e);
	}
	json_decref(header);
	return e->code;
}
