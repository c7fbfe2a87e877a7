/* PKWARE's APPNOTE, the part that torch.save uses: stored entries, zip64 where sizes ask for it. */
#include "weights/zip.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

enum {
	END = 22,
	END64_LOCATOR = 20,
	END64 = 56,
	CENTRAL = 46,
	LOCAL = 30,
	MOST_ENTRIES = 1 << 22,
};

struct directory {
	uint64_t offset, size, count;
};

static int bad(const file *f, uint64_t at, const char *what, error *e)
{
	return error_set(e, E_MODEL, "%s: not a zip archive that torch.save writes: %s (byte %llu)",
			 f->path, what, (unsigned long long)at);
}

static int find_directory(const file *f, struct directory *d, error *e)
{
	uint64_t lowest = f->size > 65535 + END ? f->size - 65535 - END : 0, at;

	if (f->size < END)
		return bad(f, 0, "too short", e);
	for (at = f->size - END;; at--) {
		if (memcmp(f->data + at, "PK\5\6", 4) == 0)
			break;
		if (at == lowest)
			return bad(f, f->size, "no end record (is the file whole?)", e);
	}
	d->count = u16(f->data + at + 10);
	d->size = u32(f->data + at + 12);
	d->offset = u32(f->data + at + 16);
	if (at >= END64_LOCATOR && memcmp(f->data + at - END64_LOCATOR, "PK\6\7", 4) == 0) {
		uint64_t record = u64(f->data + at - END64_LOCATOR + 8);

		if (record > at - END64_LOCATOR || at - END64_LOCATOR - record < END64 ||
		    memcmp(f->data + record, "PK\6\6", 4) != 0)
			return bad(f, at, "the zip64 record is not where it should be", e);
		d->count = u64(f->data + record + 32);
		d->size = u64(f->data + record + 40);
		d->offset = u64(f->data + record + 48);
	}
	if (d->offset > at || d->size > at - d->offset || d->count > MOST_ENTRIES ||
	    d->count > d->size / CENTRAL)
		return bad(f, at, "the directory lies outside the file", e);
	return 0;
}

/* The 64-bit fields of an entry whose 32-bit ones are full, in their fixed order. */
static int read_zip64(const uint8_t *extra, uint32_t n, uint64_t *field[], int fields)
{
	while (n >= 4) {
		uint32_t id = u16(extra), size = u16(extra + 2);

		if (size > n - 4)
			return -1;
		if (id == 1) {
			const uint8_t *p = extra + 4;

			for (int i = 0; i < fields; i++) {
				if (*field[i] != UINT32_MAX)
					continue;
				if (size < 8)
					return -1;
				*field[i] = u64(p);
				p += 8;
				size -= 8;
			}
			return 0;
		}
		extra += 4 + size;
		n -= 4 + size;
	}
	return 0;
}

static int read_entry(arena *a, const file *f, const uint8_t *p, zip_entry *z, error *e)
{
	uint64_t at = (uint64_t)(p - f->data), packed = u32(p + 20), local = u32(p + 42);
	uint32_t name = u16(p + 28), extra = u16(p + 30);
	uint64_t *field[] = { &z->size, &packed, &local };

	z->size = u32(p + 24);
	z->name = arena_strndup(a, (const char *)p + CENTRAL, name);
	if (!z->name)
		return error_memory(e);
	if (read_zip64(p + CENTRAL + name, extra, field, 3))
		return bad(f, at, "a broken zip64 field", e);
	if (u16(p + 8) & 1)
		return bad(f, at, "an encrypted entry", e);
	if (u16(p + 10) != 0 || packed != z->size)
		return bad(f, at, "a compressed entry", e);
	if (local > f->size || f->size - local < LOCAL || memcmp(f->data + local, "PK\3\4", 4) != 0)
		return bad(f, at, "an entry without its local header", e);
	z->offset = local + LOCAL + u16(f->data + local + 26) + u16(f->data + local + 28);
	if (z->offset > f->size || z->size > f->size - z->offset)
		return bad(f, at, "an entry that ends outside the file", e);
	return 0;
}

static int by_offset(const void *a, const void *b)
{
	const zip_entry *x = a, *y = b;

	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->size < y->size ? -1 : x->size > y->size;
}

int zip_read(zip *z, arena *a, const file *f, error *e)
{
	struct directory d = { 0 };
	const uint8_t *p, *end;
	uint64_t last = 0;

	*z = (zip){ 0 };
	if (find_directory(f, &d, e))
		return e->code;
	z->entry = calloc(d.count ? (size_t)d.count : 1, sizeof *z->entry);
	if (!z->entry)
		return error_memory(e);
	p = f->data + d.offset;
	end = p + d.size;
	for (uint64_t i = 0; i < d.count; i++) {
		uint64_t n;

		if (end - p < CENTRAL || memcmp(p, "PK\1\2", 4) != 0)
			return bad(f, (uint64_t)(p - f->data), "a broken directory", e);
		n = CENTRAL + (uint64_t)u16(p + 28) + u16(p + 30) + u16(p + 32);
		if ((uint64_t)(end - p) < n)
			return bad(f, (uint64_t)(p - f->data), "a broken directory", e);
		if (read_entry(a, f, p, &z->entry[z->count], e))
			return e->code;
		z->count++;
		p += n;
	}
	qsort(z->entry, z->count, sizeof *z->entry, by_offset);
	for (size_t i = 0; i < z->count; i++) {
		zip_entry *x = &z->entry[i];

		if (x->offset < last)
			return bad(f, x->offset, "entries that overlap", e);
		if (map_get(&z->by_name, x->name))
			return bad(f, x->offset, "two entries of one name", e);
		if (map_put(&z->by_name, x->name, x))
			return error_memory(e);
		last = x->offset + x->size;
	}
	return 0;
}

void zip_free(zip *z)
{
	map_free(&z->by_name);
	free(z->entry);
}
