/* The torch reader, and the elements of every tensor that it accepts. */
#include "fuzz.h"

#include "weights/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	file f = { .path = "fuzz", .fd = -1, .data = data, .size = size };
	error e = { 0 };
	checkpoint *c = checkpoint_new(".", &e);

	if (c && torch_read(c, &f, &e) == 0) {
		for (size_t i = 0; i < c->count; i++) {
			const tensor *t = c->tensor[i];
			int64_t n = shape_count(t->shape, t->rank);
			float x;

			if (n > 0) {
				tensor_read(t, 0, 1, &x);
				tensor_read(t, n - 1, 1, &x);
			}
		}
	}
	checkpoint_close(c);
	return 0;
}
