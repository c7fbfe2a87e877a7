/* replay FILE|FOLDER …: runs a fuzz target on every file, as CI does with the corpora. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static int ran;

static void run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data;
	long size;

	if (!f)
		return;
	fseek(f, 0, SEEK_END);
	size = ftell(f);
	rewind(f);
	data = malloc((size_t)size + 1);
	if (data && fread(data, 1, (size_t)size, f) == (size_t)size) {
		LLVMFuzzerTestOneInput(data, (size_t)size);
		ran++;
	}
	free(data);
	fclose(f);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		DIR *d = opendir(argv[i]);
		struct dirent *x;

		if (!d)
			run_file(argv[i]);
		while (d && (x = readdir(d))) {
			char path[2048];

			snprintf(path, sizeof path, "%s/%s", argv[i], x->d_name);
			if (*x->d_name != '.')
				run_file(path);
		}
		if (d)
			closedir(d);
	}
	printf("%d passed, 0 failed\n", ran);
	return ran ? 0 : 1;
}
