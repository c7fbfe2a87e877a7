/*
 * The HDF5 File Format Specification, version 3.0, the part that Keras' files are made of:
 * superblocks 0 to 3, object headers 1 and 2, groups of symbol tables or of links in the header,
 * datasets that lie contiguous or in chunks under a version 1 B-tree.
 */
#include "weights/hdf5.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "base/bytes.h"

enum {
	MOST_DEPTH = 32,
	MOST_VISITS = 1 << 17, /* headers, nodes and blocks: what a file can make us walk */
	MOST_PATH = 1024,
	MOST_BLOCKS = 256,      /* that one header may be spread over */
	MOST_CHUNK = 256 << 20, /* bytes */
};

/* Message types of object headers. */
enum {
	DATASPACE = 0x01,
	LINK_INFO = 0x02,
	DATATYPE = 0x03,
	LINK = 0x06,
	LAYOUT = 0x08,
	FILTERS = 0x0b,
	CONTINUATION = 0x10,
	SYMBOL_TABLE = 0x11,
};

#define NOWHERE UINT64_MAX

struct walk {
	const file *f;
	error *e;
	hdf5_found *found;
	void *context;
	uint64_t base;
	int visits;
	char path[MOST_PATH];
};

/* A part of the file that is read from front to back; reading past its end gives zeros. */
struct part {
	const uint8_t *p, *end;
	int bad;
};

/* What an object's header says of it. */
struct object {
	tensor t;
	hdf5_layout how;
	int has_space, has_type, has_layout;
	int is_group;
	uint64_t tree, heap; /* of a group of symbol tables */
	int blocks;          /* of the header, so far */
};

static int bad(struct walk *w, const char *what)
{
	return error_set(w->e, E_MODEL, "%s: %s%s%s: not an HDF5 file that can be read: %s",
			 w->f->path, *w->path ? "at " : "", w->path,
			 *w->path ? "" : "the file's start", what);
}

static uint64_t take(struct part *p, size_t n)
{
	uint64_t x = 0;

	if ((size_t)(p->end - p->p) < n) {
		p->bad = 1;
		p->p = p->end;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)p->p[i] << 8 * i;
	p->p += n;
	return x;
}

static void skip(struct part *p, size_t n)
{
	if ((size_t)(p->end - p->p) < n) {
		p->bad = 1;
		n = (size_t)(p->end - p->p);
	}
	p->p += n;
}

/* `size` bytes at an address, or none and an error. */
static struct part part_at(struct walk *w, uint64_t address, uint64_t size)
{
	struct part p = { w->f->data, w->f->data, 1 };

	if (++w->visits > MOST_VISITS) {
		bad(w, "too many objects");
	} else if (address > w->f->size - w->base || size > w->f->size - w->base - address) {
		bad(w, "an address outside of the file (is it whole?)");
	} else {
		p.p = w->f->data + w->base + address;
		p.end = p.p + size;
		p.bad = 0;
	}
	return p;
}

/* What lies between an address and the file's end, for parts that say their length themselves. */
static struct part part_from(struct walk *w, uint64_t address)
{
	uint64_t room = w->f->size - w->base;

	return part_at(w, address, address < room ? room - address : 0);
}

/* The part's first `size` bytes as a part of their own. */
static struct part slice(struct part *p, uint64_t size)
{
	struct part s = { p->p, p->p, p->bad };

	if ((uint64_t)(p->end - p->p) < size) {
		s.bad = p->bad = 1;
		return s;
	}
	p->p += size;
	s.end = p->p;
	return s;
}

/* ---- Messages ---- */

static int read_space(struct walk *w, struct object *o, struct part m)
{
	uint64_t version = take(&m, 1), rank = take(&m, 1);

	skip(&m, 1); /* flags: largest sizes follow the sizes */
	if (version == 1)
		skip(&m, 5);
	else if (version != 2 || take(&m, 1) > 1)
		return bad(w, "a dataspace that is not simple");
	if (rank > OXP_MAX_RANK)
		return bad(w, "more than 8 dimensions");
	o->t.rank = (int)rank;
	for (int i = 0; i < o->t.rank; i++) {
		uint64_t n = take(&m, 8);

		if (n > INT64_MAX)
			return bad(w, "a dimension out of range");
		o->t.shape[i] = (int64_t)n;
	}
	o->has_space = !m.bad;
	return 0;
}

/* The types that weights have; any other is OXP_BAD, which whoever needs the tensor refuses. */
static void read_type(struct object *o, struct part m)
{
	uint64_t kind = take(&m, 1) & 15, bits = take(&m, 3), size = take(&m, 4), exponent;
	int is_signed = bits >> 3 & 1, big_endian = bits & 1;
	dtype *type = &o->t.type;

	o->has_type = !m.bad;
	*type = OXP_BAD;
	if (big_endian)
		return;
	if (kind == 0 && size == 1)
		*type = is_signed ? OXP_I8 : OXP_U8;
	else if (kind == 0 && is_signed)
		*type = size == 2 ? OXP_I16 : size == 4 ? OXP_I32 : size == 8 ? OXP_I64 : OXP_BAD;
	if (kind != 1)
		return;
	skip(&m, 5); /* bit offset, precision, the exponent's place */
	exponent = take(&m, 1);
	*type = size == 4 && exponent == 8    ? OXP_F32
		: size == 8 && exponent == 11 ? OXP_F64
		: size == 2 && exponent == 5  ? OXP_F16
		: size == 2 && exponent == 8  ? OXP_BF16
					      : OXP_BAD;
}

static int read_chunks(struct walk *w, struct object *o, struct part m)
{
	uint64_t rank = take(&m, 1); /* one more than the dataset's: the element's bytes */

	o->how.chunked = 1;
	o->how.address = take(&m, 8);
	if (rank < 2 || rank > OXP_MAX_RANK + 1)
		return bad(w, "chunks of a wrong rank");
	o->how.rank = (int)rank - 1;
	for (uint64_t i = 0; i + 1 < rank; i++)
		o->how.chunk[i] = take(&m, 4);
	return m.bad ? bad(w, "a short layout message") : 0;
}

static int read_layout(struct walk *w, struct object *o, struct part m)
{
	enum { COMPACT, CONTIGUOUS, CHUNKED };
	uint64_t version = take(&m, 1), kind = take(&m, 1);

	o->has_layout = 1;
	if (version != 3 && version != 4)
		return bad(w, "a layout of an unknown version");
	if (kind == COMPACT) { /* the bytes stand in the header itself */
		o->how.size = take(&m, 2);
		o->how.address = m.bad ? 0 : (uint64_t)(m.p - w->f->data) - w->base;
	} else if (kind == CONTIGUOUS) {
		o->how.address = take(&m, 8);
		o->how.size = take(&m, 8);
	} else if (kind == CHUNKED && version == 3) {
		return read_chunks(w, o, m);
	} else {
		return bad(w, "chunks indexed as in HDF5's newest format, which is not supported; "
			      "write the file with h5py's default libver");
	}
	return m.bad ? bad(w, "a short layout message") : 0;
}

static int read_filters(struct walk *w, struct object *o, struct part m)
{
	uint64_t version = take(&m, 1), count = take(&m, 1);

	if (version == 1)
		skip(&m, 6);
	else if (version != 2)
		return bad(w, "filters of an unknown version");
	if (count > HDF5_MOST_FILTERS)
		return bad(w, "too many filters");
	o->how.filters = 0; /* should the message be there twice */
	for (uint64_t i = 0; i < count; i++) {
		uint64_t id = take(&m, 2), name = version == 1 || id > 255 ? take(&m, 2) : 0,
			 values;

		skip(&m, 2); /* flags */
		values = take(&m, 2);
		skip(&m, version == 1 ? (name + 7) / 8 * 8 : name);
		skip(&m, 4 * values + (version == 1 && values % 2 ? 4 : 0));
		o->how.filter[o->how.filters++] = (int)id;
	}
	return m.bad ? bad(w, "a short filter message") : 0;
}

/* ---- Groups ---- */

static int visit(struct walk *w, uint64_t header, int depth);

/* An object below the one at hand: its name joins the path while it is visited. */
static int visit_child(struct walk *w, const char *name, size_t n, uint64_t header, int depth)
{
	size_t before = strlen(w->path);

	if (!n || before + n + 2 > sizeof w->path)
		return bad(w, n ? "a path that is too long" : "an object without a name");
	if (memchr(name, 0, n))
		return bad(w, "a name with a zero in it");
	snprintf(w->path + before, sizeof w->path - before, "%s%.*s", before ? "/" : "", (int)n,
		 name);
	if (visit(w, header, depth + 1))
		return w->e->code;
	w->path[before] = 0;
	return 0;
}

static int visit_link(struct walk *w, struct part m, int depth)
{
	uint64_t version = take(&m, 1), flags = take(&m, 1), kind = 0, n;
	struct part name;

	if (flags & 8)
		kind = take(&m, 1);
	if (flags & 4)
		skip(&m, 8);
	if (flags & 16)
		skip(&m, 1);
	n = take(&m, (size_t)1 << (flags & 3));
	name = slice(&m, n);
	if (version != 1 || kind != 0)
		return bad(w, "a soft or external link");
	n = take(&m, 8);
	if (m.bad)
		return bad(w, "a short link message");
	return visit_child(w, (const char *)name.p, (size_t)(name.end - name.p), n, depth);
}

/* The symbols of one leaf of a group's tree. */
static int visit_symbols(struct walk *w, uint64_t address, struct part names, int depth)
{
	struct part p = part_from(w, address);
	uint64_t count;

	if (take(&p, 4) != 0x444f4e53) /* SNOD */
		return bad(w, "a symbol table without its mark");
	skip(&p, 2);
	count = take(&p, 2);
	for (uint64_t i = 0; i < count; i++) {
		uint64_t name = take(&p, 8), header = take(&p, 8), room;
		const uint8_t *end;

		if (take(&p, 4) == 2)
			return bad(w, "a soft link");
		skip(&p, 20);
		if (p.bad || name >= (uint64_t)(names.end - names.p))
			return bad(w, "a symbol outside of its table");
		room = (uint64_t)(names.end - names.p) - name;
		end = memchr(names.p + name, 0, room < MOST_PATH ? (size_t)room : MOST_PATH);
		if (!end)
			return bad(w, "a name without an end");
		if (visit_child(w, (const char *)names.p + name, (size_t)(end - names.p) - name,
				header, depth))
			return w->e->code;
	}
	return 0;
}

/* A node of a version 1 B-tree, up to its first key. */
static struct part tree_node(struct walk *w, uint64_t address, unsigned kind, uint64_t *level,
			     uint64_t *count)
{
	struct part p = part_from(w, address);

	if (!p.bad && (take(&p, 4) != 0x45455254 || take(&p, 1) != kind)) /* TREE */
		bad(w, "a tree without its mark");
	*level = take(&p, 1);
	*count = take(&p, 2);
	skip(&p, 16);
	if (p.bad)
		bad(w, "a short tree");
	return p;
}

static int visit_tree(struct walk *w, uint64_t address, uint64_t above, struct part names,
		      int depth)
{
	uint64_t level, count;
	struct part p = tree_node(w, address, 0, &level, &count);

	if (level >= above)
		return bad(w, "a tree that does not end");
	for (uint64_t i = 0; i < count && !w->e->code; i++) {
		uint64_t child;

		skip(&p, 8); /* key */
		child = take(&p, 8);
		if (p.bad)
			return bad(w, "a short tree");
		if (level)
			visit_tree(w, child, level, names, depth);
		else
			visit_symbols(w, child, names, depth);
	}
	return w->e->code;
}

static int visit_group(struct walk *w, const struct object *o, int depth)
{
	struct part heap = part_from(w, o->heap), names;
	uint64_t size;

	if (take(&heap, 4) != 0x50414548) /* HEAP */
		return bad(w, "a heap without its mark");
	skip(&heap, 4);
	size = take(&heap, 8);
	skip(&heap, 8);
	names = part_at(w, take(&heap, 8), size);
	return w->e->code ? w->e->code : visit_tree(w, o->tree, 256, names, depth);
}

/* ---- Objects ---- */

static int read_message(struct walk *w, struct object *o, uint64_t type, uint64_t flags,
			struct part m, int depth)
{
	int of_interest =
		type == DATASPACE || type == DATATYPE || type == LAYOUT || type == FILTERS;

	if (of_interest && (flags & 2))
		return bad(w, "a shared message");
	switch (type) {
	case DATASPACE:
		return read_space(w, o, m);
	case DATATYPE:
		read_type(o, m);
		return 0;
	case LAYOUT:
		return read_layout(w, o, m);
	case FILTERS:
		return read_filters(w, o, m);
	case LINK:
		o->is_group = 1;
		return visit_link(w, m, depth);
	case LINK_INFO:
		o->is_group = 1;
		skip(&m, 1);
		if (take(&m, 1) & 1)
			skip(&m, 8);
		return take(&m, 8) == NOWHERE ? 0
					      : bad(w, "a group stored as in HDF5's newest format, "
						       "which is not supported; write the file "
						       "with h5py's default libver");
	case SYMBOL_TABLE:
		o->is_group = 1;
		o->tree = take(&m, 8);
		o->heap = take(&m, 8);
		return m.bad ? bad(w, "a short symbol table message") : 0;
	default:
		return 0;
	}
}

/* The messages of one block of a header; another block may continue it. `version` 1 or 2. */
static int read_block(struct walk *w, struct object *o, struct part p, int version,
		      uint64_t header_flags, int depth)
{
	size_t head = version == 1 ? 8 : header_flags & 4 ? 6 : 4;

	if (++o->blocks > MOST_BLOCKS)
		return bad(w, "a header that does not end");
	while ((size_t)(p.end - p.p) >= head && !w->e->code) {
		uint64_t type = take(&p, version == 1 ? 2 : 1), size = take(&p, 2);
		uint64_t flags = take(&p, 1);
		struct part m;

		skip(&p, head - (version == 1 ? 5 : 4));
		m = slice(&p, size);
		if (p.bad || ++w->visits > MOST_VISITS)
			return bad(w, "a message that leaves its header, or too many of them");
		if (type == CONTINUATION) {
			uint64_t address = take(&m, 8), length = take(&m, 8);
			struct part next = m.bad ? m : part_at(w, address, length);

			if (version == 2) { /* OCHK, messages, checksum */
				if (length < 8 || take(&next, 4) != 0x4b48434f)
					return bad(w, "a continuation without its mark");
				next.end -= 4;
			}
			if (!w->e->code)
				read_block(w, o, next, version, header_flags, depth);
		} else {
			read_message(w, o, type, flags, m, depth);
		}
	}
	return w->e->code;
}

static int read_header(struct walk *w, struct object *o, uint64_t address, int depth)
{
	struct part p = part_from(w, address), block;
	uint64_t flags = 0, size;
	int version = 1;

	if (p.end - p.p >= 4 && u32(p.p) == 0x5244484f) { /* OHDR */
		skip(&p, 4);
		version = (int)take(&p, 1);
		flags = take(&p, 1);
		skip(&p, (flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0));
		size = take(&p, (size_t)1 << (flags & 3));
	} else {
		if (take(&p, 1) != 1)
			return bad(w, "an object header of an unknown version");
		skip(&p, 7); /* reserved, messages, references */
		size = take(&p, 4);
		skip(&p, 4);
	}
	if (version != 1 && version != 2)
		return bad(w, "an object header of an unknown version");
	block = slice(&p, size);
	if (block.bad)
		return bad(w, "a header that leaves the file");
	return read_block(w, o, block, version, flags, depth);
}

static int found_dataset(struct walk *w, struct object *o)
{
	int64_t count = shape_count(o->t.shape, o->t.rank);
	size_t size = dtype_size(o->t.type);

	if (!o->has_space || !o->has_type)
		return bad(w, "a dataset without shape or type");
	if (!size)
		return 0; /* strings and the like: no weights */
	if (count < 0 || (uint64_t)count > UINT64_MAX / 8)
		return bad(w, "a shape out of range");
	o->how.base = w->base;
	o->t.file = w->f;
	o->t.size = (uint64_t)count * size;
	if (o->how.chunked && o->how.rank != o->t.rank)
		return bad(w, "chunks of another rank than their dataset");
	if (!o->how.chunked) {
		if (o->how.address == NOWHERE && count)
			return bad(w, "a dataset that was never written");
		if (o->how.size < o->t.size)
			return bad(w, "a dataset that is shorter than its shape");
		part_at(w, count ? o->how.address : 0, o->t.size);
		o->t.offset = count ? w->base + o->how.address : 0;
	}
	return w->e->code ? w->e->code : w->found(w->context, w->path, &o->t, &o->how, w->e);
}

static int visit(struct walk *w, uint64_t header, int depth)
{
	struct object o = { .how.address = NOWHERE };

	if (depth > MOST_DEPTH)
		return bad(w, "groups within groups without end");
	if (read_header(w, &o, header, depth))
		return w->e->code;
	if (o.has_layout && !o.is_group)
		return found_dataset(w, &o);
	return o.tree ? visit_group(w, &o, depth) : 0;
}

/* ---- Chunks ---- */

struct unpacking {
	struct walk w;
	const tensor *t;
	const hdf5_layout *how;
	int fd;
	uint8_t *raw, *ready; /* a chunk as stored and as it was, each of `bytes` */
	uint64_t bytes;
	uint64_t next; /* the least place, in chunks, that the next one may have */
	uint64_t count;
};

/* The sums that HDF5 calls Fletcher's, over big-endian words of 16 bits. */
static uint32_t fletcher32(const uint8_t *p, size_t n)
{
	uint32_t a = 0, b = 0;

	for (size_t i = 0; i < n; i += 2) {
		a = (a + ((uint32_t)p[i] << 8 | (i + 1 < n ? p[i + 1] : 0))) % 65535;
		b = (b + a) % 65535;
	}
	return b << 16 | a;
}

/* Undoes one filter: from `raw`, of *n bytes, to `raw` again. */
static int undo(struct unpacking *u, int filter, uint64_t *n)
{
	enum { DEFLATE = 1, SHUFFLE = 2, FLETCHER32 = 3 };
	size_t size = dtype_size(u->t->type);
	uLongf full = (uLongf)u->bytes;
	uint8_t *swap = u->raw;

	if (filter == DEFLATE) {
		if (uncompress(u->ready, &full, u->raw, (uLong)*n) != Z_OK)
			return bad(&u->w,
				   "compressed data that is broken, or not of a chunk's size");
		*n = full;
	} else if (filter == SHUFFLE) {
		for (uint64_t i = 0; i < *n / size; i++)
			for (size_t k = 0; k < size; k++)
				u->ready[i * size + k] = u->raw[k * (*n / size) + i];
		memcpy(u->ready + *n / size * size, u->raw + *n / size * size, *n % size);
	} else if (filter == FLETCHER32) {
		if (*n < 4 || u32(u->raw + *n - 4) != fletcher32(u->raw, (size_t)*n - 4))
			return bad(&u->w, "a chunk whose checksum does not fit");
		*n -= 4;
		return 0;
	} else {
		return error_set(u->w.e, E_UNSUPPORTED,
				 "%s: at %s: compressed by filter %d, which is not supported; "
				 "expected gzip, shuffle or fletcher32",
				 u->w.f->path, u->w.path, filter);
	}
	u->raw = u->ready;
	u->ready = swap;
	return 0;
}

/* The rows of a chunk to their places; what lies over the dataset's edge is left out. */
static int write_chunk(struct unpacking *u, const uint64_t *first)
{
	const tensor *t = u->t;
	uint64_t in[OXP_MAX_RANK] = { 0 }, n[OXP_MAX_RANK];
	size_t size = dtype_size(t->type);
	int last = t->rank - 1;

	for (int i = 0; i <= last; i++) {
		uint64_t left = (uint64_t)t->shape[i] - first[i];

		n[i] = left < u->how->chunk[i] ? left : u->how->chunk[i];
	}
	for (;;) {
		uint64_t from = 0, to = 0;
		int i;

		for (i = 0; i <= last; i++) {
			from = from * u->how->chunk[i] + in[i];
			to = to * (uint64_t)t->shape[i] + first[i] + in[i];
		}
		if (file_write(u->fd, u->raw + from * size, (size_t)n[last] * size,
			       (int64_t)(to * size)))
			return error_set(u->w.e, E_IO, "%s: unpacking %s failed: %s", u->w.f->path,
					 u->w.path, strerror(errno));
		for (i = last - 1; i >= 0 && ++in[i] == n[i]; i--)
			in[i] = 0;
		if (i < 0)
			return 0;
	}
}

static int unpack_chunk(struct unpacking *u, uint64_t stored, uint64_t mask, const uint64_t *first,
			uint64_t address)
{
	struct part p = part_at(&u->w, address, stored);
	uint64_t place = 0, n = stored;

	for (int i = 0; i < u->t->rank; i++) {
		uint64_t size = u->how->chunk[i], length = (uint64_t)u->t->shape[i];

		if (first[i] % size || first[i] >= length)
			return bad(&u->w, "a chunk outside of its dataset");
		place = place * ((length + size - 1) / size) + first[i] / size;
	}
	if (place < u->next)
		return bad(&u->w, "chunks out of order");
	u->next = place + 1;
	u->count++;
	if (p.bad || stored > u->bytes + 64)
		return bad(&u->w, "a chunk that is larger than it should be");
	memcpy(u->raw, p.p, (size_t)stored);
	for (int i = u->how->filters - 1; i >= 0; i--)
		if (!(mask >> i & 1) && undo(u, u->how->filter[i], &n))
			return u->w.e->code;
	if (n != u->bytes)
		return bad(&u->w, "a chunk that is not of its size");
	return write_chunk(u, first);
}

static int unpack_tree(struct unpacking *u, uint64_t address, uint64_t above)
{
	uint64_t level, count;
	struct part p = tree_node(&u->w, address, 1, &level, &count);

	if (level >= above)
		return bad(&u->w, "a tree that does not end");
	for (uint64_t i = 0; i < count && !u->w.e->code; i++) {
		uint64_t stored = take(&p, 4), mask = take(&p, 4), first[OXP_MAX_RANK] = { 0 };

		for (int k = 0; k < u->t->rank; k++)
			first[k] = take(&p, 8);
		skip(&p, 8); /* within the element */
		address = take(&p, 8);
		if (p.bad)
			return bad(&u->w, "a short tree");
		if (level)
			unpack_tree(u, address, level);
		else
			unpack_chunk(u, stored, mask, first, address);
	}
	return u->w.e->code;
}

int hdf5_unpack(const file *f, const char *path, const tensor *t, const hdf5_layout *how, int fd,
		error *e)
{
	struct unpacking u = { .w = { .f = f, .e = e, .base = how->base },
			       .t = t,
			       .how = how,
			       .fd = fd,
			       .bytes = dtype_size(t->type) };
	uint64_t wanted = 1;

	snprintf(u.w.path, sizeof u.w.path, "%s", path);
	for (int i = 0; i < t->rank; i++) {
		uint64_t size = how->chunk[i];

		if (!size || size > MOST_CHUNK || (u.bytes *= size) > MOST_CHUNK)
			return bad(&u.w, "chunks that are empty or over 256 MiB");
		wanted *= ((uint64_t)t->shape[i] + size - 1) / size;
	}
	if (!wanted)
		return 0;
	if (how->address == NOWHERE)
		return bad(&u.w, "chunks that were never written");
	u.raw = malloc((size_t)u.bytes + 64); /* what does not shrink grows a little */
	u.ready = malloc((size_t)u.bytes + 64);
	if (!u.raw || !u.ready)
		error_memory(e);
	else if (unpack_tree(&u, how->address, 256) == 0 && u.count != wanted)
		bad(&u.w, "chunks that were never written");
	free(u.raw);
	free(u.ready);
	return e->code;
}

int hdf5_walk(const file *f, hdf5_found *found, void *context, error *e)
{
	static const char mark[8] = "\x89HDF\r\n\x1a\n";
	struct walk w = { .f = f, .e = e, .found = found, .context = context };
	struct part p;
	uint64_t version;

	if (f->size < 48 || memcmp(f->data, mark, sizeof mark) != 0)
		return error_set(e, E_MODEL, "%s: not an HDF5 file (expected the mark \\x89HDF)",
				 f->path);
	p = part_from(&w, 8);
	version = take(&p, 1);
	if (version < 2) {
		skip(&p, 4);
		if (take(&p, 1) != 8 || take(&p, 1) != 8)
			return bad(&w, "addresses that are not of 8 bytes");
		skip(&p, version ? 13 : 9);
	} else {
		if (version > 3 || take(&p, 1) != 8 || take(&p, 1) != 8)
			return bad(&w, "a superblock of an unknown version");
		skip(&p, 1);
	}
	w.base = take(&p, 8);
	skip(&p, version < 2 ? 32 : 16);
	if (w.base > f->size)
		return bad(&w, "a base address outside of the file");
	return visit(&w, take(&p, 8), 0);
}
