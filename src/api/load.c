/* From a model's name to its graph. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "onnx/model.h"

/* Keys of every configuration that no forward pass without labels depends on. */
static const char ignored[] =
	"model_type architectures transformers_version torch_dtype dtype _name_or_path "
	"name_or_path tokenizer_class tie_word_embeddings use_cache bos_token_id eos_token_id "
	"pad_token_id sep_token_id cls_token_id mask_token_id unk_token_id decoder_start_token_id "
	"output_attentions output_hidden_states return_dict torchscript use_bfloat16 "
	"tf_legacy_loss chunk_size_feed_forward is_encoder_decoder cross_attention_hidden_size "
	"is_decoder "
	"tie_encoder_decoder finetuning_task id2label label2id num_labels problem_type "
	"task_specific_params prefix temperature top_k top_p typical_p repetition_penalty "
	"length_penalty no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids num_beams "
	"num_beam_groups num_return_sequences diversity_penalty do_sample early_stopping "
	"max_length min_length exponential_decay_length_penalty suppress_tokens "
	"begin_suppress_tokens forced_bos_token_id forced_eos_token_id remove_invalid_values "
	"output_scores return_dict_in_generate output_past attn_implementation "
	"_attn_implementation_autoset model_name directionality pooler_fc_size "
	"pooler_num_attention_heads pooler_num_fc_layers pooler_size_per_head pooler_type";

/* What any configuration can say and no graph here can honour: refused, not ignored. */
static void check_common(cfg *j)
{
	json_t *pruned = json_object_get(j->root, "pruned_heads");
	json_t *quantized = json_object_get(j->root, "quantization_config");

	cfg_ignore(j, ignored);
	cfg_ignore(j, "pruned_heads quantization_config");
	if (json_object_size(pruned))
		cfg_refuse(j, "pruned_heads: models with pruned heads are not supported");
	if (quantized && !json_is_null(quantized))
		cfg_refuse(j,
			   "quantization_config: quantized checkpoints are not supported; export "
			   "the original one");
}

int api_build(oxp_context *c, const arch *a, loaded *l, const oxp_options *o)
{
	error *e = &c->error;

	l->arch = a;
	if (cfg_set_defaults(l->config, a->defaults, e))
		return e->code;
	check_common(l->config);
	l->graph = graph_new(l->weights, a, e);
	if (!l->graph || e->code)
		return e->code;
	l->graph->registry = &c->registry;
	l->graph->rounded = o->dtype == OXP_DTYPE_FP16   ? OXP_F16
			    : o->dtype == OXP_DTYPE_BF16 ? OXP_BF16
							 : OXP_BAD;
	l->graph->allow_missing = o->missing == OXP_MISSING_IS_SEEDED;
	l->task->build((scope){ l->graph, "" }, l->config);
	return graph_finish(l->graph, e);
}

static void log_unread(void *context, const char *key)
{
	api_log(context, OXP_LOG_DEBUG, "config.json: the key %s was not read", key);
}

/* What --verbose lists: what nobody asked for. */
static void log_unused(oxp_context *c, const loaded *l)
{
	cfg_unread(l->config, log_unread, c);
	for (size_t i = 0; i < l->weights->count; i++)
		if (!l->weights->tensor[i]->used)
			api_log(c, OXP_LOG_DEBUG, "the tensor %s of the checkpoint is not used",
				l->weights->tensor[i]->name);
}

static void log_seeded(oxp_context *c, const graph *g)
{
	for (int i = 0; i < g->ordered; i++)
		if (g->order[i]->op == OP_param && g->order[i]->param->seeded)
			api_log(c, OXP_LOG_WARNING,
				"%s: not in the checkpoint, filled with seeded values",
				g->order[i]->param->path);
}

static const arch *find_task(oxp_context *c, loaded *l, const char *feature)
{
	error *e = &c->error;
	const arch *a;

	l->type = registry_model_type(l->config, e);
	a = l->type ? registry_find(&c->registry, l->type, e) : NULL;
	if (a && strcmp(feature, "auto") == 0)
		feature = registry_auto_feature(a, l->config, e);
	l->task = a && feature ? registry_task(a, l->type, feature, e) : NULL;
	l->feature = l->task ? l->task->feature : NULL;
	return l->task ? a : NULL;
}

/* Where the model came from: a folder's name, or a hub id. */
static const char *source_of(loaded *l, const char *model)
{
	char *real, *source;

	if (!hub_is_local(l->hub))
		return hub_id(l->hub);
	real = realpath(model, NULL);
	source = real ? arena_strdup(&l->arena, path_base(real)) : NULL;
	free(real);
	return source;
}

static int on_download(void *context, uint64_t done, uint64_t total)
{
	oxp_context *c = context;

	return c->progress ? c->progress(c->progress_user, "download", done, total) : 0;
}

static void on_note(void *context, const char *line)
{
	api_log(context, OXP_LOG_DEBUG, "%s", line);
}

static void on_warning(void *context, const char *line)
{
	api_log(context, OXP_LOG_WARNING, "%s", line);
}

const arch *api_find(oxp_context *c, const char *model, const oxp_options *o, loaded *l)
{
	static const char *const config = "config.json";
	hub_options where = { .cache = o->cache_dir,
			      .revision = o->revision,
			      .agent = "onnxport/" OXP_VERSION,
			      .offline = o->network == OXP_OFFLINE,
			      .events = { c, on_download, on_note, on_warning } };
	error *e = &c->error;
	char *path;

	l->hub = hub_open(&l->arena, model, &where, e);
	if (!l->hub || hub_fetch(l->hub, &config, 1, e))
		return NULL;
	l->folder = hub_folder(l->hub);
	l->source = source_of(l, model);
	path = path_join(&l->arena, l->folder, config);
	if (!path || !l->source) {
		error_memory(e);
		return NULL;
	}
	l->config = cfg_open(path, e);
	return l->config ? find_task(c, l, o->feature ? o->feature : "default") : NULL;
}

static int check_options(oxp_context *c, const loaded *l, const oxp_options *o)
{
	int least = task_opset(l->task);

	if (o->opset && o->opset < least)
		return error_set(
			&c->error, E_ARGUMENT,
			"Opset %d is not sufficient to export %s. At least  %d is required.",
			o->opset, l->type, least);
	if (o->opset > ONNX_OPSET_NEWEST)
		return error_set(&c->error, E_ARGUMENT, "opset %d is not known; expected %d to %d",
				 o->opset, least, ONNX_OPSET_NEWEST);
	if (o->report && o->validation == OXP_NO_VALIDATION)
		return error_set(&c->error, E_ARGUMENT,
				 "report: shows what the validation finds, which is turned off");
	if (o->atol < 0)
		return error_set(&c->error, E_ARGUMENT,
				 "atol: expected a positive number, found %g", o->atol);
	return 0;
}

/* The files that an index names, each once. */
static int fetch_shards(oxp_context *c, loaded *l, const char *index)
{
	error *e = &c->error;
	char *path = path_join(&l->arena, l->folder, index);
	const char **name;
	int n = 0;

	if (!path)
		return error_memory(e);
	return shards_list(&l->arena, path, &name, &n, e) ? e->code : hub_fetch(l->hub, name, n, e);
}

/* The best of the forms in which the hub has the weights. */
static int fetch_weights(oxp_context *c, loaded *l, const oxp_options *o)
{
	error *e = &c->error;
	const char *name;
	int is_there = 0;

	for (int i = 0; !is_there && (name = checkpoint_file(o->framework, i)); i++)
		if (hub_has(l->hub, name, &is_there, e))
			return e->code;
	if (!is_there)
		return error_set(e, E_MODEL,
				 "%s: %s none of the files that weights are read from: "
				 "safetensors, PyTorch's or TensorFlow's, single or sharded%s%s",
				 hub_id(l->hub),
				 hub_is_offline(l->hub) ? "offline, and the cache holds"
							: "the hub has",
				 o->framework ? ", for the framework " : "",
				 o->framework ? o->framework : "");
	return ends_with(name, ".index.json") ? fetch_shards(c, l, name) : 0;
}

/* What can be refused without the weights is, before they are downloaded. */
static int fetch(oxp_context *c, const arch *a, loaded *l, const oxp_options *o)
{
	if (hub_is_local(l->hub))
		return 0;
	if (api_build(c, a, l, o) == 0)
		(void)!fetch_weights(c, l, o);
	graph_free(l->graph);
	l->graph = NULL;
	return c->error.code;
}

int api_load(oxp_context *c, const char *model, const oxp_options *o, loaded *l)
{
	error *e = &c->error;
	const arch *a;

	if (o->framework && strcmp(o->framework, "pt") != 0 && strcmp(o->framework, "tf") != 0)
		return error_set(e, E_ARGUMENT, "framework: expected pt or tf, found %s",
				 o->framework);
	a = api_find(c, model, o, l);
	if (!a || check_options(c, l, o) || fetch(c, a, l, o))
		return e->code;
	l->weights = checkpoint_open(l->folder, o->framework, e);
	if (!l->weights || api_build(c, a, l, o))
		return e->code;
	log_unused(c, l);
	log_seeded(c, l->graph);
	return 0;
}

int api_next(oxp_context *c, loaded *l, const oxp_options *o)
{
	graph_free(l->graph);
	l->graph = NULL;
	l->task = task_next(l->task);
	return l->task ? api_build(c, l->arch, l, o) : 0;
}

const char *api_file(const loaded *l)
{
	return l->task->file ? l->task->file : "model.onnx";
}

void api_unload(loaded *l)
{
	graph_free(l->graph);
	checkpoint_close(l->weights);
	cfg_close(l->config);
	arena_free(&l->arena);
}
