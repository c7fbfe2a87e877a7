/* file.h: files mapped for reading, and files that appear whole or not at all. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"

/* A file open for reading; `data` maps all of it (NULL for an empty file). */
typedef struct file {
	const char *path;
	int fd;
	const uint8_t *data;
	uint64_t size;
	int is_scratch; /* a temporary file without a name; `path` says what it came from */
} file;

file *file_map(arena *a, const char *path, error *e);
void file_unmap(file *f);
/* A temporary file of `size` bytes, in TMPDIR or /var/tmp, that vanishes with its last user. */
file *file_scratch(arena *a, const char *from, uint64_t size, error *e);
/* Tells the kernel that the pages are not needed any more, so that resident memory stays small. */
void file_forget(const file *f, uint64_t offset, uint64_t size);

int path_is_folder(const char *path);
int path_is_file(const char *path);
char *path_join(arena *a, const char *folder, const char *name);
const char *path_base(const char *path);
char *path_folder(arena *a, const char *path);
/* Makes the folder and those above it. */
int path_make_folder(const char *path, error *e) MUST_USE;

/* Writes all of it to an open file, at an offset or (-1) where the file stands; -1 and errno. */
int file_write(int fd, const void *data, size_t n, int64_t offset);

/* A file being written under a temporary name beside its own. */
typedef struct outfile {
	char *path, *temporary;
	int fd;
	uint64_t size;
	int sync; /* output_close waits for the disk */
	uint8_t *buffer;
	size_t filled;
} outfile;

int output_open(outfile *o, const char *path, error *e) MUST_USE;
int output_write(outfile *o, const void *data, size_t n, error *e) MUST_USE;
int output_pad(outfile *o, uint64_t size, error *e) MUST_USE; /* zeros up to that size */
/* Copies a part of a file. */
int output_copy(outfile *o, const file *f, uint64_t offset, uint64_t size, error *e) MUST_USE;
/* Everything written, still under the temporary name; with `sync`, on the disk. */
int output_close(outfile *o, error *e) MUST_USE;
int output_publish(outfile *o, error *e) MUST_USE;
/* After a failure: the temporary file goes away. Does nothing after output_publish. */
void output_discard(outfile *o);

/* The file `from` appears as `to`: a clone that shares its blocks, a hard link, or else a copy. */
int file_link(const file *from, const char *to, error *e) MUST_USE;

#endif
