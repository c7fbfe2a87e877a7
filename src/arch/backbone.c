#include "arch/backbone.h"

static const ints all_stages = { 4, { 1, 2, 3, 4 } };

static backbone read_timm(cfg *j)
{
	static const ints depths[] = { { 4, { 2, 2, 2, 2 } },
				       { 4, { 3, 4, 6, 3 } },
				       { 4, { 3, 4, 6, 3 } },
				       { 4, { 3, 4, 23, 3 } },
				       { 4, { 3, 8, 36, 3 } } };
	int kind = cfg_choice(j, "backbone", "resnet50",
			      "resnet18 resnet34 resnet50 resnet101 resnet152");
	int dilated = cfg_bool(j, "dilation", 0);
	backbone b = { .features = cfg_ints(j, "backbone_kwargs.out_indices", all_stages) };

	b.resnet = (resnet_config){
		.channels = cfg_int(j, "backbone_kwargs.in_chans", cfg_int(j, "num_channels", 3)),
		.stem = 64,
		.widths = { 4, { 256, 512, 1024, 2048 } },
		.depths = depths[kind],
		.bottleneck = kind > 1,
		.dilated = dilated,
		.act = OXP_ACT_RELU,
		.names = &resnet_timm_names,
	};
	for (int i = 0; kind < 2 && i < 4; i++)
		b.resnet.widths.at[i] /= 4;
	if (cfg_int(j, "backbone_kwargs.output_stride", dilated ? 16 : 32) != (dilated ? 16 : 32))
		cfg_refuse(j, "backbone_kwargs: output_stride does not go with dilation");
	return b;
}

/* out_indices, or out_features in their place, or the last stage. */
static ints stages_wanted(cfg *own, int last)
{
	ints wanted = { 1, { last } };
	int n = (int)cfg_size(own, "out_features");

	if (cfg_size(own, "out_indices"))
		return cfg_ints(own, "out_indices", wanted);
	for (int i = 0; i < n && i < OXP_MOST_INTS; i++) {
		wanted.n = i + 1;
		wanted.at[i] = cfg_choice(own, cfg_key(own, "out_features.%d", i), "",
					  "stem stage1 stage2 stage3 stage4 stage5 stage6");
	}
	return wanted;
}

static backbone read_own(cfg *j)
{
	cfg *own = cfg_sub(j, "backbone_config");
	backbone b = { .resnet = resnet_read_config(own) };

	cfg_only(own, "model_type", "resnet");
	b.features = stages_wanted(own, b.resnet.depths.n);
	return b;
}

backbone backbone_read_config(cfg *j)
{
	backbone b = cfg_bool(j, "use_timm_backbone", 1) ? read_timm(j) : read_own(j);

	cfg_ignore(j, "backbone backbone_kwargs dilation backbone_config use_pretrained_backbone "
		      "num_channels");
	for (int i = 0; i < b.features.n; i++)
		if (b.features.at[i] < 1 || b.features.at[i] > b.resnet.depths.n) {
			cfg_refuse(j,
				   "the backbone's out_indices: expected stages from 1 to %d, "
				   "found %lld",
				   b.resnet.depths.n, (long long)b.features.at[i]);
			b.features.at[i] = 1;
		}
	return b;
}
