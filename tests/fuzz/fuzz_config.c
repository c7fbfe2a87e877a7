/* config.json, all the way through an architecture: the first byte picks the row, the second the
 * feature. */
#include "fuzz.h"

#include "arch/registry.h"

enum { MOST_LAYERS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const depth[] = { "num_hidden_layers",  "num_layers",
					     "n_layers",           "n_layer",
					     "encoder_layers",     "decoder_layers",
					     "num_decoder_layers", "inner_group_num" };
	error e = { 0 };
	const arch *a;
	cfg *j;
	graph *g;
	int rows = 0, tasks = 0;

	if (size < 2)
		return 0;
	while (arch_table[rows])
		rows++;
	a = arch_table[data[0] % rows];
	while (a->tasks[tasks].feature)
		tasks++;
	j = cfg_parse("fuzz", data + 2, size - 2, &e);
	if (!j)
		return 0;
	(void)!cfg_set_defaults(j, a->defaults, &e);
	/* deep models only take time */
	for (size_t i = 0; i < sizeof depth / sizeof depth[0]; i++) {
		if (cfg_int(j, depth[i], 1) > MOST_LAYERS) {
			cfg_close(j);
			return 0;
		}
	}
	g = graph_new(NULL, a, &e);
	if (g) {
		a->tasks[data[1] % tasks].build((scope){ g, "" }, j);
		(void)!graph_finish(g, &e);
	}
	graph_free(g);
	cfg_close(j);
	return 0;
}
