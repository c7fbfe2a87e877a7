/* Keys and values of the tokens that came before. */
#include "nn/nn.h"

static const char *const kinds[] = { "decoder.key", "decoder.value", "encoder.key",
				     "encoder.value" };

/* "past_key_values.3.decoder.key"; a decoder alone has no need to say which keys they are. */
static const char *state_name(const cache *c, const char *list, int64_t layer, int kind)
{
	const char *what = kinds[kind] + (c->cross_axis ? 0 : 8);

	return arena_printf(&c->g->arena, "%s.%lld.%s", list, (long long)layer, what);
}

cache *oxp_nn_cache(scope s, const cache *spec)
{
	graph *g = s.g;
	cache *c = arena_alloc(&g->arena, sizeof *c);
	value *(*state)[4] = arena_array(&g->arena, (size_t)spec->layers + 1, sizeof *state);

	if (!c || !state) {
		error_memory(g->error);
		return NULL;
	}
	*c = *spec;
	c->g = g;
	c->state = state;
	c->length = dim_axis(g, c->axis);
	for (int64_t i = 0; i < c->layers; i++) {
		for (int k = 0; k < (c->cross_axis ? 4 : 2); k++) {
			const char *name = state_name(c, "past_key_values", i, k);
			const char *axis = k < 2 ? c->axis : c->cross_axis;

			c->state[i][k] = op_input(
				s, &(input_spec){
					   .name = name,
					   .type = F32,
					   .rank = 4,
					   .dim = { dim_axis(g, "batch"), dim_const(g, c->heads),
						    dim_axis(g, axis), dim_const(g, c->width) } });
		}
	}
	return c;
}

void oxp_nn_cache_append(cache *c, int64_t layer, value **key, value **value_)
{
	if (!c)
		return;
	*key = c->state[layer][0] = op_concat(c->state[layer][0], *key, 2);
	*value_ = c->state[layer][1] = op_concat(c->state[layer][1], *value_, 2);
}

void oxp_nn_cache_cross(const cache *c, int64_t layer, value **key, value **value_)
{
	*key = c->state[layer][2];
	*value_ = c->state[layer][3];
}

void oxp_nn_cache_outputs(scope s, const cache *c)
{
	for (int64_t i = 0; c && i < c->layers; i++)
		for (int k = 0; k < (c->cross_axis ? 4 : 2); k++)
			op_output(s, state_name(c, "present", i, k), c->state[i][k]);
}
