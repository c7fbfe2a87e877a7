/*
 * A pickle is a program for a stack machine. This one knows the instructions that torch.save emits
 * for a state dict, and five things to "call", each of which only makes a value of our own. Any
 * other global is refused by name.
 */
#include "weights/pickle.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

typedef struct machine {
	arena *a;
	error *e;
	const char *name;
	const uint8_t *start, *p, *end;
	pickle **stack;
	size_t depth, room;
	size_t *mark;
	size_t marks, mark_room;
	pickle **memo;
	size_t memos;
	pickle *storages; /* those named, or NULL where nobody asks */
} machine;

static int fail(machine *m, const char *what)
{
	return error_set(m->e, E_MODEL, "%s: broken pickle: %s (byte %llu)", m->name, what,
			 (unsigned long long)(m->p - m->start));
}

static int push(machine *m, pickle *v)
{
	if (!v)
		return error_memory(m->e);
	if (m->depth == m->room) {
		size_t room = m->room ? m->room * 2 : 256;
		pickle **more = realloc(m->stack, room * sizeof(*more));

		if (!more)
			return error_memory(m->e);
		m->stack = more;
		m->room = room;
	}
	m->stack[m->depth++] = v;
	return 0;
}

/* The lowest stack position that instructions may touch: the last mark. */
static size_t floor_of(const machine *m)
{
	return m->marks ? m->mark[m->marks - 1] : 0;
}

static pickle *pop(machine *m)
{
	if (m->depth <= floor_of(m)) {
		fail(m, "the stack is empty");
		return NULL;
	}
	return m->stack[--m->depth];
}

static pickle *top(machine *m)
{
	if (m->depth <= floor_of(m)) {
		fail(m, "the stack is empty");
		return NULL;
	}
	return m->stack[m->depth - 1];
}

static pickle *make(machine *m, enum pickle_kind kind)
{
	pickle *v = arena_alloc(m->a, sizeof *v);

	if (v)
		v->kind = kind;
	else
		error_memory(m->e);
	return v;
}

static pickle *make_int(machine *m, enum pickle_kind kind, int64_t n)
{
	pickle *v = make(m, kind);

	if (v)
		v->number = n;
	return v;
}

static int append(machine *m, pickle *list, pickle *v)
{
	pickle **more = arena_grow(m->a, list->item, list->count, sizeof(*more));

	if (!more)
		return error_memory(m->e);
	list->item = more;
	list->item[list->count++] = v;
	return 0;
}

static const uint8_t *take(machine *m, uint64_t n)
{
	const uint8_t *p = m->p;

	if (n > (uint64_t)(m->end - m->p)) {
		fail(m, "it ends in the middle of an instruction");
		return NULL;
	}
	m->p += n;
	return p;
}

static uint64_t take_number(machine *m, int bytes)
{
	const uint8_t *p = take(m, (uint64_t)bytes);
	uint64_t n = 0;

	for (int i = 0; p && i < bytes; i++)
		n |= (uint64_t)p[i] << (8 * i);
	return n;
}

static pickle *take_string(machine *m, int length_bytes)
{
	uint64_t n = take_number(m, length_bytes);
	const uint8_t *p = m->e->code ? NULL : take(m, n);
	pickle *v = p ? make(m, PICKLE_STRING) : NULL;

	if (v && !(v->text = arena_strndup(m->a, (const char *)p, (size_t)n)))
		error_memory(m->e);
	return m->e->code ? NULL : v;
}

static int push_string(machine *m, int length_bytes)
{
	pickle *v = take_string(m, length_bytes);

	return v ? push(m, v) : m->e->code;
}

static int push_long(machine *m)
{
	uint64_t size = take_number(m, 1), n = 0;
	const uint8_t *p = m->e->code ? NULL : take(m, size);

	if (!p)
		return m->e->code;
	if (size > 8)
		return fail(m, "an integer over 64 bits");
	for (uint64_t i = 0; i < size; i++)
		n |= (uint64_t)p[i] << (8 * i);
	if (size && size < 8 && p[size - 1] & 0x80)
		n |= UINT64_MAX << (8 * size);
	return push(m, make_int(m, PICKLE_INT, (int64_t)n));
}

/* The storages' classes and what their elements are. */
static const struct {
	const char *name;
	dtype type;
} storages[] = {
	{ "torch.FloatStorage", OXP_F32 },     { "torch.HalfStorage", OXP_F16 },
	{ "torch.BFloat16Storage", OXP_BF16 }, { "torch.DoubleStorage", OXP_F64 },
	{ "torch.LongStorage", OXP_I64 },      { "torch.IntStorage", OXP_I32 },
	{ "torch.ShortStorage", OXP_I16 },     { "torch.CharStorage", OXP_I8 },
	{ "torch.ByteStorage", OXP_U8 },       { "torch.BoolStorage", OXP_BOOL },
};

static dtype storage_type(const char *name)
{
	for (size_t i = 0; i < sizeof storages / sizeof storages[0]; i++)
		if (strcmp(storages[i].name, name) == 0)
			return storages[i].type;
	return OXP_BAD;
}

static const char callables[] = "collections.OrderedDict torch._utils._rebuild_tensor "
				"torch._utils._rebuild_tensor_v2 torch._utils._rebuild_parameter";

static int push_global(machine *m, const char *module, size_t n, const char *name, size_t k)
{
	pickle *v = make(m, PICKLE_GLOBAL);

	if (!v)
		return m->e->code;
	v->text = arena_printf(m->a, "%.*s.%.*s", (int)n, module, (int)k, name);
	if (!v->text)
		return error_memory(m->e);
	v->type = storage_type(v->text);
	if (v->type == OXP_BAD && !has_word(callables, v->text))
		return error_set(
			m->e, E_UNSUPPORTED,
			"%s: the pickle asks for %.200s, which is not part of a state dict; "
			"only tensors are read and nothing is run (save it as safetensors)",
			m->name, v->text);
	return push(m, v);
}

static int push_global_lines(machine *m)
{
	const uint8_t *a = m->p, *b = memchr(a, '\n', (size_t)(m->end - a)), *c;

	if (!b)
		return fail(m, "a global without an end");
	c = memchr(b + 1, '\n', (size_t)(m->end - b - 1));
	if (!c || c - a > 4096)
		return fail(m, "a global without an end");
	m->p = c + 1;
	return push_global(m, (const char *)a, (size_t)(b - a), (const char *)b + 1,
			   (size_t)(c - b - 1));
}

static int push_global_stacked(machine *m)
{
	pickle *name = pop(m), *module = name ? pop(m) : NULL;

	if (!module)
		return m->e->code;
	if (name->kind != PICKLE_STRING || module->kind != PICKLE_STRING)
		return fail(m, "a global whose name is not a string");
	return push_global(m, module->text, strnlen(module->text, 2048), name->text,
			   strnlen(name->text, 2048));
}

/* ("storage", class, key, device, elements) */
static int push_storage(machine *m)
{
	pickle *id = pop(m), *v = id ? make(m, PICKLE_STORAGE) : NULL;

	if (!v)
		return m->e->code;
	if (id->kind != PICKLE_TUPLE || id->count < 5 || id->item[0]->kind != PICKLE_STRING ||
	    strcmp(id->item[0]->text, "storage") != 0 || id->item[1]->kind != PICKLE_GLOBAL ||
	    id->item[1]->type == OXP_BAD || id->item[2]->kind != PICKLE_STRING ||
	    id->item[4]->kind != PICKLE_INT)
		return fail(m, "a persistent id that is no storage");
	v->type = id->item[1]->type;
	v->text = id->item[2]->text;
	v->number = id->item[4]->number;
	if (id->count > 5 && id->item[5]->kind != PICKLE_NONE)
		return error_set(m->e, E_UNSUPPORTED,
				 "%s: storage %s is a view of another, as PyTorch before 0.4 has "
				 "them; load it in PyTorch and save it again",
				 m->name, v->text);
	if (m->storages && append(m, m->storages, v))
		return m->e->code;
	return push(m, v);
}

static int is_ints(const pickle *t)
{
	if (t->kind != PICKLE_TUPLE)
		return 0;
	for (size_t i = 0; i < t->count; i++)
		if (t->item[i]->kind != PICKLE_INT)
			return 0;
	return 1;
}

/* (storage, offset, shape, stride, …) */
static int push_tensor(machine *m, const pickle *args)
{
	pickle *v;

	if (args->count < 4 || args->item[0]->kind != PICKLE_STORAGE ||
	    args->item[1]->kind != PICKLE_INT || !is_ints(args->item[2]) ||
	    !is_ints(args->item[3]) || args->item[2]->count != args->item[3]->count)
		return fail(m, "a tensor whose parts are not those of one");
	v = make_int(m, PICKLE_TENSOR, args->item[1]->number);
	if (!v)
		return m->e->code;
	v->storage = args->item[0];
	v->shape = args->item[2];
	v->stride = args->item[3];
	return push(m, v);
}

static int reduce(machine *m)
{
	pickle *args = pop(m), *f = args ? pop(m) : NULL;

	if (!f)
		return m->e->code;
	if (f->kind != PICKLE_GLOBAL || args->kind != PICKLE_TUPLE)
		return fail(m, "a call of something that is not a global");
	if (strcmp(f->text, "collections.OrderedDict") == 0 && args->count == 0)
		return push(m, make(m, PICKLE_DICT));
	if (starts_with(f->text, "torch._utils._rebuild_tensor"))
		return push_tensor(m, args);
	if (strcmp(f->text, "torch._utils._rebuild_parameter") == 0 && args->count &&
	    args->item[0]->kind == PICKLE_TENSOR)
		return push(m, args->item[0]);
	return fail(m, "a call with arguments that no state dict has");
}

/* State of an OrderedDict: torch keeps version numbers there, which nobody needs. */
static int build(machine *m)
{
	pickle *state = pop(m), *v = state ? top(m) : NULL;

	if (!v)
		return m->e->code;
	return v->kind == PICKLE_DICT ? 0 : fail(m, "state for a value that has none");
}

static int push_mark(machine *m)
{
	if (m->marks == m->mark_room) {
		size_t room = m->mark_room ? m->mark_room * 2 : 16;
		size_t *more = realloc(m->mark, room * sizeof *more);

		if (!more)
			return error_memory(m->e);
		m->mark = more;
		m->mark_room = room;
	}
	m->mark[m->marks++] = m->depth;
	return 0;
}

/* The last `n` items of the stack as a tuple. */
static int push_tuple(machine *m, size_t n)
{
	pickle *t = make(m, PICKLE_TUPLE);

	if (!t)
		return m->e->code;
	if (m->depth - floor_of(m) < n)
		return fail(m, "the stack is empty");
	for (size_t i = m->depth - n; i < m->depth; i++)
		if (append(m, t, m->stack[i]))
			return m->e->code;
	m->depth -= n;
	return push(m, t);
}

static int pop_mark(machine *m, size_t *items)
{
	if (!m->marks)
		return fail(m, "no mark on the stack");
	*items = m->depth - m->mark[--m->marks];
	return 0;
}

/* Moves the last n items of the stack into the dict or list below them. */
static int fill(machine *m, size_t n, enum pickle_kind kind)
{
	pickle *v;

	if (m->depth - floor_of(m) <= n)
		return fail(m, "the stack is empty");
	v = m->stack[m->depth - n - 1];
	if (v->kind != kind || (kind == PICKLE_DICT && n % 2))
		return fail(m, "items for a value that takes none");
	for (size_t i = m->depth - n; i < m->depth; i++)
		if (append(m, v, m->stack[i]))
			return m->e->code;
	m->depth -= n;
	return 0;
}

static int memo_put(machine *m, uint64_t i)
{
	pickle *v = top(m);

	if (!v)
		return m->e->code;
	if (i > (uint64_t)(m->end - m->start)) /* more memos than instructions */
		return fail(m, "a memo number that cannot be");
	if (i >= m->memos) {
		size_t n = (size_t)i + 1 > m->memos * 2 ? (size_t)i + 1 : m->memos * 2;
		pickle **more = realloc(m->memo, n * sizeof(*more));

		if (!more)
			return error_memory(m->e);
		memset(more + m->memos, 0, (n - m->memos) * sizeof(*more));
		m->memo = more;
		m->memos = n;
	}
	m->memo[i] = v;
	return 0;
}

static int memo_get(machine *m, uint64_t i)
{
	if (i >= m->memos || !m->memo[i])
		return fail(m, "a memo that was never made");
	return push(m, m->memo[i]);
}

static int step(machine *m, uint8_t op, size_t *memoized)
{
	size_t n = 0;

	switch (op) {
	case 0x80: /* PROTO */
		n = (size_t)take_number(m, 1);
		return n < 2 || n > 5 ? fail(m, "a protocol other than 2 to 5") : m->e->code;
	case 0x95: /* FRAME */
		take_number(m, 8);
		return m->e->code;
	case '(':
		return push_mark(m);
	case '}':
		return push(m, make(m, PICKLE_DICT));
	case ')':
	case ']':
		return push(m, make(m, PICKLE_TUPLE));
	case 't':
		return pop_mark(m, &n) ? m->e->code : push_tuple(m, n);
	case 0x85:
	case 0x86:
	case 0x87: /* TUPLE1 … TUPLE3 */
		return push_tuple(m, (size_t)op - 0x84);
	case 'a':
		return fill(m, 1, PICKLE_TUPLE);
	case 'e':
		return pop_mark(m, &n) ? m->e->code : fill(m, n, PICKLE_TUPLE);
	case 's':
		return fill(m, 2, PICKLE_DICT);
	case 'u':
		return pop_mark(m, &n) ? m->e->code : fill(m, n, PICKLE_DICT);
	case 'N':
		return push(m, make(m, PICKLE_NONE));
	case 0x88:
	case 0x89: /* NEWTRUE, NEWFALSE */
		return push(m, make_int(m, PICKLE_BOOL, op == 0x88));
	case 'K':
		return push(m, make_int(m, PICKLE_INT, (int64_t)take_number(m, 1)));
	case 'M':
		return push(m, make_int(m, PICKLE_INT, (int64_t)take_number(m, 2)));
	case 'J':
		return push(m, make_int(m, PICKLE_INT, (int32_t)take_number(m, 4)));
	case 0x8a:
		return push_long(m);
	case 'G':
		take(m, 8);
		return push(m, make(m, PICKLE_FLOAT));
	case 0x8c:
		return push_string(m, 1);
	case 'X':
		return push_string(m, 4);
	case 0x8d:
		return push_string(m, 8);
	case 'c':
		return push_global_lines(m);
	case 0x93:
		return push_global_stacked(m);
	case 'Q':
		return push_storage(m);
	case 'R':
		return reduce(m);
	case 'b':
		return build(m);
	case 'q':
		return memo_put(m, take_number(m, 1));
	case 'r':
		return memo_put(m, take_number(m, 4));
	case 0x94:
		return memo_put(m, (*memoized)++);
	case 'h':
		return memo_get(m, take_number(m, 1));
	case 'j':
		return memo_get(m, take_number(m, 4));
	case '0':
		pop(m);
		return m->e->code;
	default:
		return error_set(
			m->e, E_UNSUPPORTED,
			"%s: the pickle holds instruction 0x%02x, which no state dict needs "
			"(byte %llu)",
			m->name, op, (unsigned long long)(m->p - m->start - 1));
	}
}

pickle *pickle_read(arena *a, const char *name, const uint8_t *data, size_t size, size_t *used,
		    pickle **named, error *e)
{
	machine m = { .a = a, .e = e, .name = name, .start = data, .p = data, .end = data + size };
	pickle *result = NULL;
	size_t memoized = 0;

	if (named)
		*named = m.storages = make(&m, PICKLE_TUPLE);
	while (!e->code) {
		const uint8_t *op = take(&m, 1);

		if (op && *op == '.') {
			result = pop(&m);
			break;
		}
		if (op)
			step(&m, *op, &memoized);
	}
	if (used)
		*used = (size_t)(m.p - m.start);
	free(m.stack);
	free(m.mark);
	free(m.memo);
	return e->code ? NULL : result;
}
