/*
 * A copy of a model that gives more of its tensors as outputs. Messages of protocol buffers that
 * come twice are merged by whoever reads them, so the file's bytes stay as they are and another
 * piece of the graph follows them.
 */
#include "onnx/model.h"
#include "onnx/proto.h"

static void put_float_output(text *piece, const char *name)
{
	text dense = { 0 }, type = { 0 }, port = { 0 };

	pb_int(&dense, 1, OXP_F32);
	pb_message(&type, 1, &dense);
	pb_string(&port, 1, name);
	pb_message(&port, 2, &type);
	pb_message(piece, 12, &port);
}

int onnx_probe(const char *path, const char *const *outputs, int n, const char *to, error *e)
{
	arena a = { 0 };
	text piece = { 0 }, tail = { 0 };
	file *f = file_map(&a, path, e);
	outfile out = { .fd = -1 };

	for (int i = 0; i < n; i++)
		put_float_output(&piece, outputs[i]);
	pb_message(&tail, 7, &piece);
	if (tail.failed)
		error_memory(e);
	if (f && !e->code && output_open(&out, to, e) == 0)
		(void)(output_copy(&out, f, 0, f->size, e) ||
		       output_write(&out, tail.s, tail.len, e) || output_close(&out, e) ||
		       output_publish(&out, e));
	if (e->code)
		output_discard(&out);
	file_unmap(f);
	text_free(&tail);
	arena_free(&a);
	return e->code;
}
