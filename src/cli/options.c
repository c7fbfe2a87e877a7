#include "options.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, COUNT, NUMBER, SWITCH, CHOICE };

/* A choice's words stand in the order of its enum. */
static const struct row {
	const char *flag;
	char letter;
	enum kind kind;
	size_t at; /* of the member */
	int on;    /* SWITCH: the value it sets */
	const char *words;
	const char *takes, *help;
} rows[] = {
#define AT(member) offsetof(options, member)
	/* clang-format off */
	{ "model", 'm', TEXT, AT(model), 0, NULL, "MODEL",
	  "a folder with config.json and weights, or the id of a model on the hub: org/name or "
	  "org/name@revision" },
	{ "feature", 'f', TEXT, AT(export.feature), 0, NULL, "FEATURE",
	  "what to export: default, masked-lm, … (onnxport features lists them); auto reads "
	  "config.json's architectures" },
	{ "opset", 0, COUNT, AT(export.opset), 0, NULL, "N",
	  "ONNX operator set, 11 to 28 (default: the feature's own, mostly 11)" },
	{ "atol", 0, NUMBER, AT(export.atol), 0, NULL, "X",
	  "absolute tolerance of the validation (default: the feature's own, mostly 1e-05)" },
	{ "weights", 0, CHOICE, AT(export.weights), 0, "auto inline external link", "WHERE",
	  "where weights go: inline in the model; external in model.onnx_data; link to the "
	  "checkpoint's own files; auto: inline below 2 GiB" },
	{ "linear", 0, CHOICE, AT(export.linear), 0, "gemm matmul", "FORM",
	  "linear layers as gemm on the weights as stored (default), or matmul on transposed "
	  "copies" },
	{ "dtype", 0, CHOICE, AT(export.dtype), 0, "auto keep fp32 fp16 bf16", "TYPE",
	  "how weights are stored: fp32; as the checkpoint has them (keep); rounded to fp16 or "
	  "bf16; auto: fp32, and keep for linked ones. The graph computes in fp32" },
	{ "batch-norm", 0, CHOICE, AT(export.batch_norm), 0, "fold keep", "FORM",
	  "batch norms folded into the convolution before them (default, but with linked or "
	  "16-bit weights), or kept as nodes" },
	{ "framework", 0, TEXT, AT(export.framework), 0, NULL, "pt|tf",
	  "which weights to read: PyTorch's or TensorFlow's (default: PyTorch's, where they "
	  "are there)" },
	{ "cache_dir", 0, TEXT, AT(export.cache_dir), 0, NULL, "FOLDER",
	  "the hub's cache (default: HF_HUB_CACHE, HF_HOME)" },
	{ "revision", 0, TEXT, AT(export.revision), 0, NULL, "REVISION",
	  "branch, tag or commit of a model on the hub (default: main)" },
	{ "offline", 0, SWITCH, AT(export.network), OXP_OFFLINE, NULL, NULL,
	  "download nothing; the hub's cache has to have the model" },
	{ "allow-missing", 0, SWITCH, AT(export.missing), OXP_MISSING_IS_SEEDED, NULL, NULL,
	  "fill parameters that the checkpoint lacks with seeded values" },
	{ "no-validate", 0, SWITCH, AT(export.validation), OXP_NO_VALIDATION, NULL, NULL,
	  "do not run the exported model" },
	{ "runtime", 0, CHOICE, AT(export.runtime), 0, "auto onnxruntime builtin", "WHICH",
	  "what runs the exported model: ONNX Runtime, or the built-in evaluator; auto: ONNX "
	  "Runtime where one is found" },
	{ "report", 0, TEXT, AT(export.report), 0, NULL, "FILE.html",
	  "write a page that shows the differences layer by layer and what the graph is made "
	  "of; also when the validation fails" },
	{ "sync", 0, SWITCH, AT(export.durability), OXP_SYNCED, NULL, NULL,
	  "end only when the files are on the disk" },
	{ "onnxruntime", 0, TEXT, AT(export.onnxruntime), 0, NULL, "PATH",
	  "ONNX Runtime's library (default: ONNXPORT_ORT, the system's, Python's)" },
	{ "preprocessor", 0, TEXT, AT(preprocessor), 0, NULL, "KIND",
	  "accepted for compatibility; no tokenizer is needed" },
	{ "quiet", 'q', SWITCH, AT(quiet), 1, NULL, NULL, "warnings and errors only" },
	{ "verbose", 'v', SWITCH, AT(verbose), 1, NULL, NULL,
	  "also unused tensors and configuration keys" },
	{ "json", 0, SWITCH, AT(json), 1, NULL, NULL,
	  "one JSON object on standard output, no log" },
	{ "help", 'h', SWITCH, AT(command), COMMAND_HELP, NULL, NULL, "this text" },
	{ "version", 'V', SWITCH, AT(command), COMMAND_VERSION, NULL, NULL, "the version" },
/* clang-format on */
#undef AT
};

enum { ROWS = sizeof rows / sizeof rows[0], ALIAS = 1000 };

void options_help(void)
{
	printf("Usage: onnxport -m MODEL [--feature FEATURE] [options] OUTPUT\n"
	       "       onnxport features [MODEL_TYPE]\n"
	       "       onnxport describe MODEL_TYPE|MODEL [--feature FEATURE]\n"
	       "\n"
	       "Turns a Transformers checkpoint into an ONNX graph and compares the two.\n"
	       "OUTPUT is a folder, which gets model.onnx (or the several files that a feature\n"
	       "is), or a path that ends in .onnx.\n"
	       "\n"
	       "Options:\n");
	for (int i = 0; i < ROWS; i++) {
		char left[64];
		int column = 32;

		snprintf(left, sizeof left, "%c%c%c --%s%s%s", rows[i].letter ? '-' : ' ',
			 rows[i].letter ? rows[i].letter : ' ', rows[i].letter ? ',' : ' ',
			 rows[i].flag, rows[i].takes ? " " : "",
			 rows[i].takes ? rows[i].takes : "");
		printf("  %-28s  ", left);
		for (const char *p = rows[i].help; *p;) { /* words, broken at column 80 */
			int n = (int)strcspn(p, " ");

			if (column + 1 + n > 80) {
				printf("\n%32s", "");
				column = 32;
			} else if (p > rows[i].help) {
				column += printf(" ");
			}
			column += printf("%.*s", n, p);
			p += n + (p[n] == ' ');
		}
		printf("\n");
	}
	printf("\n"
	       "Examples:\n"
	       "  onnxport -m ./my-bert onnx/\n"
	       "  onnxport -m org/name onnx/\n"
	       "  onnxport -m ./my-bert --feature sequence-classification --opset 17 bert.onnx\n"
	       "  onnxport -m ./my-gpt2 --feature causal-lm-with-past --report r.html onnx/\n"
	       "  onnxport describe bert --feature question-answering\n"
	       "\n"
	       "Exit status: 0 when the model was exported and (unless --no-validate says\n"
	       "otherwise) validated; 1 when something failed; 2 for a wrong command line.\n");
}

static int wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static int wrong(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "onnxport: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nTry 'onnxport --help'.\n");
	return 2;
}

static int set_choice(int *to, const struct row *r, const char *text)
{
	const char *p = r->words;

	for (int i = 0; *p; i++) {
		size_t n = strcspn(p, " ");

		if (strlen(text) == n && strncmp(text, p, n) == 0) {
			*to = i;
			return 0;
		}
		p += n + (p[n] == ' ');
	}
	return wrong("--%s: expected one of %s, found \"%s\"", r->flag, r->words, text);
}

static int set(options *o, const struct row *r, const char *text)
{
	void *to = (char *)o + r->at;
	char *end;
	double x;

	switch (r->kind) {
	case TEXT:
		*(const char **)to = text;
		return 0;
	case SWITCH:
		*(int *)to = r->on;
		return 0;
	case CHOICE:
		return set_choice(to, r, text);
	case COUNT:
		x = strtod(text, &end);
		if (end == text || *end || !(x >= 1 && x <= 1000) || x != floor(x))
			return wrong("--%s: expected a whole number, found \"%s\"", r->flag, text);
		*(int *)to = (int)x;
		return 0;
	case NUMBER:
		x = strtod(text, &end);
		if (end == text || *end || !(x > 0) || isinf(x))
			return wrong("--%s: expected a positive number, found \"%s\"", r->flag,
				     text);
		*(double *)to = x;
		return 0;
	}
	return 2;
}

/* getopt's table and letters from ours; cache-dir is cache_dir's other spelling. */
static void fill_getopt(struct option *longs, char *letters)
{
	char *p = letters;
	int i;

	*p++ = ':';
	for (i = 0; i < ROWS; i++) {
		int takes = rows[i].kind != SWITCH;

		longs[i] = (struct option){ rows[i].flag, takes, NULL, ALIAS + i };
		if (rows[i].letter) {
			*p++ = rows[i].letter;
			if (takes)
				*p++ = ':';
		}
		if (strcmp(rows[i].flag, "cache_dir") == 0)
			longs[ROWS] = (struct option){ "cache-dir", takes, NULL, ALIAS + i };
	}
	*p = 0;
}

static const struct row *row_of(int c)
{
	for (int i = 0; i < ROWS; i++)
		if (c == ALIAS + i || (rows[i].letter && c == rows[i].letter))
			return &rows[i];
	return NULL;
}

static int read_flags(options *o, int argc, char **argv)
{
	struct option longs[ROWS + 2] = { { 0 } };
	char letters[2 * ROWS + 2];
	int c;

	fill_getopt(longs, letters);
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct row *r = row_of(c);
		char letter[] = { '-', (char)optopt, 0 };

		if (c == ':')
			return wrong("%s needs a value", argv[optind - 1]);
		if (!r)
			return wrong("unknown option %s",
				     optopt && optopt < 256 ? letter : argv[optind - 1]);
		if (set(o, r, optarg))
			return 2;
	}
	return 0;
}

static int read_words(options *o, int n, char **word)
{
	if (o->command == COMMAND_FEATURES) {
		o->model = n ? word[0] : NULL;
		return n > 1 ? wrong("features: one model type at most, found also %s", word[1])
			     : 0;
	}
	if (o->command == COMMAND_DESCRIBE) {
		if (n > 1 || (n && o->model))
			return wrong("describe: one model, found also %s", word[n - 1]);
		if (n)
			o->model = word[0];
		return o->model ? 0 : wrong("describe: which model type or folder?");
	}
	if (n > 1)
		return wrong("one output, found also %s", word[1]);
	o->output = n ? word[0] : NULL;
	if (!o->model)
		return wrong(
			"-m MODEL is missing: the folder of a checkpoint, or an id on the hub");
	if (!o->output)
		return wrong("OUTPUT is missing: a folder, or a path that ends in .onnx");
	return 0;
}

int options_read(options *o, int argc, char **argv)
{
	*o = (options){ .command = COMMAND_EXPORT };
	if (argc > 1 && strcmp(argv[1], "features") == 0)
		o->command = COMMAND_FEATURES;
	else if (argc > 1 && strcmp(argv[1], "describe") == 0)
		o->command = COMMAND_DESCRIBE;
	if (o->command != COMMAND_EXPORT) {
		argc--;
		argv++;
	}
	if (read_flags(o, argc, argv))
		return 2;
	if (o->command == COMMAND_HELP || o->command == COMMAND_VERSION)
		return 0;
	if (o->quiet && o->verbose)
		return wrong("--quiet and --verbose contradict each other");
	return read_words(o, argc - optind, argv + optind);
}
