/* Which architectures there are. The only place that compares model types. */
#include "arch/registry.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define ARCH(name) extern const arch arch_##name;
#include "arch/list.h"
#undef ARCH

#define ARCH(name) &arch_##name,
const arch *const arch_table[] = {
#include "arch/list.h"
	NULL,
};
#undef ARCH

/* model_type is spelled with _ for some; the table's spelling has -. */
static void spell(const char *type, char out[64])
{
	size_t i;

	for (i = 0; type[i] && i < 63; i++)
		out[i] = type[i] == '_' ? '-' : type[i];
	out[i] = 0;
}

const arch *registry_type(const registry *r, int i, char name[64])
{
	const arch *a;
	int n = 0;

	for (int k = 0; (a = k < r->customs ? r->custom[k] : arch_table[k - r->customs]); k++) {
		for (const char *p = a->types; *p; n++) {
			size_t len = strcspn(p, " ");

			if (n == i) {
				snprintf(name, 64, "%.*s", (int)len, p);
				return a;
			}
			p += len + strspn(p + len, " ");
		}
	}
	return NULL;
}

const arch *registry_find(const registry *r, const char *type, error *e)
{
	char wanted[64], name[64], nearest[64] = "";
	const arch *a;
	int best = 1000;

	spell(type, wanted);
	for (int i = 0; (a = registry_type(r, i, name)); i++) {
		char spelled[64];
		int distance;

		spell(name, spelled);
		if (strcmp(spelled, wanted) == 0)
			return a;
		distance = edit_distance(spelled, wanted);
		if (distance < best) {
			best = distance;
			memcpy(nearest, name, sizeof nearest);
		}
	}
	error_set(
		e, E_UNSUPPORTED,
		"%s: this model type is not known; the nearest known one is %s (onnxport features "
		"lists them all)",
		type, nearest);
	return NULL;
}

const task *task_next(const task *t)
{
	return t[1].feature && strcmp(t[0].feature, t[1].feature) == 0 ? t + 1 : NULL;
}

const task *registry_task(const arch *a, const char *type, const char *feature, error *e)
{
	text list = { 0 };

	for (const task *t = a->tasks; t->feature; t++)
		if (strcmp(t->feature, feature) == 0)
			return t;
	for (const task *t = a->tasks; t->feature; t++)
		if (t == a->tasks || !task_next(t - 1))
			text_add(&list, "%s%s", list.len ? ", " : "", t->feature);
	error_set(e, E_UNSUPPORTED, "%s doesn't support feature %s. Supported values are: %s", type,
		  feature, list.s ? list.s : "");
	text_free(&list);
	return NULL;
}

/* What the head's class is called, by the end of its name. */
static const struct {
	const char *ending, *feature;
} heads[] = {
	{ "ForMaskedLM", "masked-lm" },
	{ "ForCausalLM", "causal-lm" },
	{ "LMHeadModel", "causal-lm" },
	{ "ForSequenceClassification", "sequence-classification" },
	{ "ForMultipleChoice", "multiple-choice" },
	{ "ForTokenClassification", "token-classification" },
	{ "ForQuestionAnswering", "question-answering" },
	{ "VisionEncoderDecoderModel", "vision2seq-lm" },
	{ "ForConditionalGeneration", "seq2seq-lm" },
	{ "ForImageClassification", "image-classification" },
	{ "ForSemanticSegmentation", "semantic-segmentation" },
	{ "ForObjectDetection", "object-detection" },
	{ "ForSegmentation", "image-segmentation" },
	{ "Model", "default" },
};

const char *registry_auto_feature(const arch *a, cfg *j, error *e)
{
	json_t *list = json_object_get(j->root, "architectures");
	const char *name = json_string_value(json_array_get(list, 0));

	if (!name) {
		error_set(e, E_MODEL,
			  "%s: architectures: names no class, so --feature auto has nothing to go "
			  "by; "
			  "name the feature",
			  j->path);
		return NULL;
	}
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		if (!ends_with(name, heads[i].ending))
			continue;
		for (const task *t = a->tasks; t->feature; t++)
			if (strcmp(t->feature, heads[i].feature) == 0)
				return t->feature;
	}
	error_set(e, E_UNSUPPORTED,
		  "%s: architectures: %s is no feature's class; name the feature with --feature",
		  j->path, name);
	return NULL;
}

const char *registry_model_type(cfg *j, error *e)
{
	const char *type = cfg_str(j, "model_type", NULL);

	if (!type)
		error_set(e, E_MODEL, "%s: model_type: expected a string, found none", j->path);
	return type;
}

int task_opset(const task *t)
{
	return t->opset ? t->opset : 11;
}

double task_atol(const task *t)
{
	return t->atol > 0 ? t->atol : 1e-5;
}
