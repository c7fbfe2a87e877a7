/* base/: arenas, maps, strings, files, threads. */
#include "unit.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/file.h"
#include "base/map.h"
#include "base/text.h"
#include "base/thread.h"

static void arena_gives_aligned_zeroed_memory(void **state)
{
	arena a = { 0 };

	(void)state;
	for (size_t n = 1; n < 40000; n = n * 3 + 1) {
		unsigned char *p = arena_alloc(&a, n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 255, n);
	}
	assert_null(arena_alloc(&a, SIZE_MAX - 5));
	assert_null(arena_array(&a, SIZE_MAX / 2, 3));
	assert_string_equal(arena_printf(&a, "%s-%d", "x", 7), "x-7");
	arena_free(&a);
}

static void map_finds_what_was_put(void **state)
{
	static char key[5000][8];
	map m = { 0 };

	(void)state;
	assert_null(map_get(&m, "x"));
	for (int i = 0; i < 5000; i++) {
		snprintf(key[i], sizeof key[i], "k%d", i);
		assert_int_equal(map_put(&m, key[i], key[i]), 0);
	}
	for (int i = 0; i < 5000; i++)
		assert_ptr_equal(map_get(&m, key[i]), key[i]);
	map_put(&m, "k7", key[8]);
	assert_ptr_equal(map_get(&m, "k7"), key[8]);
	assert_null(map_get(&m, "k5000"));
	map_free(&m);
}

static void words_and_distances(void **state)
{
	(void)state;
	assert_true(has_word("bert roberta", "bert"));
	assert_true(has_word("bert roberta", "roberta"));
	assert_false(has_word("bert roberta", "rob"));
	assert_false(has_word("", ""));
	assert_true(ends_with("a.weight", ".weight"));
	assert_false(ends_with("t", ".weight"));
	assert_int_equal(edit_distance("bert", "brt"), 1);
	assert_int_equal(edit_distance("", "abc"), 3);
	assert_int_equal(edit_distance("kitten", "sitting"), 3);
}

static void first_error_is_kept(void **state)
{
	error e = { 0 };
	char longer[5000];

	(void)state;
	assert_int_equal(error_set(&e, E_MODEL, "first %d", 1), E_MODEL);
	assert_int_equal(error_set(&e, E_IO, "second"), E_MODEL);
	assert_string_equal(e.text, "first 1");
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	e = (error){ 0 };
	error_set(&e, E_IO, "%s", longer);
	assert_true(ends_with(e.text, "x..."));
}

static void output_appears_whole_or_not(void **state)
{
	char folder[] = "/tmp/onnxport-unit-XXXXXX", path[64], from[64];
	static unsigned char data[300000];
	arena a = { 0 };
	error e = { 0 };
	outfile o;
	file *f;

	(void)state;
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/x", folder);
	snprintf(from, sizeof from, "%s/from", folder);
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (unsigned char)(i * 7);
	assert_int_equal(output_open(&o, from, &e), 0);
	assert_int_equal(output_write(&o, data, sizeof data, &e), 0);
	assert_int_equal(output_close(&o, &e), 0);
	assert_false(path_is_file(from));
	assert_int_equal(output_publish(&o, &e), 0);
	f = file_map(&a, from, &e);
	assert_non_null(f);
	assert_int_equal(output_open(&o, path, &e), 0);
	assert_int_equal(output_write(&o, "abc", 3, &e), 0);
	assert_int_equal(output_copy(&o, f, 5, 100, &e), 0);
	assert_int_equal(output_copy(&o, f, 1000, 250000, &e), 0);
	assert_int_equal(output_pad(&o, 260000, &e), 0);
	assert_int_equal(o.size, 260000);
	assert_int_equal(output_close(&o, &e), 0);
	assert_int_equal(output_publish(&o, &e), 0);
	file_unmap(f);
	f = file_map(&a, path, &e);
	assert_int_equal(f->size, 260000);
	assert_memory_equal(f->data, "abc", 3);
	assert_memory_equal(f->data + 3, data + 5, 100);
	assert_memory_equal(f->data + 103, data + 1000, 250000);
	assert_int_equal(f->data[259999], 0);
	file_unmap(f);
	assert_int_equal(output_open(&o, path, &e), 0);
	output_discard(&o); /* what was there stays */
	assert_true(path_is_file(path));
	unlink(path);
	unlink(from);
	assert_int_equal(rmdir(folder), 0);
	arena_free(&a);
}

static void add_one(void *context, size_t i)
{
	__atomic_add_fetch((int *)context + i % 7, 1, __ATOMIC_RELAXED);
}

static void loops_run_every_turn_once(void **state)
{
	(void)state;
	for (int threads = 1; threads < 9; threads++) {
		int count[7] = { 0 };

		parallel_for(threads, 700, add_one, count);
		for (int i = 0; i < 7; i++)
			assert_int_equal(count[i], 100);
	}
	parallel_for(4, 0, add_one, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_aligned_zeroed_memory),
		cmocka_unit_test(map_finds_what_was_put),
		cmocka_unit_test(words_and_distances),
		cmocka_unit_test(first_error_is_kept),
		cmocka_unit_test(output_appears_whole_or_not),
		cmocka_unit_test(loops_run_every_turn_once),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
