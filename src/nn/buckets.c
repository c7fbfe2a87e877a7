/* Distances between tokens in buckets that widen: relative positions of T5 (Raffel et al. 2020). */
#include <math.h>
#include <stdlib.h>

#include "nn/nn.h"

enum { MOST_DISTANCE = 4096 };

/* In float32, as in the class, for the buckets' borders to fall alike. */
static int64_t bucket_of(const buckets *b, int64_t distance)
{
	int64_t count = b->both_ways ? b->count / 2 : b->count, exact = count / 2, wide;
	int64_t first = b->both_ways && distance > 0 ? count : 0;
	int64_t away = b->both_ways ? llabs(distance) : distance < 0 ? -distance : 0;
	float scale = (float)log((double)b->most / (double)exact);

	if (away < exact)
		return first + away;
	wide = exact + (int64_t)(logf((float)away / (float)exact) / scale * (float)(count - exact));
	return first + (wide < count ? wide : count - 1);
}

/* [low, high] of int64 */
static value *between(value *x, int64_t low, int64_t high)
{
	graph *g = graph_of(x);
	value *least = op_int(g, low), *most = op_int(g, high);

	x = op_where(op_less_equal(x, most), x, most);
	return op_where(op_less_equal(least, x), x, least);
}

value *oxp_nn_bucket_bias(scope s, const char *name, const buckets *b, const dim *queries,
			  const dim *keys)
{
	graph *g = s.g;
	int64_t bucket[2 * MOST_DISTANCE + 1], n = 2 * b->most + 1;
	value *table = PARAM(at(s, "%s", name), "weight", b->count, b->heads), *place, *distance;

	if (b->most > MOST_DISTANCE || b->count < 4 || b->most <= b->count / 2)
		return graph_fail(
			g, E_MODEL,
			"%s: %lld buckets up to a distance of %lld; expected 4 or more, and "
			"a distance above half of them up to %d",
			s.path, (long long)b->count, (long long)b->most, MOST_DISTANCE);
	for (int64_t i = 0; i < n; i++)
		bucket[i] = bucket_of(b, i - b->most);
	table = op_embedding(table, op_ints(g, 1, &n, bucket)); /* a row per distance */
	place = op_range(g, keys);
	distance = op_slice(place, 0, dim_sub(g, keys, queries), queries);
	distance = op_sub(op_unsqueeze(place, 0), op_unsqueeze(distance, 1));
	distance = op_add(between(distance, -b->most, b->most), op_int(g, b->most));
	table = op_transpose(op_embedding(table, distance), (int[]){ 2, 0, 1 });
	return op_unsqueeze(table, 0);
}
