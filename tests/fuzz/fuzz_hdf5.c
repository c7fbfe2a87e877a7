/* HDF5 files, with TensorFlow's names. */
#include "reader.h"

#include "weights/tensorflow.h"

static int read(checkpoint *c, file *f, error *e)
{
	return tensorflow_read(c, f, TENSORFLOW_SCOPED, e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return fuzz_reader(read, data, size);
}
