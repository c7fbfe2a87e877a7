/* The public interface alone, against the shared library: export, describe, validate, custom rows,
 * progress, threads. */
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onnxport/onnxport.h"

static const char *tiny, *tiny_bin;
static char folder[] = "/tmp/onnxport-api-XXXXXX";

static const char *in(const char *name)
{
	static char path[4][256];
	static int next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
	return path[next];
}

static void one_call_exports_and_validates(void **state)
{
	oxp_context *c = oxp_context_new();
	oxp_result r;

	(void)state;
	assert_int_equal(oxp_export(c, tiny, in("a"), NULL, &r), OXP_OK);
	assert_int_equal(r.validated, 1);
	assert_int_equal(r.opset, 11);
	assert_string_equal(r.output[0].output, "last_hidden_state");
	assert_int_equal(access(r.path, R_OK), 0);
	assert_int_equal(oxp_export(c, tiny, in("a"), NULL, NULL), OXP_OK);
	oxp_context_free(c);
}

static void errors_are_values(void **state)
{
	oxp_context *c = oxp_context_new();

	(void)state;
	assert_int_equal(oxp_export(c, "/nowhere", in("b"), NULL, NULL), OXP_E_ARGUMENT);
	assert_non_null(strstr(oxp_error_message(c), "/nowhere"));
	assert_int_equal(oxp_export(c, tiny, in("b"), &(oxp_options){ .feature = "x" }, NULL),
			 OXP_E_UNSUPPORTED);
	assert_int_equal(oxp_export(c, tiny, in("b"), &(oxp_options){ .opset = 9 }, NULL),
			 OXP_E_ARGUMENT);
	assert_int_equal(oxp_export(c, tiny, "", NULL, NULL), OXP_E_ARGUMENT);
	assert_int_equal(oxp_export(c, tiny, in("b"), NULL, NULL), OXP_OK); /* and it goes on */
	assert_string_equal(oxp_error_message(c), "");
	oxp_context_free(c);
}

static void types_features_and_descriptions(void **state)
{
	oxp_context *c = oxp_context_new();
	oxp_description *d;
	int types = 0;

	(void)state;
	for (const char *type; (type = oxp_model_type(c, types)); types++)
		assert_non_null(oxp_feature(c, type, 0));
	assert_true(types >= 28);
	assert_null(oxp_model_type(c, -1));
	assert_string_equal(oxp_feature(c, "bert", 0), "default");
	assert_string_equal(oxp_feature(c, "xlm_roberta", 6), "question-answering");
	assert_null(oxp_feature(c, "bert", 7));
	assert_null(oxp_feature(c, "nonsense", 0));
	assert_int_equal(
		oxp_describe(c, "bert", &(oxp_options){ .feature = "multiple-choice" }, &d),
		OXP_OK);
	assert_int_equal(d->input_count, 3);
	assert_string_equal(d->inputs[0].axis[1], "choice");
	assert_string_equal(d->outputs[0].name, "logits");
	assert_int_equal(d->opset, 11);
	assert_true(d->atol == 1e-5);
	oxp_description_free(d);
	assert_int_equal(oxp_describe(c, "nonsense", NULL, &d), OXP_E_UNSUPPORTED);
	assert_null(d);
	oxp_description_free(NULL);
	oxp_context_free(c);
}

/* The same architecture, other weights: the file must be told from the one it is compared to. */
static void a_wrong_file_is_found_out(void **state)
{
	const oxp_options o = { .feature = "masked-lm" };
	oxp_context *c = oxp_context_new();
	char command[512];
	FILE *f;

	(void)state;
	assert_int_equal(oxp_export(c, tiny, in("c/model.onnx"), &o, NULL), OXP_OK);
	assert_int_equal(oxp_validate(c, tiny, in("c/model.onnx"), &o, NULL), OXP_OK);
	assert_int_equal(oxp_validate(c, tiny_bin, in("c/model.onnx"), &o, NULL), OXP_OK);
	snprintf(command, sizeof command, "cp -r %s %s", tiny, in("changed"));
	assert_int_equal(system(command), 0);
	f = fopen(in("changed/model.safetensors"), "r+b");
	fseek(f, -17, SEEK_END); /* one weight's exponent */
	fputc(0x41, f);
	fclose(f);
	assert_int_equal(oxp_validate(c, in("changed"), in("c/model.onnx"), &o, NULL),
			 OXP_E_MISMATCH);
	assert_non_null(strstr(oxp_error_message(c), "reference "));
	assert_int_equal(oxp_validate(c, tiny, in("c/model.onnx"), NULL, NULL), OXP_E_MISMATCH);
	assert_non_null(strstr(oxp_error_message(c), "Outputs doesn't match"));
	assert_int_equal(oxp_validate(c, tiny, in("none.onnx"), &o, NULL), OXP_E_RUNTIME);
	oxp_context_free(c);
}

static char *read_all(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *s = calloc(1, 1 << 20);

	assert_non_null(f);
	assert_non_null(s);
	assert_true(fread(s, 1, (1 << 20) - 1, f) > 0);
	fclose(f);
	return s;
}

/* The absolute difference in a report's table of layers. */
static double layer_difference(const char *page, const char *name)
{
	char row[256];
	const char *p;

	snprintf(row, sizeof row, "<tr class=layer><td class=name>%s</td>", name);
	p = strstr(page, row);
	assert_non_null(p);
	p = strstr(p, "<td class=n>");
	assert_non_null(p);
	return strtod(p + strlen("<td class=n>"), NULL);
}

/* Other weights in a late layer: the report shows the depth at which the two part. */
static void a_report_shows_where_it_went_wrong(void **state)
{
	oxp_options o = { .feature = "masked-lm", .runtime = OXP_RUNTIME_BUILTIN };
	oxp_context *c = oxp_context_new();
	const char *layer = "encoder.layer.0.output.dense.weight";
	char *model, *page, *at = NULL;
	FILE *f;

	(void)state;
	o.report = in("report.html");
	assert_int_equal(oxp_export(c, tiny, in("d/model.onnx"), &o, NULL), OXP_OK);
	page = read_all(o.report);
	assert_true(layer_difference(page, "encoder.layer.0.output.dense") < 1e-5);
	assert_null(strstr(page, "class=wrong"));
	free(page);
	model = read_all(in("d/model.onnx"));
	for (char *p = model; p < model + (1 << 20) - 64 && !at; p++)
		if (memcmp(p, layer, strlen(layer)) == 0 && p[strlen(layer)] == 0x4a)
			at = p + strlen(layer); /* raw_data, whose length takes two bytes or one */
	assert_non_null(at);
	f = fopen(in("d/model.onnx"), "r+b");
	fseek(f, at - model + 8, SEEK_SET);
	fwrite("\0\0\x80\x40\0\0\x80\x40", 1, 8, f); /* 4.0 among them */
	fclose(f);
	free(model);
	assert_int_equal(oxp_validate(c, tiny, in("d/model.onnx"), &o, NULL), OXP_E_MISMATCH);
	page = read_all(o.report);
	assert_non_null(strstr(page, "class=wrong"));
	assert_true(layer_difference(page, "encoder.layer.0.attention.output.LayerNorm") < 1e-5);
	assert_true(layer_difference(page, "encoder.layer.0.intermediate.dense") < 1e-5);
	assert_true(layer_difference(page, "encoder.layer.0.output.dense") > 1e-2);
	free(page);
	oxp_context_free(c);
}

static void my_default(scope s, cfg *j)
{
	int64_t hidden = cfg_int(j, "hidden_size", 8);
	text_inputs inputs = nn_text_inputs(s, &(text_spec){ .names = "input_ids", .vocab = 5 });
	value *x = nn_embedding(s, "bert.embeddings.word_embeddings", inputs.ids,
				cfg_int(j, "vocab_size", 5), hidden);

	op_output(s, "y", op_tanh(x));
}

static const task my_tasks[] = { { .feature = "default", .build = my_default, .opset = 14 },
				 { 0 } };
static const arch mine = { .types = "mine bert", .tasks = my_tasks };

static void custom_rows_win(void **state)
{
	oxp_context *c = oxp_context_new();
	oxp_result r;

	(void)state;
	assert_int_equal(oxp_register(c, &(arch){ 0 }), OXP_E_ARGUMENT);
	assert_int_equal(oxp_register(c, &mine), OXP_OK);
	assert_string_equal(oxp_model_type(c, 0), "mine");
	assert_string_equal(oxp_feature(c, "mine", 0), "default");
	assert_null(oxp_feature(c, "bert", 1));
	assert_int_equal(oxp_export(c, tiny, in("d"), NULL, &r), OXP_OK);
	assert_int_equal(r.opset, 14);
	assert_string_equal(r.output[0].output, "y");
	assert_int_equal(oxp_export(c, tiny, in("d"), &(oxp_options){ .opset = 13 }, NULL),
			 OXP_E_ARGUMENT);
	assert_non_null(strstr(oxp_error_message(c), "At least  14 is required"));
	oxp_context_free(c);
}

struct seen {
	int weights, validation, stop_at;
};

static int on_progress(void *user, const char *stage, uint64_t done, uint64_t total)
{
	struct seen *s = user;

	assert_true(done <= total);
	s->weights += strcmp(stage, "weights") == 0;
	s->validation += strcmp(stage, "validation") == 0;
	return s->stop_at && s->weights + s->validation >= s->stop_at;
}

static void progress_is_told_and_can_stop(void **state)
{
	oxp_context *c = oxp_context_new();
	struct seen s = { 0 };
	int all;

	(void)state;
	oxp_set_progress(c, on_progress, &s);
	assert_int_equal(oxp_export(c, tiny, in("e"), NULL, NULL), OXP_OK);
	assert_true(s.weights > 10 && s.validation > 1);
	all = s.weights + s.validation;
	for (int i = 1; i <= all; i++) {
		s = (struct seen){ .stop_at = i };
		assert_int_equal(oxp_export(c, tiny, in("f"), NULL, NULL), OXP_E_CANCELLED);
		assert_int_not_equal(access(in("f/model.onnx"), F_OK), 0);
	}
	oxp_context_free(c);
}

static void *export_many(void *path)
{
	for (int i = 0; i < 10; i++) {
		oxp_context *c = oxp_context_new();
		oxp_options o = { .opset = 11 + i, .feature = "masked-lm" };
		int rc = oxp_export(c, tiny, path, &o, NULL);

		oxp_context_free(c);
		if (rc)
			return (void *)1;
	}
	return NULL;
}

static void contexts_run_side_by_side(void **state)
{
	static const char *const names[] = { "t0", "t1", "t2", "t3" };
	pthread_t id[4];
	char path[4][256];

	(void)state;
	for (int i = 0; i < 4; i++) {
		snprintf(path[i], sizeof path[i], "%s", in(names[i]));
		pthread_create(&id[i], NULL, export_many, path[i]);
	}
	for (int i = 0; i < 4; i++) {
		void *failed;

		pthread_join(id[i], &failed);
		assert_null(failed);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_call_exports_and_validates),
		cmocka_unit_test(errors_are_values),
		cmocka_unit_test(types_features_and_descriptions),
		cmocka_unit_test(a_wrong_file_is_found_out),
		cmocka_unit_test(a_report_shows_where_it_went_wrong),
		cmocka_unit_test(custom_rows_win),
		cmocka_unit_test(progress_is_told_and_can_stop),
		cmocka_unit_test(contexts_run_side_by_side),
	};
	char command[256];
	int failed;

	if (argc != 3 || !mkdtemp(folder))
		return 2;
	tiny = argv[1];
	tiny_bin = argv[2];
	failed = cmocka_run_group_tests_name("api", tests, NULL, NULL);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	return system(command) ? 1 : failed;
}
