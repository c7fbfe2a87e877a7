/* Positions as waves: sinusoidal and rotary embeddings. */
#include <math.h>

#include "nn/nn.h"

enum { MOST_ANGLES = 4096 };

rotary oxp_nn_rotary(scope s, const dim *start, const dim *length, int64_t width, double base)
{
	graph *g = s.g;
	float speed[MOST_ANGLES];
	int64_t half = width / 2;
	value *place, *angle;

	if (half < 1 || half > MOST_ANGLES) {
		graph_fail(g, E_MODEL, "%s: rotary positions of width %lld", s.path,
			   (long long)width);
		return (rotary){ g->poison, g->poison };
	}
	for (int64_t i = 0; i < half; i++)
		speed[i] = 1 / powf((float)base, (float)(2 * i) / (float)width);
	place = op_add(op_range(g, length), op_length(g, start));
	place = op_unsqueeze(op_cast(place, OXP_F32), 1);
	angle = op_mul(place, op_floats(g, 1, &half, speed));
	return (rotary){ op_sin(angle), op_cos(angle) };
}

value *oxp_nn_sine_waves(value *place, int64_t half, double speed)
{
	graph *g = graph_of(place);
	float each[MOST_ANGLES];
	value *angle;

	if (half < 1 || half > MOST_ANGLES)
		return graph_fail(g, E_MODEL, "sinusoidal positions of width %lld",
				  (long long)(2 * half));
	for (int64_t i = 0; i < half; i++)
		each[i] = expf((float)i * (float)log(speed));
	angle = op_unsqueeze(op_cast(place, OXP_F32), 2);
	angle = op_mul(angle, op_floats(g, 1, &half, each));
	return op_concat(op_sin(angle), op_cos(angle), 2);
}

value *oxp_nn_rotate_pairs(value *x, const rotary *turn)
{
	graph *g = graph_of(x);
	const dim *zero = dim_const(g, 0), *half = dim_of(turn->sin, 1);
	const dim *turned = dim_mul(g, half, dim_const(g, 2)), *width = dim_of(x, 3);
	value *first = op_slice(x, 3, zero, turned), *even, *odd;
	const dim *whole[] = { dim_of(x, 0), dim_of(x, 1), dim_of(x, 2), turned };
	const dim *pairs[] = { whole[0], whole[1], whole[2], half, dim_const(g, 2) };

	first = op_reshape(first, 5, pairs);
	even = op_select(first, 4, 0);
	odd = op_select(first, 4, 1);
	first = op_concat(op_unsqueeze(op_sub(op_mul(even, turn->cos), op_mul(odd, turn->sin)), 4),
			  op_unsqueeze(op_add(op_mul(odd, turn->cos), op_mul(even, turn->sin)), 4),
			  4);
	first = op_reshape(first, 4, whole);
	if (turned == width)
		return first;
	return op_concat(first, op_slice(x, 3, turned, dim_sub(g, width, turned)), 3);
}
