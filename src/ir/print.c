/* The graph as text. */
#include <string.h>

#include "ir/ir.h"

static const char *const names[] = {
#define OP(name, least, most) #name,
#include "ir/ops.def"
#undef OP
};

const char *op_name(enum op op)
{
	return names[op];
}

void value_shape_text(const value *v, text *out)
{
	text_add(out, "%s[", dtype_name(v->type));
	for (int i = 0; i < v->rank; i++)
		text_add(out, "%s%s", i ? ", " : "", v->dim[i]->text);
	text_add(out, "]");
}

static void print_attributes(const value *v, text *out)
{
	switch (v->op) {
	case OP_clip:
		text_add(out, " low=%g high=%g", v->low, v->high);
		break;
	case OP_leaky_relu:
	case OP_layer_norm:
	case OP_attention:
	case OP_constant:
		text_add(out, " %.9g", v->number);
		break;
	case OP_select:
		text_add(out, " axis=%d index=%lld", v->axis, (long long)v->index);
		break;
	case OP_softmax:
	case OP_unsqueeze:
	case OP_concat:
	case OP_mean:
	case OP_cumsum:
		text_add(out, " axis=%d", v->axis);
		break;
	case OP_transpose:
		text_add(out, " perm=");
		for (int i = 0; i < v->rank; i++)
			text_add(out, "%d", v->perm[i]);
		break;
	case OP_input:
		text_add(out, " \"%s\"", v->input->name);
		break;
	case OP_param:
		text_add(out, " %s", v->param->path);
		break;
	default:
		break;
	}
}

void graph_print(const graph *g, text *out)
{
	for (int i = 0; i < g->ordered; i++) {
		const value *v = g->order[i];

		text_add(out, "%%%d = %s(", v->id, op_name(v->op));
		for (int k = 0; k < v->inputs; k++)
			text_add(out, "%s%%%d", k ? ", " : "", v->in[k]->id);
		text_add(out, ")");
		print_attributes(v, out);
		text_add(out, " : ");
		value_shape_text(v, out);
		if (v->op != OP_param && *v->scope)
			text_add(out, "  # %s", v->scope);
		text_add(out, "\n");
	}
	for (int i = 0; i < g->outputs; i++)
		text_add(out, "output \"%s\" = %%%d\n", g->output[i].name, g->output[i].x->id);
}
