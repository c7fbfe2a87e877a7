/* Reading ONNX files: protocol buffers with every length checked. Field numbers are onnx.proto's.
 */
#include "check/onnx_file.h"

#include <stdlib.h>
#include <string.h>

typedef struct reader {
	const uint8_t *p, *end;
	onnx_file *f;
	const char *folder;
	error *e;
} reader;

typedef struct field {
	uint64_t number, value; /* of a varint or a fixed number */
	int kind;
	reader in; /* of a delimited one */
} field;

static int broken(reader *r, const char *what)
{
	return error_set(r->e, E_MODEL, "not an ONNX file that onnxport can read: %s", what);
}

static uint64_t varint(reader *r)
{
	uint64_t x = 0;

	for (int shift = 0; shift < 64; shift += 7) {
		if (r->p == r->end)
			break;
		x |= (uint64_t)(*r->p & 127) << shift;
		if (!(*r->p++ & 128))
			return x;
	}
	broken(r, "a number is cut off");
	return 0;
}

static uint64_t fixed(reader *r, size_t n)
{
	uint64_t x = 0;

	if ((size_t)(r->end - r->p) < n) {
		broken(r, "a number is cut off");
		return 0;
	}
	memcpy(&x, r->p, n);
	r->p += n;
	return x;
}

/* The next field of a message; 0 at its end or after an error. */
static int next_field(reader *r, field *f)
{
	uint64_t tag, size;

	if (r->e->code || r->p == r->end)
		return 0;
	tag = varint(r);
	*f = (field){ .number = tag >> 3, .kind = (int)(tag & 7), .in = *r };
	if (f->kind == 0) {
		f->value = varint(r);
	} else if (f->kind == 1 || f->kind == 5) {
		f->value = fixed(r, f->kind == 1 ? 8 : 4);
	} else if (f->kind == 2) {
		size = varint(r);
		if (size > (uint64_t)(r->end - r->p))
			broken(r, "a field is longer than the file");
		else
			r->p += size;
		f->in.end = r->p;
		f->in.p = r->p - (r->e->code ? 0 : size);
	} else {
		broken(r, "a field of an unknown kind");
	}
	return !r->e->code;
}

static const char *text_of(field *f)
{
	const char *s;

	if (f->kind != 2) {
		broken(&f->in, "a name is no text");
		return "";
	}
	s = arena_strndup(&f->in.f->arena, (const char *)f->in.p, (size_t)(f->in.end - f->in.p));
	if (!s)
		error_memory(f->in.e);
	return s ? s : "";
}

/* Appends to a growing list in the arena. */
static void *append(reader *r, void *list, int *n, size_t size)
{
	void *more = arena_grow(&r->f->arena, list, (size_t)*n, size);

	if (more)
		++*n;
	else
		error_memory(r->e);
	return more;
}

#define APPEND(r, list, n, x)                                                                      \
	do {                                                                                       \
		void *more_ = append(r, list, &(n), sizeof *(list));                               \
                                                                                                   \
		if (more_) {                                                                       \
			(list) = more_;                                                            \
			(list)[(n)-1] = (x);                                                       \
		}                                                                                  \
	} while (0)

/* ---- Tensors ---- */

struct place {
	const char *location;
	uint64_t offset, length;
};

static void read_entry(field *entry, struct place *at)
{
	const char *key = "", *what = "";
	field f;

	while (next_field(&entry->in, &f)) {
		if (f.number == 1)
			key = text_of(&f);
		else if (f.number == 2)
			what = text_of(&f);
	}
	if (strcmp(key, "location") == 0)
		at->location = what;
	else if (strcmp(key, "offset") == 0)
		at->offset = strtoull(what, NULL, 10);
	else if (strcmp(key, "length") == 0)
		at->length = strtoull(what, NULL, 10);
}

/* A file of the model's own folder, mapped once. */
static file *beside(reader *r, const char *name)
{
	onnx_file *f = r->f;
	char *path;
	file *x;

	if (!r->folder || !*name || strchr(name, '/') || name[0] == '.') {
		broken(r, "its external data is not a file beside it");
		return NULL;
	}
	path = path_join(&f->arena, r->folder, name);
	if (!path) {
		error_memory(r->e);
		return NULL;
	}
	for (int i = 0; i < f->besides; i++)
		if (strcmp(f->beside[i]->path, path) == 0)
			return f->beside[i];
	x = file_map(&f->arena, path, r->e);
	if (x)
		APPEND(r, f->beside, f->besides, x);
	return r->e->code ? NULL : x;
}

static void find_data(reader *r, onnx_tensor *t, const struct place *at)
{
	file *f = at->location ? beside(r, at->location) : NULL;

	if (!f)
		return;
	if (at->offset > f->size || at->length > f->size - at->offset) {
		broken(r, "a tensor is longer than its external data");
		return;
	}
	t->data = f->data + at->offset;
	t->size = at->length;
}

static onnx_tensor *read_tensor(field *from)
{
	reader *r = &from->in;
	onnx_tensor *t = arena_alloc(&r->f->arena, sizeof *t);
	struct place at = { 0 };
	uint64_t count = 1;
	field f;

	if (!t) {
		error_memory(r->e);
		return NULL;
	}
	t->name = "";
	while (next_field(r, &f)) {
		if (f.number == 1 && f.kind == 0 && t->rank < OXP_MAX_RANK)
			t->shape[t->rank++] = (int64_t)f.value;
		else if (f.number == 1)
			broken(r, "a tensor's shape is packed or too long");
		else if (f.number == 2)
			t->type = (dtype)f.value;
		else if (f.number == 8)
			t->name = text_of(&f);
		else if (f.number == 13 && f.kind == 2)
			read_entry(&f, &at);
		else if (f.number == 9 && f.kind == 2) {
			t->data = f.in.p;
			t->size = (uint64_t)(f.in.end - f.in.p);
		} else if (f.number != 14) {
			broken(r, "a tensor keeps its elements in a form that is not raw_data");
		}
	}
	if (!r->e->code)
		find_data(r, t, &at);
	for (int i = 0; i < t->rank; i++)
		if (t->shape[i] < 0 || __builtin_mul_overflow(count, (uint64_t)t->shape[i], &count))
			broken(r, "a tensor's shape is out of range");
	if (!r->e->code && (!dtype_size(t->type) || count > UINT64_MAX / 8 ||
			    count * dtype_size(t->type) != t->size))
		broken(r, "a tensor's bytes are not as many as its shape says");
	return t;
}

/* ---- Nodes ---- */

static void read_setting(field *from, onnx_setting *a)
{
	reader *r = &from->in;
	float number;
	field f;

	while (next_field(r, &f)) {
		if (f.number == 1)
			a->name = text_of(&f);
		else if (f.number == 2 && f.kind == 5) {
			memcpy(&number, &f.value, sizeof number);
			a->f = (double)number;
		} else if (f.number == 3)
			a->i = (int64_t)f.value;
		else if (f.number == 4)
			a->s = text_of(&f);
		else if (f.number == 5 && f.kind == 2)
			a->tensor = read_tensor(&f);
		else if (f.number == 8 && f.kind == 0 && a->count < MOST_INTS_READ)
			a->ints[a->count++] = (int64_t)f.value;
		else if (f.number == 21)
			a->of_call = text_of(&f);
		else if (f.number != 20)
			broken(r, "an attribute of a kind that onnxport does not write");
	}
	if (!a->name)
		broken(r, "an attribute has no name");
}

static onnx_step *read_step(field *from)
{
	reader *r = &from->in;
	onnx_step *n = arena_alloc(&r->f->arena, sizeof *n);
	field f;

	if (!n) {
		error_memory(r->e);
		return NULL;
	}
	n->op = n->domain = n->name = "";
	while (next_field(r, &f)) {
		if (f.number == 1 && n->inputs < MOST_OPERANDS_READ)
			n->in[n->inputs++] = text_of(&f);
		else if (f.number == 2 && !n->out)
			n->out = text_of(&f);
		else if (f.number == 3)
			n->name = text_of(&f);
		else if (f.number == 4)
			n->op = text_of(&f);
		else if (f.number == 5 && f.kind == 2 && n->settings < MOST_ATTRIBUTES_READ)
			read_setting(&f, &n->setting[n->settings++]);
		else if (f.number == 7)
			n->domain = text_of(&f);
		else if (f.number != 6)
			broken(r, "a node has more than onnxport writes");
	}
	if (!n->out)
		broken(r, "a node gives nothing");
	return n;
}

/* ---- Graphs, functions, the model ---- */

static void read_axis(field *from, onnx_declared *d)
{
	field f;

	if (d->rank == OXP_MAX_RANK) {
		broken(&from->in, "an input or output has too many axes");
		return;
	}
	while (next_field(&from->in, &f)) {
		if (f.number == 1 && f.kind == 0)
			d->length[d->rank] = (int64_t)f.value;
		else if (f.number == 2)
			d->axis[d->rank] = text_of(&f);
	}
	d->rank++;
}

/* TypeProto: a tensor's element type, and its shape. */
static void read_type(field *from, onnx_declared *d)
{
	field dense, f, axis;

	while (next_field(&from->in, &dense)) {
		if (dense.number != 1 || dense.kind != 2)
			continue;
		while (next_field(&dense.in, &f)) {
			if (f.number == 1)
				d->type = (dtype)f.value;
			if (f.number != 2 || f.kind != 2)
				continue;
			d->rank = 0;
			while (next_field(&f.in, &axis))
				if (axis.number == 1 && axis.kind == 2)
					read_axis(&axis, d);
		}
	}
}

/* An input or output: its name, and all that the file says of it. */
static void read_port(field *from, const char ***name, onnx_declared ***declared, int *n)
{
	reader *r = &from->in;
	onnx_declared *d = arena_alloc(&r->f->arena, sizeof *d);
	int same = *n;
	field f;

	if (!d) {
		error_memory(r->e);
		return;
	}
	d->name = "";
	d->rank = -1;
	while (next_field(r, &f)) {
		if (f.number == 1)
			d->name = text_of(&f);
		else if (f.number == 2 && f.kind == 2)
			read_type(&f, d);
	}
	APPEND(r, *name, *n, d->name);
	APPEND(r, *declared, same, d);
}

static void read_graph(field *from, onnx_body *g)
{
	reader *r = &from->in;
	field f;

	while (next_field(r, &f)) {
		if (f.kind != 2)
			broken(r, "a part of the graph is a number");
		else if (f.number == 1)
			APPEND(r, g->step, g->steps, read_step(&f));
		else if (f.number == 5)
			APPEND(r, g->tensor, g->tensors, read_tensor(&f));
		else if (f.number == 11)
			read_port(&f, &g->input, &g->in, &g->inputs);
		else if (f.number == 12)
			read_port(&f, &g->output, &g->out, &g->outputs);
	}
}

static onnx_body *read_function(field *from)
{
	reader *r = &from->in;
	onnx_body *g = arena_alloc(&r->f->arena, sizeof *g);
	field f;

	if (!g) {
		error_memory(r->e);
		return NULL;
	}
	g->name = "";
	while (next_field(r, &f)) {
		if (f.number == 1)
			g->name = text_of(&f);
		else if (f.number == 4)
			APPEND(r, g->input, g->inputs, text_of(&f));
		else if (f.number == 5)
			APPEND(r, g->output, g->outputs, text_of(&f));
		else if (f.number == 7 && f.kind == 2)
			APPEND(r, g->step, g->steps, read_step(&f));
	}
	if (g->outputs != 1)
		broken(r, "a function does not give one value");
	return g;
}

static void read_opset(field *from, onnx_file *to)
{
	const char *domain = "";
	int64_t version = 0;
	field f;

	while (next_field(&from->in, &f)) {
		if (f.number == 1)
			domain = text_of(&f);
		else if (f.number == 2)
			version = (int64_t)f.value;
	}
	if (!*domain)
		to->opset = version;
}

onnx_file *onnx_file_read(const void *data, size_t size, const char *folder, error *e)
{
	onnx_file *x = calloc(1, sizeof *x);
	reader r = {
		.p = data, .end = (const uint8_t *)data + size, .f = x, .folder = folder, .e = e
	};
	int graphs = 0;
	field f;

	if (!x) {
		error_memory(e);
		return NULL;
	}
	while (next_field(&r, &f)) {
		if (f.number == 7 && f.kind == 2) { /* pieces of a message are one */
			read_graph(&f, &x->graph);
			graphs = 1;
		}
		if (f.number == 8 && f.kind == 2)
			read_opset(&f, x);
		else if (f.number == 25 && f.kind == 2)
			APPEND(&r, x->function, x->functions, read_function(&f));
	}
	if (!e->code && !graphs)
		broken(&r, "it holds no graph");
	if (e->code) {
		onnx_file_close(x);
		return NULL;
	}
	return x;
}

onnx_file *onnx_file_open(const char *path, error *e)
{
	arena a = { 0 };
	file *f = file_map(&a, path, e);
	char *folder = path_folder(&a, path);
	onnx_file *x = f && folder ? onnx_file_read(f->data, (size_t)f->size, folder, e) : NULL;

	if (!x) {
		if (!e->code)
			error_memory(e);
		file_unmap(f);
		arena_free(&a);
		return NULL;
	}
	x->file = f;
	x->names = a;
	return x;
}

void onnx_file_close(onnx_file *x)
{
	if (!x)
		return;
	file_unmap(x->file);
	for (int i = 0; i < x->besides; i++)
		file_unmap(x->beside[i]);
	arena_free(&x->names);
	arena_free(&x->arena);
	free(x);
}
