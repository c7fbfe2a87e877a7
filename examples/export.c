/* export MODEL OUTPUT: the whole library in one call, with its log. */
#include <stdio.h>

#include <onnxport/onnxport.h>

static void print_line(void *user, oxp_log_level level, const char *line)
{
	(void)user;
	if (level != OXP_LOG_DEBUG)
		printf("%s\n", line);
}

int main(int argc, char **argv)
{
	oxp_context *c = oxp_context_new();
	oxp_result r;

	if (!c || argc != 3)
		return 2;
	oxp_set_log(c, print_line, NULL);
	if (oxp_export(c, argv[1], argv[2], NULL, &r)) {
		fprintf(stderr, "%s\n", oxp_error_message(c));
		oxp_context_free(c);
		return 1;
	}
	printf("%s: %d nodes, %llu bytes\n", r.path, r.nodes, (unsigned long long)r.bytes);
	oxp_context_free(c);
	return 0;
}
