/* zip.h: where the stored entries of a zip archive lie in its file. */
#ifndef WEIGHTS_ZIP_H
#define WEIGHTS_ZIP_H

#include "base/file.h"
#include "base/map.h"

typedef struct zip_entry {
	const char *name;
	uint64_t offset, size; /* of the data, in the file */
} zip_entry;

typedef struct zip {
	zip_entry *entry; /* in the order of their data */
	size_t count;
	map by_name;
} zip;

/*
 * Reads the directory (zip64 included). Refuses compressed and encrypted entries (which also rules
 * out bombs), entries outside the file and entries that overlap.
 */
int zip_read(zip *z, arena *a, const file *f, error *e) MUST_USE;
void zip_free(zip *z);

#endif
