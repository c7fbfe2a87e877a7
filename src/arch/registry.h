/* registry.h: which architectures there are, their features, and config.json. */
#ifndef ARCH_REGISTRY_H
#define ARCH_REGISTRY_H

#include "ir/ir.h"

/* A config.json with a sticky error and a mark on every key that was read. */
struct oxp_cfg {
	struct json_t *root;
	struct json_t *defaults; /* of the architecture's row */
	const char *path;        /* for messages */
	error *error;
	arena arena;
	map seen;
	cfg *subs, *next; /* parts of it that were asked for */
};

cfg *cfg_open(const char *path, error *e);
/* An empty configuration: every getter gives its default. */
cfg *cfg_empty(error *e);
cfg *cfg_parse(const char *path, const void *data, size_t size, error *e);
void cfg_close(cfg *j);
/* A row's own defaults, which stand in for keys that the file lacks. */
int cfg_set_defaults(cfg *j, const char *defaults, error *e) MUST_USE;
/* Calls `each` for every key that nobody read. */
void cfg_unread(const cfg *j, void (*each)(void *context, const char *key), void *context);

/* The built-in rows, then NULL. */
extern const arch *const arch_table[];

/* Users' rows come first. */
typedef struct registry {
	const arch **custom;
	int customs;
} registry;

/* NULL, and an error that names the nearest known type, where there is none. */
const arch *registry_find(const registry *r, const char *type, error *e);
/* The i-th type of all, spelled as features.json does; NULL after the last. Writes to `name`. */
const arch *registry_type(const registry *r, int i, char name[64]);
/* The task of a feature; an error that lists the features of the type where there is none. */
const task *registry_task(const arch *a, const char *type, const char *feature, error *e);
/* The next graph of the same feature, or NULL. */
const task *task_next(const task *t);
/* The feature that config.json's `architectures` names ("BertForMaskedLM" → "masked-lm"). */
const char *registry_auto_feature(const arch *a, cfg *j, error *e);
/* config.json's model_type. */
const char *registry_model_type(cfg *j, error *e);
int task_opset(const task *t);
double task_atol(const task *t);

#endif
