#include "arch/image.h"

void image_default(scope s, cfg *j)
{
	const image_model *m = family_of(s);

	op_output(s, "last_hidden_state", m->body(s, j));
}

void image_classification(scope s, cfg *j)
{
	const image_model *m = family_of(s);
	value *x = m->pool(s, j, m->body(s, j));

	op_output(s, "logits", nn_linear(s, m->classifier, x, cfg_labels(j)));
}

value *image_mean(value *x)
{
	return op_mean(op_mean(x, 3), 2);
}
