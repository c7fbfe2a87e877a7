#define _GNU_SOURCE
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUFFER = 1 << 20 };

/* Maps all of an open file; closes it where that fails. */
static file *map_open(arena *a, const char *path, int fd, uint64_t size, error *e)
{
	file *f = arena_alloc(a, sizeof *f);
	void *p = NULL;

	if (!f || !(f->path = arena_strdup(a, path))) {
		error_memory(e);
	} else if (size &&
		   (p = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0)) == MAP_FAILED) {
		error_set(e, E_IO, "%s: cannot be mapped: %s", path, strerror(errno));
	} else {
		f->fd = fd;
		f->size = size;
		f->data = p;
		return f;
	}
	close(fd);
	return NULL;
}

file *file_map(arena *a, const char *path, error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0) {
		error_set(e, E_IO, "%s: cannot be opened: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		error_set(e, E_IO, "%s: expected a regular file", path);
		close(fd);
		return NULL;
	}
	return map_open(a, path, fd, (uint64_t)st.st_size, e);
}

file *file_scratch(arena *a, const char *from, uint64_t size, error *e)
{
	const char *folder = getenv("TMPDIR");
	char name[PATH_MAX];
	file *f;
	int fd;

	if (!folder || !*folder)
		folder = "/var/tmp";
	if (snprintf(name, sizeof name, "%s/onnxport-XXXXXX", folder) >= (int)sizeof name ||
	    (fd = mkostemp(name, O_CLOEXEC)) < 0) {
		error_set(e, E_IO, "%s: no temporary file can be made (TMPDIR says where): %s",
			  folder, strerror(errno));
		return NULL;
	}
	unlink(name);
	if (ftruncate(fd, (off_t)size) != 0) {
		error_set(e, E_IO, "%s: a temporary file of %llu bytes cannot be made: %s", folder,
			  (unsigned long long)size, strerror(errno));
		close(fd);
		return NULL;
	}
	f = map_open(a, from, fd, size, e);
	if (f)
		f->is_scratch = 1;
	return f;
}

void file_unmap(file *f)
{
	if (!f)
		return;
	if (f->data)
		munmap((void *)(uintptr_t)f->data, (size_t)f->size);
	close(f->fd);
}

void file_forget(const file *f, uint64_t offset, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t start = (offset + page - 1) / page * page, end = (offset + size) / page * page;

	if (f->data && end > start)
		madvise((void *)(uintptr_t)(f->data + start), (size_t)(end - start), MADV_DONTNEED);
}

int path_is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int path_is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

char *path_join(arena *a, const char *folder, const char *name)
{
	size_t n = strlen(folder);

	return arena_printf(a, "%s%s%s", folder, n && folder[n - 1] == '/' ? "" : "/", name);
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

char *path_folder(arena *a, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return arena_strdup(a, ".");
	return arena_strndup(a, path, slash == path ? 1 : (size_t)(slash - path));
}

int path_make_folder(const char *path, error *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof part)
		return error_set(e, E_IO, "%s: the path is too long", path);
	memcpy(part, path, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (part[i] != '/' && part[i] != 0)
			continue;
		part[i] = 0;
		if (mkdir(part, 0777) != 0 && errno != EEXIST)
			return error_set(e, E_IO, "%s: the folder cannot be made: %s", part,
					 strerror(errno));
		part[i] = i == n ? 0 : '/';
	}
	if (!path_is_folder(path))
		return error_set(e, E_IO, "%s: exists and is not a folder", path);
	return 0;
}

int file_write(int fd, const void *data, size_t n, int64_t offset)
{
	const uint8_t *p = data;

	while (n) {
		ssize_t k = offset < 0 ? write(fd, p, n) : pwrite(fd, p, n, (off_t)offset);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return -1;
		p += k;
		n -= (size_t)k;
		offset += offset < 0 ? 0 : k;
	}
	return 0;
}

static int output_failed(const outfile *o, const char *what, error *e)
{
	return error_set(e, E_IO, "%s: %s: %s", o->path, what, strerror(errno));
}

int output_open(outfile *o, const char *path, error *e)
{
	size_t n = strlen(path) + 32;

	*o = (outfile){ .fd = -1 };
	o->path = malloc(n);
	o->temporary = calloc(1, n);
	o->buffer = malloc(BUFFER);
	if (!o->path || !o->temporary || !o->buffer) {
		output_discard(o);
		return error_memory(e);
	}
	snprintf(o->path, n, "%s", path);
	for (int i = 0; i < 100 && o->fd < 0; i++) {
		snprintf(o->temporary, n, "%s.%ld.%d.part", path, (long)getpid(), i);
		o->fd = open(o->temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (o->fd < 0 && errno != EEXIST)
			break;
	}
	if (o->fd < 0) {
		output_failed(o, "cannot be written", e);
		o->temporary[0] = 0;
		output_discard(o);
		return e->code;
	}
	return 0;
}

static int flush(outfile *o, error *e)
{
	size_t n = o->filled;

	o->filled = 0;
	return file_write(o->fd, o->buffer, n, -1) == 0 ? 0 : output_failed(o, "writing failed", e);
}

int output_write(outfile *o, const void *data, size_t n, error *e)
{
	const uint8_t *p = data;

	o->size += n;
	while (n) {
		size_t room = BUFFER - o->filled, k = n < room ? n : room;

		memcpy(o->buffer + o->filled, p, k);
		o->filled += k;
		p += k;
		n -= k;
		if (o->filled == BUFFER && flush(o, e))
			return e->code;
	}
	return 0;
}

int output_pad(outfile *o, uint64_t size, error *e)
{
	static const uint8_t zeros[4096];

	while (o->size < size) {
		uint64_t n = size - o->size;

		if (output_write(o, zeros, n < sizeof zeros ? (size_t)n : sizeof zeros, e))
			return e->code;
	}
	return 0;
}

/*
 * Read straight into the buffer, so that every write is a whole, aligned buffer. Measured against
 * copy_file_range on unaligned ranges, which is what tensors are: 162 to 189 ms for 438 MB.
 */
int output_copy(outfile *o, const file *f, uint64_t offset, uint64_t size, error *e)
{
	o->size += size;
	while (size) {
		size_t room = BUFFER - o->filled;
		ssize_t k = pread(f->fd, o->buffer + o->filled, size < room ? (size_t)size : room,
				  (off_t)offset);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return error_set(e, E_IO, "%s: reading failed: %s", f->path,
					 k ? strerror(errno) : "it became shorter");
		o->filled += (size_t)k;
		offset += (uint64_t)k;
		size -= (uint64_t)k;
		if (o->filled == BUFFER && flush(o, e))
			return e->code;
	}
	return 0;
}

int output_close(outfile *o, error *e)
{
	if (flush(o, e))
		return e->code;
	if (o->sync && fsync(o->fd) != 0)
		return output_failed(o, "writing failed", e);
	if (close(o->fd) != 0) {
		o->fd = -1;
		return output_failed(o, "closing failed", e);
	}
	o->fd = -1;
	return 0;
}

int output_publish(outfile *o, error *e)
{
	if (rename(o->temporary, o->path) != 0)
		return output_failed(o, "cannot take its name", e);
	o->temporary[0] = 0;
	output_discard(o);
	return 0;
}

void output_discard(outfile *o)
{
	if (o->fd >= 0)
		close(o->fd);
	if (o->temporary && o->temporary[0])
		unlink(o->temporary);
	free(o->path);
	free(o->temporary);
	free(o->buffer);
	*o = (outfile){ .fd = -1 };
}

/* A copy that shares its blocks with the original until one of them is written to. */
static int clone_file(const file *from, const char *to)
{
	int fd = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666), rc;

	if (fd < 0)
		return -1;
	rc = ioctl(fd, FICLONE, from->fd);
	close(fd);
	if (rc != 0)
		unlink(to);
	return rc;
}

int file_link(const file *from, const char *to, error *e)
{
	outfile o;

	if (clone_file(from, to) == 0 ||
	    linkat(AT_FDCWD, from->path, AT_FDCWD, to, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	if (output_open(&o, to, e))
		return e->code;
	if (output_copy(&o, from, 0, from->size, e) || output_close(&o, e) || output_publish(&o, e))
		output_discard(&o);
	return e->code;
}
