/*
 * seed NAMES OUTPUT: a safetensors checkpoint of seeded weights.
 * NAMES holds a line per tensor: its name, then its dimensions. The values are fill_values'
 * (weights/tensor.h), which tests/tools/golden.py repeats. Used by the golden tests and by the
 * benchmarks.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "weights/tensor.h"

enum { MOST = 1 << 16, PIECE = 1 << 16 };

static tensor list[MOST];
static size_t count;

static int read_names(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	if (!f)
		return -1;
	while (fgets(line, sizeof line, f)) {
		tensor *t = &list[count];
		char *p = strtok(line, " \n");

		if (!p)
			continue;
		if (count == MOST || !(t->name = strdup(p)))
			return -1;
		while ((p = strtok(NULL, " \n")) && t->rank < OXP_MAX_RANK)
			t->shape[t->rank++] = strtoll(p, NULL, 10);
		t->size = (uint64_t)shape_count(t->shape, t->rank) * sizeof(float);
		count++;
	}
	fclose(f);
	return 0;
}

static void write_header(FILE *f)
{
	text t = { 0 };
	uint64_t at = 0, size;

	text_add(&t, "{");
	for (size_t i = 0; i < count; i++) {
		text_add(&t, "%s\"%s\":{\"dtype\":\"F32\",\"shape\":[", i ? "," : "", list[i].name);
		for (int k = 0; k < list[i].rank; k++)
			text_add(&t, "%s%" PRId64, k ? "," : "", list[i].shape[k]);
		text_add(&t, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", at,
			 at + list[i].size);
		at += list[i].size;
	}
	text_add(&t, "}");
	while (t.len % 8)
		text_add(&t, " ");
	size = t.len;
	fwrite(&size, sizeof size, 1, f);
	fwrite(t.s, 1, t.len, f);
	text_free(&t);
}

static void write_values(FILE *f, const tensor *t)
{
	static float buffer[PIECE];
	int64_t n = shape_count(t->shape, t->rank);

	for (int64_t i = 0; i < n; i += PIECE) {
		int64_t k = n - i < PIECE ? n - i : PIECE;

		fill_values(t->name, t->shape, t->rank, i, k, buffer);
		fwrite(buffer, sizeof *buffer, (size_t)k, f);
	}
}

int main(int argc, char **argv)
{
	FILE *f;
	int failed;

	if (argc != 3 || read_names(argv[1])) {
		fprintf(stderr, "usage: seed NAMES OUTPUT.safetensors\n");
		return 2;
	}
	f = fopen(argv[2], "wb");
	if (!f) {
		perror(argv[2]);
		return 1;
	}
	write_header(f);
	for (size_t i = 0; i < count; i++)
		write_values(f, &list[i]);
	failed = ferror(f) | fclose(f);
	return failed ? 1 : 0;
}
