/* The index of a sharded checkpoint. */
#include "fuzz.h"

#include <jansson.h>

#include "weights/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	error e = { 0 };

	json_decref(shards_parse("fuzz", size ? (const char *)data : "", size, &e));
	return 0;
}
