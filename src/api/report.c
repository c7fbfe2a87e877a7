#include "api/report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/report.h"
#include "onnx/model.h"
#include "passes/passes.h"

/* What goes into one graph's part of the page. */
typedef struct part {
	arena *arena;
	graph *g;
	const reported *from;
	onnx_file *file;
	onnx_model *model; /* lowered again, which tells what the layers are called */
	layer *layer;
	int layers;
	report_graph r;
	error *e;
} part;

/* ---- The graph's figures ---- */

static int by_number(const void *a, const void *b)
{
	const report_count *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->name, y->name);
}

static void count_nodes(part *p)
{
	const onnx_body *g = &p->file->graph;
	report_count *list = arena_array(p->arena, (size_t)g->steps + 1, sizeof *list);
	int n = 0;

	if (!list) {
		error_memory(p->e);
		return;
	}
	for (int i = 0; i < g->steps; i++) {
		int k = 0;

		while (k < n && strcmp(list[k].name, g->step[i]->op) != 0)
			k++;
		if (k == n)
			list[n++].name = g->step[i]->op;
		list[k].n++;
	}
	qsort(list, (size_t)n, sizeof *list, by_number);
	p->r.nodes = list;
	p->r.node_types = n;
}

static void count_parameters(part *p)
{
	report_tied *tied = arena_array(p->arena, (size_t)p->g->ordered + 1, sizeof *tied);

	if (!tied) {
		error_memory(p->e);
		return;
	}
	for (int i = 0; i < p->g->ordered; i++) {
		const value *v = p->g->order[i];
		int64_t count;

		if (v->op != OP_param)
			continue;
		count = shape_count(v->param->shape, v->param->rank);
		p->r.parameters += count;
		if (v->users > 1)
			tied[p->r.ties++] =
				(report_tied){ v->param->name, (uint64_t)count * sizeof(float),
					       v->users };
	}
	p->r.tied = tied;
	p->r.bytes = p->file->file->size;
	for (int i = 0; i < p->file->besides; i++)
		p->r.bytes += p->file->beside[i]->size;
}

/* ---- The layers ---- */

/* The model as lowering makes it says which tensor is which layer. */
static void find_layers(part *p)
{
	const oxp_options *o = p->from->options;
	onnx_options how = { .opset = (int)p->file->opset,
			     .linear = o->linear,
			     .batch_norm = o->batch_norm,
			     .weights = o->weights,
			     .dtype = o->dtype,
			     .layers = 1 };

	if (passes_simplify(p->g) || !(p->model = onnx_lower(p->g, &how, p->e)))
		return;
	p->layer = arena_array(p->arena, (size_t)p->model->layers + 1, sizeof *p->layer);
	if (!p->layer) {
		error_memory(p->e);
		return;
	}
	for (int i = 0; i < p->model->layers; i++)
		p->layer[p->layers++] = (layer){ .value = p->model->layer[i].value,
						 .tensor = p->model->layer[i].tensor };
}

/* Those that nodes of the file give and that are not outputs yet, once each. */
static int new_outputs(part *p, const char **to)
{
	const onnx_body *g = &p->file->graph;
	map given = { 0 };
	int n = 0, failed = 0;

	for (int i = 0; i < g->steps; i++)
		failed |= map_put(&given, g->step[i]->out, p);
	for (int i = 0; i < g->outputs; i++)
		failed |= map_put(&given, g->output[i], NULL);
	for (int i = 0; i < p->layers && !failed; i++) {
		if (!map_get(&given, p->layer[i].tensor))
			continue;
		to[n++] = p->layer[i].tensor;
		failed |= map_put(&given, p->layer[i].tensor, NULL);
	}
	map_free(&given);
	if (failed)
		error_memory(p->e);
	return n;
}

/* A copy of the file beside it, for as long as it takes to open. */
static session *open_probe(part *p)
{
	const char **name = arena_array(p->arena, (size_t)p->layers + 1, sizeof(*name));
	char *folder = path_folder(p->arena, p->from->path);
	char *path =
		folder ? arena_printf(p->arena, "%s/.onnxport-%ld.onnx", folder, (long)getpid())
		       : NULL;
	session *s = NULL;
	int n;

	if (!name || !path) {
		error_memory(p->e);
		return NULL;
	}
	n = new_outputs(p, name);
	if (!p->e->code && onnx_probe(p->from->path, name, n, path, p->e) == 0)
		s = api_session(p->from->runtime, path, p->e);
	unlink(path);
	return s;
}

static void compare_layers(part *p)
{
	session *s = open_probe(p);
	int kept = 0;

	if (s && layers_compare(p->g, s, p->layer, p->layers, p->e) == 0) {
		for (int i = 0; i < p->layers; i++)
			if (p->layer[i].compared)
				p->layer[kept++] = p->layer[i];
		p->r.layer = p->layer;
		p->r.layers = kept;
	}
	if (s)
		s->close(s);
}

/* ---- The page ---- */

static void add_part(oxp_context *c, loaded *l, part *p)
{
	if (!c->report.len)
		report_start(&c->report, l->source, l->type, l->feature, p->from->runtime_name);
	p->r.file = path_base(p->from->path);
	p->r.verdict = c->error.code ? c->error.text : NULL;
	p->r.prefix = p->g->prefix;
	p->r.opset = p->file->opset;
	p->r.atol = p->from->atol;
	p->r.g = p->g;
	p->r.validation = p->from->validation;
	report_add(&c->report, &p->r);
	if (c->report.failed)
		error_memory(p->e);
}

void api_report(oxp_context *c, loaded *l, const reported *r)
{
	error e = { 0 };
	part p = { .arena = &l->arena, .g = l->graph, .from = r, .e = &e };
	error *own = p.g->error;

	p.g->error = &e; /* the graph's own may hold the verdict already */
	p.file = onnx_file_open(r->path, &e);
	if (p.file)
		count_nodes(&p);
	if (!e.code)
		count_parameters(&p);
	if (!e.code)
		find_layers(&p);
	if (!e.code)
		compare_layers(&p);
	if (!e.code)
		add_part(c, l, &p);
	p.g->error = own;
	onnx_model_free(p.model);
	onnx_file_close(p.file);
	if (e.code && !c->error.code)
		c->error = e;
}

int api_report_write(oxp_context *c, const oxp_options *o)
{
	outfile out = { .fd = -1 };
	error e = { 0 };

	if (!c->report.len || (c->error.code && c->error.code != E_MISMATCH))
		return c->error.code;
	report_end(&c->report);
	if (c->report.failed)
		error_memory(&e);
	else if (output_open(&out, o->report, &e) == 0)
		(void)(output_write(&out, c->report.s, c->report.len, &e) ||
		       output_close(&out, &e) || output_publish(&out, &e));
	if (e.code)
		output_discard(&out);
	else
		api_log(c, OXP_LOG_INFO, "Report written to: %s", o->report);
	if (!c->error.code)
		c->error = e;
	return c->error.code;
}
