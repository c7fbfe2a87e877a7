/*
 * The ONNX file. Everything but the weights is put together in memory, since it is small; the
 * weights stream from where they lie. Field numbers are those of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "onnx/model.h"
#include "onnx/proto.h"
#include "onnxport/onnxport.h"

enum {
	MOST_PROTOBUF = INT32_MAX, /* what readers of protocol buffers take */
	EXTERNAL_LEAST = 1024,     /* smaller tensors stay inside the model */
	EXTERNAL_ALIGN = 4096,     /* so that readers can map them */
	PIECE = 1 << 16,           /* elements converted at a time */
};

struct writer {
	onnx_model *m;
	outfile out;
	error *e;
	const onnx_write_options *options;
	uint64_t done, total;
	float *buffer;
};

/* ---- The small parts ---- */

static void put_attribute(text *t, const onnx_attribute *a)
{
	enum { INT = 2, FLOAT = 1, STRING = 3, TENSOR = 4, INTS = 7 };
	text in = { 0 }, scalar = { 0 };
	float f = (float)a->f;

	pb_string(&in, 1, a->name);
	switch (a->kind) {
	case ATTRIBUTE_FLOAT:
		pb_float(&in, 2, f);
		pb_int(&in, 20, FLOAT);
		break;
	case ATTRIBUTE_INT:
		pb_int(&in, 3, a->i);
		pb_int(&in, 20, INT);
		break;
	case ATTRIBUTE_STRING:
		pb_string(&in, 4, a->s);
		pb_int(&in, 20, STRING);
		break;
	case ATTRIBUTE_REFERENCE:
		pb_int(&in, 20, FLOAT);
		pb_string(&in, 21, a->s);
		break;
	case ATTRIBUTE_SCALAR:
		pb_int(&scalar, 2, OXP_F32);
		pb_bytes(&scalar, 9, &f, sizeof f);
		pb_message(&in, 5, &scalar);
		pb_int(&in, 20, TENSOR);
		break;
	case ATTRIBUTE_INTS:
		for (int i = 0; i < a->count; i++)
			pb_int(&in, 8, a->ints[i]);
		pb_int(&in, 20, INTS);
		break;
	}
	pb_message(t, 5, &in);
}

static void put_node(text *t, int field, const onnx_node *n)
{
	text in = { 0 };

	for (int i = 0; i < n->inputs; i++)
		pb_string(&in, 1, n->in[i]);
	pb_string(&in, 2, n->out);
	pb_string(&in, 3, n->name);
	pb_string(&in, 4, n->op);
	for (int i = 0; i < n->attributes; i++)
		put_attribute(&in, &n->attribute[i]);
	if (*n->domain)
		pb_string(&in, 7, n->domain);
	pb_message(t, field, &in);
}

static void put_port(text *t, int field, const onnx_port *p)
{
	text shape = { 0 }, dense = { 0 }, type = { 0 }, info = { 0 };

	for (int i = 0; i < p->rank; i++) {
		text d = { 0 };
		int64_t n = oxp_dim_number(p->dim[i]);

		if (n >= 0)
			pb_int(&d, 1, n);
		else
			pb_string(&d, 2, p->dim[i]->text);
		pb_message(&shape, 1, &d);
	}
	pb_int(&dense, 1, p->type);
	pb_message(&dense, 2, &shape);
	pb_message(&type, 1, &dense);
	pb_string(&info, 1, p->name);
	pb_message(&info, 2, &type);
	pb_message(t, field, &info);
}

static void put_opset(text *t, int field, const char *domain, int version)
{
	text in = { 0 };

	pb_string(&in, 1, domain);
	pb_int(&in, 2, version);
	pb_message(t, field, &in);
}

static void put_pair(text *t, int field, const char *key, const char *what)
{
	text in = { 0 };

	pb_string(&in, 1, key);
	pb_string(&in, 2, what);
	pb_message(t, field, &in);
}

static void put_function(text *t, const onnx_model *m, const onnx_function *f)
{
	text in = { 0 };

	pb_string(&in, 1, f->name);
	for (int i = 0; i < f->inputs; i++)
		pb_string(&in, 4, f->in[i]);
	pb_string(&in, 5, f->out);
	if (f->attribute)
		pb_string(&in, 6, f->attribute);
	for (int i = 0; i < f->body.count; i++)
		put_node(&in, 7, f->body.node[i]);
	put_opset(&in, 9, "", m->opset);
	pb_string(&in, 10, ONNX_FUNCTIONS);
	pb_message(t, 25, &in);
}

static void put_external(text *t, const onnx_initializer *x)
{
	char number[24];

	put_pair(t, 13, "location", x->location);
	snprintf(number, sizeof number, "%llu", (unsigned long long)x->offset);
	put_pair(t, 13, "offset", number);
	snprintf(number, sizeof number, "%llu", (unsigned long long)x->size);
	put_pair(t, 13, "length", number);
	pb_int(t, 14, 1); /* EXTERNAL */
}

/* An initializer's message up to its bytes, which follow where they are inside the model. */
static void put_initializer_head(text *t, const onnx_initializer *x)
{
	text in = { 0 };
	uint64_t inside = x->location ? 0 : pb_open_size(9, x->size) + x->size;

	for (int i = 0; i < x->rank; i++)
		pb_int(&in, 1, x->shape[i]);
	pb_int(&in, 2, x->type);
	pb_string(&in, 8, x->name);
	if (x->location)
		put_external(&in, x);
	pb_open(t, 5, in.len + inside);
	text_bytes(t, in.s, in.len);
	t->failed |= in.failed;
	text_free(&in);
	if (!x->location)
		pb_open(t, 9, x->size);
}

/* ---- The bytes of the weights ---- */

static int step(struct writer *w, uint64_t bytes)
{
	const onnx_progress *p = &w->options->progress;

	w->done += bytes;
	if (p->step && p->step(p->context, w->done, w->total))
		return error_set(w->e, E_CANCELLED, "%s: cancelled", w->out.path);
	return 0;
}

/* One of some numbers became infinite: says which. */
static int out_of_range(struct writer *w, const onnx_initializer *x, const float *number, int64_t n)
{
	int half = x->type == OXP_F16;

	for (int64_t i = 0; i < n; i++)
		if (isfinite(number[i]) && !isfinite(round_to(x->type, number[i])))
			return error_set(w->e, E_UNSUPPORTED,
					 "%s: its value %g is beyond the range of %s (%s); use "
					 "--dtype %s",
					 x->param->name, (double)number[i], dtype_name(x->type),
					 half ? "65504" : "3.39e38",
					 half ? "bf16 or fp32" : "fp32");
	return 0; /* it was infinite before */
}

/* Numbers in an initializer's type. */
static int write_numbers(struct writer *w, const onnx_initializer *x, const float *number,
			 int64_t n)
{
	enum { SOME = 4096 };
	uint16_t half[SOME];

	if (x->type == OXP_F32)
		return output_write(&w->out, number, sizeof *number * (size_t)n, w->e);
	for (int64_t i = 0; i < n; i += SOME) {
		int64_t k = n - i < SOME ? n - i : SOME;
		int infinite = 0;

		if (x->type == OXP_F16) {
			for (int64_t m = 0; m < k; m++) {
				half[m] = float_to_half(number[i + m]);
				infinite |= (half[m] & 0x7c00) == 0x7c00;
			}
		} else {
			for (int64_t m = 0; m < k; m++) {
				half[m] = float_to_bfloat(number[i + m]);
				infinite |= (half[m] & 0x7f80) == 0x7f80;
			}
		}
		if (infinite && out_of_range(w, x, number + i, k))
			return w->e->code;
		if (output_write(&w->out, half, sizeof *half * (size_t)k, w->e))
			return w->e->code;
	}
	return 0;
}

/* Some rows of the transpose at a time. */
static int write_transposed(struct writer *w, const onnx_initializer *x)
{
	int64_t rows = x->shape[0], columns = x->shape[1]; /* of the result */
	const int64_t most = 32; /* two cache lines of every row of the file at a time */
	float *strip, *line;

	strip = malloc(sizeof *strip * (size_t)(most * columns + 1));
	line = malloc(sizeof *line * (size_t)(most + 1));
	for (int64_t first = 0; strip && line && first < rows && !w->e->code; first += most) {
		int64_t n = rows - first < most ? rows - first : most;

		for (int64_t c = 0; c < columns; c++) {
			param_read(x->param, c * rows + first, n, line);
			for (int64_t r = 0; r < n; r++)
				strip[r * columns + c] = line[r];
		}
		if (write_numbers(w, x, strip, n * columns) == 0)
			step(w, dtype_size(x->type) * (uint64_t)(n * columns));
	}
	if (!strip || !line)
		error_memory(w->e);
	free(strip);
	free(line);
	return w->e->code;
}

static int write_converted(struct writer *w, const onnx_initializer *x)
{
	const tensor *view = x->param->view;
	int64_t count = shape_count(x->shape, x->rank);

	for (int64_t i = 0; i < count; i += PIECE) {
		int64_t n = count - i < PIECE ? count - i : PIECE;

		if (!x->fold)
			param_read(x->param, i, n, w->buffer);
		else if (fold_read(x->fold, x->param, i, n, w->buffer, w->e))
			return w->e->code;
		if (write_numbers(w, x, w->buffer, n) || step(w, dtype_size(x->type) * (uint64_t)n))
			return w->e->code;
		if (view && !view->strided)
			file_forget(view->file, view->offset + (uint64_t)i * dtype_size(view->type),
				    (uint64_t)n * dtype_size(view->type));
	}
	return 0;
}

/* Whether the stored bytes are the model's as they lie. */
static int is_stored_form(const onnx_initializer *x)
{
	const tensor *view = x->param ? x->param->view : NULL;

	return view && view->type == x->type && !view->strided && !x->transposed && !x->fold;
}

static int write_bytes(struct writer *w, const onnx_initializer *x)
{
	const tensor *view = x->param ? x->param->view : NULL;

	if (!x->param)
		return output_write(&w->out, x->literal, (size_t)x->size, w->e);
	if (x->transposed)
		write_transposed(w, x);
	else if (is_stored_form(x))
		(void)(output_copy(&w->out, view->file, view->offset, view->size, w->e) ||
		       step(w, view->size));
	else
		write_converted(w, x);
	if (view)
		file_forget(view->file, view->offset, view->size);
	return w->e->code;
}

/* ---- The model ---- */

static uint64_t inside_size(const onnx_model *m)
{
	uint64_t n = 0;

	for (int i = 0; i < m->initializers; i++)
		if (!m->initializer[i]->location)
			n += m->initializer[i]->size;
	return n;
}

static void put_graph_head(text *t, const onnx_model *m)
{
	for (int i = 0; i < m->graph.count; i++)
		put_node(t, 1, m->graph.node[i]);
	pb_string(t, 2, m->name);
}

static void put_graph_tail(text *t, const onnx_model *m)
{
	for (int i = 0; i < m->inputs; i++)
		put_port(t, 11, &m->input[i]);
	for (int i = 0; i < m->outputs; i++)
		put_port(t, 12, &m->output[i]);
}

static void put_model_tail(text *t, const onnx_model *m)
{
	put_opset(t, 8, "", m->opset);
	if (m->functions)
		put_opset(t, 8, ONNX_FUNCTIONS, 1);
	for (int i = 0; i < m->metadatas; i++)
		put_pair(t, 14, m->metadata[i][0], m->metadata[i][1]);
	for (int i = 0; i < m->functions; i++)
		put_function(t, m, m->function[i]);
}

static int write_text(struct writer *w, text *t)
{
	if (t->failed)
		return error_memory(w->e);
	return output_write(&w->out, t->s ? t->s : "", t->len, w->e);
}

static int write_initializers(struct writer *w)
{
	for (int i = 0; i < w->m->initializers; i++) {
		const onnx_initializer *x = w->m->initializer[i];
		text head = { 0 };

		put_initializer_head(&head, x);
		if (write_text(w, &head) == 0 && !x->location)
			write_bytes(w, x);
		text_free(&head);
		if (w->e->code)
			break;
	}
	return w->e->code;
}

/* Bytes of the graph's message, for its length. */
static uint64_t graph_size(const onnx_model *m, const text *head, const text *tail, int *failed)
{
	uint64_t n = head->len + tail->len;

	for (int i = 0; i < m->initializers; i++) {
		text t = { 0 };

		put_initializer_head(&t, m->initializer[i]);
		n += t.len + (m->initializer[i]->location ? 0 : m->initializer[i]->size);
		*failed |= t.failed;
		text_free(&t);
	}
	return n;
}

static int write_model(struct writer *w)
{
	const onnx_model *m = w->m;
	text start = { 0 }, head = { 0 }, tail = { 0 }, end = { 0 };
	uint64_t size;

	put_graph_head(&head, m);
	put_graph_tail(&tail, m);
	put_model_tail(&end, m);
	pb_int(&start, 1, m->ir_version);
	pb_string(&start, 2, "onnxport");
	pb_string(&start, 3, OXP_VERSION);
	size = graph_size(m, &head, &tail, &start.failed);
	pb_open(&start, 7, size);
	if (start.len + size + end.len > MOST_PROTOBUF)
		error_set(w->e, E_ARGUMENT,
			  "%s: the model takes %llu bytes, over the 2 GiB that a single ONNX file "
			  "may "
			  "have; use --weights external or link",
			  w->out.path, (unsigned long long)(start.len + size + end.len));
	else
		(void)(write_text(w, &start) || write_text(w, &head) || write_initializers(w) ||
		       write_text(w, &tail) || write_text(w, &end));
	text_free(&start);
	text_free(&head);
	text_free(&tail);
	text_free(&end);
	return w->e->code;
}

/* ---- Where the weights go ---- */

static int goes_outside(const onnx_initializer *x)
{
	return x->param && x->size >= EXTERNAL_LEAST;
}

/* Weights that need work on the way, or all of them: in one file beside the model. */
static uint64_t place_external(onnx_model *m, const char *name)
{
	uint64_t end = 0;

	for (int i = 0; i < m->initializers; i++) {
		onnx_initializer *x = m->initializer[i];

		if (x->location || !goes_outside(x))
			continue;
		end = (end + EXTERNAL_ALIGN - 1) / EXTERNAL_ALIGN * EXTERNAL_ALIGN;
		x->location = name;
		x->offset = end;
		end += x->size;
	}
	return end;
}

/* Weights whose stored bytes serve as they are: in the checkpoint's own files. */
static void place_linked(onnx_model *m)
{
	for (int i = 0; i < m->initializers; i++) {
		onnx_initializer *x = m->initializer[i];

		if (!is_stored_form(x) || !goes_outside(x) || x->param->view->file->is_scratch)
			continue;
		x->location = path_base(x->param->view->file->path);
		x->offset = x->param->view->offset;
	}
}

/* Puts the checkpoint's files beside the model, those that it names. */
static int link_files(struct writer *w, const char *path, onnx_written *written)
{
	const char *folder = path_folder(&w->m->arena, path);
	const file *last = NULL;

	for (int i = 0; i < w->m->initializers; i++) {
		const onnx_initializer *x = w->m->initializer[i];
		const file *f = x->param && x->param->view ? x->param->view->file : NULL;
		char *to;

		if (!f || f == last || !x->location || strcmp(x->location, path_base(f->path)) != 0)
			continue;
		last = f;
		to = folder ? path_join(&w->m->arena, folder, x->location) : NULL;
		if (!to)
			return error_memory(w->e);
		if (!path_is_file(to) && file_link(f, to, w->e)) /* another graph's link serves */
			return w->e->code;
		written->external = 1;
	}
	return 0;
}

static int open_file(struct writer *w, const char *path)
{
	if (output_open(&w->out, path, w->e))
		return w->e->code;
	w->out.sync = w->options->sync;
	return 0;
}

static int write_external(struct writer *w, const char *path, const char *location)
{
	if (open_file(w, path))
		return w->e->code;
	for (int i = 0; i < w->m->initializers; i++) {
		const onnx_initializer *x = w->m->initializer[i];

		if (!x->location || strcmp(x->location, location) != 0)
			continue;
		if (output_pad(&w->out, x->offset, w->e) || write_bytes(w, x))
			return w->e->code;
	}
	return output_close(&w->out, w->e);
}

static uint64_t weight_bytes(const onnx_model *m, oxp_weights weights)
{
	uint64_t n = 0;

	for (int i = 0; i < m->initializers; i++)
		if (m->initializer[i]->param &&
		    (weights != OXP_WEIGHTS_LINK || !m->initializer[i]->location))
			n += m->initializer[i]->size;
	return n;
}

/* The data file first, the model last: who sees the model finds everything that it names. */
static int write_files(struct writer *w, const char *path, const char *data, uint64_t data_size,
		       onnx_written *written)
{
	outfile external = { .fd = -1 };

	if (data_size) {
		if (write_external(w, data, path_base(data)))
			return w->e->code;
		external = w->out;
		w->out = (outfile){ .fd = -1 };
		written->external = 1;
	}
	if (open_file(w, path) == 0 && write_model(w) == 0 && output_close(&w->out, w->e) == 0 &&
	    link_files(w, path, written) == 0) {
		written->bytes = w->out.size + data_size;
		(void)((data_size && output_publish(&external, w->e)) ||
		       output_publish(&w->out, w->e));
	}
	if (w->e->code)
		output_discard(&external);
	return w->e->code;
}

int onnx_write(onnx_model *m, const char *path, const onnx_write_options *o, onnx_written *written,
	       error *e)
{
	struct writer w = { .m = m, .out = { .fd = -1 }, .e = e, .options = o };
	oxp_weights weights = o->weights;
	char *data = arena_printf(&m->arena, "%s_data", path);
	uint64_t data_size = 0;

	*written = (onnx_written){ 0 };
	w.buffer = malloc(sizeof(float) * PIECE);
	if (!data || !w.buffer) {
		free(w.buffer);
		return error_memory(e);
	}
	if (weights == OXP_WEIGHTS_AUTO && inside_size(m) > MOST_PROTOBUF - (64 << 20))
		weights = OXP_WEIGHTS_EXTERNAL;
	if (weights == OXP_WEIGHTS_LINK)
		place_linked(m);
	w.total = weight_bytes(m, weights);
	if (weights == OXP_WEIGHTS_EXTERNAL ||
	    (weights == OXP_WEIGHTS_LINK && inside_size(m) > MOST_PROTOBUF - (64 << 20)))
		data_size = place_external(m, path_base(data));
	if (write_files(&w, path, data, data_size, written))
		output_discard(&w.out);
	free(w.buffer);
	return e->code;
}
