"""Writes the golden data: what PyTorch gives for small, awkward models.

    pip install torch==2.13.0 transformers==4.57.6 safetensors scipy pillow; pip install --no-deps timm
    python tests/tools/golden.py features.json [TYPE ...]

For every (type, feature) and configuration a folder tests/golden/TYPE/FEATURE-N with
  config.json     as save_pretrained writes it
  names.txt       the checkpoint's tensors: a name and its dimensions per line
  io.safetensors  "0.input_ids", …, "0.logits", … for every input set
Weights are not stored: fill() below and fill_values() in src/weights/tensor.c give the same.
"""
import copy, json, math, os, shutil, sys
import numpy as np
import torch
import transformers
import no_torchvision
from safetensors.numpy import save_file

no_torchvision.stand_in()
HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
MASK64 = (1 << 64) - 1


def fnv(name):
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) & MASK64
    return h


def fill(name, shape):
    n = int(np.prod(shape)) if len(shape) else 1
    with np.errstate(over="ignore"):
        x = np.uint64(fnv(name)) + np.arange(n, dtype=np.uint64)
        x = x + np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    u = (x >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1
    scale, middle = 0.5, 0.0
    if len(shape) > 1:
        scale = math.sqrt(3.0 / max(1, int(np.prod(shape[1:]))))
    elif name.endswith((".weight", ".running_var")):
        middle = 1.0
    return (middle + scale * u).astype(np.float32).reshape(shape)


ACTS = ["gelu_new", "relu", "gelu_10", "gelu_fast", "gelu_python", "gelu_pytorch_tanh", "gelu_python_tanh",
        "gelu_accurate", "laplace", "leaky_relu", "linear", "mish", "prelu", "quick_gelu", "relu2", "relu6",
        "sigmoid", "silu", "swish", "tanh"]

# Two configurations or more per type; the later ones differ in everything that changes the graph.
PLAIN = dict(vocab_size=97, hidden_size=30, num_hidden_layers=2, num_attention_heads=3, intermediate_size=37,
             max_position_embeddings=41, type_vocab_size=3, layer_norm_eps=1e-5, num_labels=5)
RELATIVE = dict(vocab_size=89, hidden_size=28, num_hidden_layers=3, num_attention_heads=7, intermediate_size=50,
                max_position_embeddings=23, type_vocab_size=1, layer_norm_eps=1e-3, num_labels=3,
                position_embedding_type="relative_key_query", is_decoder=True, tie_word_embeddings=False)
KEY = dict(vocab_size=61, hidden_size=36, num_hidden_layers=1, num_attention_heads=2, intermediate_size=19,
           max_position_embeddings=29, type_vocab_size=2, num_labels=4, position_embedding_type="relative_key")
CAUSAL = dict(PLAIN, is_decoder=True, num_attention_heads=5, hidden_size=35, num_labels=7)
ROBERTA = dict(PLAIN, pad_token_id=1, max_position_embeddings=43)
ROBERTA2 = dict(RELATIVE, pad_token_id=4, max_position_embeddings=33)
ROBERTA3 = dict(CAUSAL, pad_token_id=0, type_vocab_size=1)
DISTIL = dict(vocab_size=97, dim=30, n_layers=2, n_heads=3, hidden_dim=37, max_position_embeddings=41, num_labels=5)
DISTIL2 = dict(vocab_size=53, dim=42, n_layers=1, n_heads=7, hidden_dim=29, max_position_embeddings=19, num_labels=3,
               tie_word_embeddings=False, sinusoidal_pos_embds=True)
ALBERT = dict(PLAIN, embedding_size=17, num_hidden_layers=5, num_hidden_groups=2)
ALBERT2 = dict(RELATIVE, embedding_size=31, num_hidden_layers=4, num_hidden_groups=2, inner_group_num=2, is_decoder=False)
ALBERT3 = dict(KEY, embedding_size=36, num_hidden_layers=3)
CONFIGS = {
    "bert": [PLAIN, RELATIVE, KEY, CAUSAL],
    "ernie": [PLAIN, dict(RELATIVE, use_task_id=True, task_type_vocab_size=4), dict(PLAIN, use_task_id=True)],
    "roberta": [ROBERTA, ROBERTA2, ROBERTA3],
    "camembert": [ROBERTA, ROBERTA2],
    "xlm-roberta": [ROBERTA2, ROBERTA3],
    "xlm-roberta-xl": [ROBERTA, ROBERTA2, ROBERTA3],
    "data2vec-text": [ROBERTA, ROBERTA2],
    "electra": [dict(PLAIN, embedding_size=13), dict(RELATIVE, embedding_size=28, summary_type="mean", summary_activation=None),
                dict(CAUSAL, embedding_size=9, summary_type="last", summary_use_proj=False, summary_activation="tanh"),
                dict(KEY, embedding_size=11, summary_type="cls_index", summary_activation="relu")],
    "albert": [ALBERT, ALBERT2, ALBERT3],
    "distilbert": [DISTIL, DISTIL2],
}
# Decoders: the second and third differ in what changes the graph.
GPT2 = dict(vocab_size=97, n_embd=30, n_layer=2, n_head=3, n_positions=41, num_labels=5, n_inner=37)
GPT2_SCALED = dict(vocab_size=53, n_embd=28, n_layer=3, n_head=7, n_positions=33, num_labels=3, scale_attn_by_inverse_layer_idx=True,
                   reorder_and_upcast_attn=True, tie_word_embeddings=False, layer_norm_epsilon=1e-3, pad_token_id=3)
GPT2_BARE = dict(GPT2, scale_attn_weights=False, n_inner=None, n_head=5, n_layer=1, pad_token_id=96)
GPTJ = dict(vocab_size=97, n_embd=30, n_layer=2, n_head=3, n_positions=41, num_labels=5, n_inner=37, rotary_dim=6)
GPTJ2 = dict(vocab_size=53, n_embd=24, n_layer=1, n_head=4, n_positions=33, num_labels=3, rotary_dim=6, tie_word_embeddings=True,
             layer_norm_epsilon=1e-3, pad_token_id=7)
GPT_NEO = dict(vocab_size=97, hidden_size=30, num_layers=3, num_heads=3, max_position_embeddings=41, intermediate_size=37, window_size=3,
               num_labels=5, pad_token_id=5, attention_types=[[["global", "local"], 1], [["local"], 1]])
GPT_NEO2 = dict(vocab_size=53, hidden_size=28, num_layers=4, num_heads=7, max_position_embeddings=33, window_size=5, num_labels=3,
                layer_norm_epsilon=1e-3, tie_word_embeddings=False, pad_token_id=0, attention_types=[[["local", "global"], 2]])
BLOOM = dict(vocab_size=97, hidden_size=30, n_layer=2, n_head=3, num_labels=5)
BLOOM2 = dict(vocab_size=53, hidden_size=44, n_layer=2, n_head=11, num_labels=3, apply_residual_connection_post_layernorm=True,
              layer_norm_epsilon=1e-3, tie_word_embeddings=False, pad_token_id=2)
BLOOM3 = dict(vocab_size=31, hidden_size=32, n_layer=1, n_head=8, num_labels=4, slow_but_exact=True, pretraining_tp=2)
CONFIGS.update({"gpt2": [GPT2, GPT2_SCALED, GPT2_BARE], "gptj": [GPTJ, GPTJ2], "gpt-neo": [GPT_NEO, GPT_NEO2],
                "bloom": [BLOOM, BLOOM2, BLOOM3]})
# Encoder-decoders, of unequal depth.
BART = dict(vocab_size=97, d_model=30, encoder_layers=2, decoder_layers=1, encoder_attention_heads=3, decoder_attention_heads=5,
            encoder_ffn_dim=37, decoder_ffn_dim=41, max_position_embeddings=41, num_labels=5)
BART2 = dict(vocab_size=53, d_model=28, encoder_layers=1, decoder_layers=2, encoder_attention_heads=7, decoder_attention_heads=2,
             encoder_ffn_dim=50, decoder_ffn_dim=19, max_position_embeddings=33, num_labels=3, scale_embedding=True,
             tie_word_embeddings=False, eos_token_id=7)
T5 = dict(vocab_size=97, d_model=30, d_kv=7, d_ff=37, num_layers=2, num_decoder_layers=1, num_heads=3)
T5_GATED = dict(vocab_size=53, d_model=28, d_kv=6, d_ff=50, num_layers=1, num_decoder_layers=2, num_heads=2,
                relative_attention_num_buckets=6, relative_attention_max_distance=9, feed_forward_proj="gated-gelu",
                tie_word_embeddings=False, layer_norm_epsilon=1e-3)
T5_SILU = dict(T5, feed_forward_proj="gated-silu", num_decoder_layers=None, relative_attention_num_buckets=8,
               relative_attention_max_distance=20)
CONFIGS.update({"bart": [BART, BART2], "t5": [T5, T5_GATED, T5_SILU], "mt5": [T5_GATED, dict(T5, tie_word_embeddings=True)]})
# Images: sizes that leave a rest when cut into patches, windows and halves.
VIT = dict(hidden_size=30, num_hidden_layers=2, num_attention_heads=3, intermediate_size=37, image_size=18, patch_size=4, num_channels=3,
           num_labels=5, layer_norm_eps=1e-5)
VIT2 = dict(VIT, hidden_size=28, num_attention_heads=7, image_size=[12, 20], patch_size=[3, 5], num_channels=2, qkv_bias=False,
            num_labels=3, layer_norm_eps=1e-3)
BEIT = dict(VIT, use_relative_position_bias=True)
BEIT2 = dict(VIT, image_size=16, use_absolute_position_embeddings=True, use_shared_relative_position_bias=True, use_mean_pooling=False,
             layer_scale_init_value=0, num_labels=3, use_mask_token=True)
BEIT3 = dict(VIT, image_size=[12, 20], use_relative_position_bias=True, use_shared_relative_position_bias=True)
RESNET = dict(num_channels=3, embedding_size=10, hidden_sizes=[12, 20, 28], depths=[1, 2, 1], num_labels=5)
RESNET2 = dict(num_channels=2, embedding_size=6, hidden_sizes=[6, 14], depths=[2, 1], layer_type="basic", num_labels=3,
               downsample_in_first_stage=True)
RESNET3 = dict(RESNET, downsample_in_bottleneck=True, hidden_sizes=[8, 16, 24])
CONVNEXT = dict(num_channels=3, hidden_sizes=[10, 14, 18], depths=[1, 2, 1], num_stages=3, image_size=32, num_labels=5)
CONVNEXT2 = dict(num_channels=2, patch_size=3, hidden_sizes=[6, 10], depths=[1, 1], num_stages=2, layer_scale_init_value=0,
                 layer_norm_eps=1e-3, num_labels=3, image_size=21)
SWIN = dict(num_channels=3, embed_dim=12, depths=[2, 2], num_heads=[3, 4], window_size=3, image_size=32, num_labels=5, mlp_ratio=2.5)
SWIN2 = dict(num_channels=2, patch_size=3, embed_dim=10, depths=[2, 1, 2], num_heads=[2, 5, 4], window_size=3, image_size=30, num_labels=3,
             qkv_bias=False, layer_norm_eps=1e-3)
SEGFORMER = dict(num_channels=3, num_encoder_blocks=3, depths=[1, 2, 1], sr_ratios=[4, 2, 1], hidden_sizes=[6, 10, 12], patch_sizes=[7, 3, 3],
                 strides=[4, 2, 2], num_attention_heads=[1, 2, 3], mlp_ratios=[2, 3, 4], decoder_hidden_size=14, num_labels=5)
SEGFORMER2 = dict(num_channels=2, num_encoder_blocks=2, depths=[1, 1], sr_ratios=[3, 2], hidden_sizes=[8, 9], patch_sizes=[5, 2],
                  strides=[3, 2], num_attention_heads=[4, 3], mlp_ratios=[4, 1], decoder_hidden_size=11, num_labels=3)
LEARNED = dict(hidden_act="prelu")  # has a parameter, under the name of the class's member
CONFIGS.update({"vit": [VIT, VIT2, dict(VIT, **LEARNED)], "beit": [BEIT, BEIT2, BEIT3], "resnet": [RESNET, RESNET2, RESNET3],
                "convnext": [CONVNEXT, CONVNEXT2], "convnextv2": [CONVNEXT, CONVNEXT2], "swin": [SWIN, SWIN2, dict(SWIN, **LEARNED)],
                "segformer": [SEGFORMER, SEGFORMER2, dict(SEGFORMER, **LEARNED)]})
CLIP = dict(text_config=dict(vocab_size=97, hidden_size=30, intermediate_size=37, num_hidden_layers=2, num_attention_heads=3,
                             max_position_embeddings=23, eos_token_id=96, pad_token_id=1),
            vision_config=dict(hidden_size=28, intermediate_size=50, num_hidden_layers=1, num_attention_heads=7, num_channels=3,
                               image_size=18, patch_size=4),
            projection_dim=11)
CLIP2 = dict(text_config=dict(vocab_size=53, hidden_size=20, intermediate_size=19, num_hidden_layers=1, num_attention_heads=2,
                              max_position_embeddings=17, eos_token_id=2, hidden_act="gelu", layer_norm_eps=1e-3),
             vision_config=dict(hidden_size=36, intermediate_size=40, num_hidden_layers=2, num_attention_heads=3, num_channels=2,
                                image_size=15, patch_size=5, hidden_act="relu", layer_norm_eps=1e-4),
             projection_dim=17)
DETR_BACKBONE = dict(model_type="resnet", num_channels=3, embedding_size=10, hidden_sizes=[12, 16, 20, 28], depths=[1, 1, 2, 1],
                     out_features=["stage1", "stage2", "stage3", "stage4"])
DETR = dict(use_timm_backbone=False, backbone=None, use_pretrained_backbone=False, backbone_config=DETR_BACKBONE, d_model=32, num_queries=7, encoder_layers=2, decoder_layers=1,
            encoder_attention_heads=8, decoder_attention_heads=2, encoder_ffn_dim=37, decoder_ffn_dim=41, num_labels=5)
DETR2 = dict(DETR, backbone_config=dict(DETR_BACKBONE, layer_type="basic", hidden_sizes=[10, 12, 14, 18], num_channels=2), num_channels=2,
             d_model=64, encoder_attention_heads=8, decoder_attention_heads=16, decoder_layers=2, position_embedding_type="learned", auxiliary_loss=True,
             num_labels=3, activation_function="gelu")
DETR_TIMM = dict(use_timm_backbone=True, backbone="resnet18", use_pretrained_backbone=False, d_model=32, num_queries=5,
                 encoder_layers=1, decoder_layers=1, encoder_attention_heads=8, decoder_attention_heads=2, encoder_ffn_dim=37,
                 decoder_ffn_dim=41, num_labels=4)
CONFIGS.update({"clip": [CLIP, CLIP2], "detr": [DETR, DETR2, DETR_TIMM, dict(DETR_TIMM, backbone="resnet50", dilation=True)]})
TROCR = dict(vocab_size=97, d_model=30, decoder_layers=2, decoder_attention_heads=5, decoder_ffn_dim=41, max_position_embeddings=41)
TROCR2 = dict(vocab_size=53, d_model=28, decoder_layers=1, decoder_attention_heads=7, decoder_ffn_dim=19, max_position_embeddings=33,
              use_learned_position_embeddings=False, layernorm_embedding=False, scale_embedding=True, tie_word_embeddings=False,
              activation_function="relu")
CROSS = dict(add_cross_attention=True, is_decoder=True)
# encoder and decoder: their types and settings
PAIRS = [("vit", VIT, "gpt2", dict(GPT2_SCALED, **CROSS)), ("beit", BEIT, "bert", dict(PLAIN, **CROSS)),
         ("swin", SWIN, "roberta", dict(ROBERTA, **CROSS)), ("vit", VIT, "trocr", dict(TROCR, cross_attention_hidden_size=30)),
         ("swin", SWIN2, "bart", dict(BART, tie_word_embeddings=False)), ("vit", VIT2, "trocr", TROCR2)]
CONFIGS.update({"trocr": [TROCR, TROCR2], "vision-encoder-decoder": PAIRS})
# batch, sequence, choices, padding
SETS = [(3, 7, 2, "right"), (2, 11, 3, "left"), (1, 1, 1, "none"), (4, 5, 2, "holes")]
# the past's length in each set, and the encoder's and decoder's
PASTS = [4, 0, 3, 9]
ENCODER = [9, 5, 1, 6]


def ragged(rng, rows, length, padding):
    """A mask of ones with zeros on a side, or as holes; the first token of a row with holes stays."""
    out = np.ones((rows, length), dtype=np.int64)
    for row in out:
        zeros = int(rng.integers(0, length)) if length else 0
        if padding == "right" and zeros:
            row[-zeros:] = 0
        elif padding == "left":
            row[:zeros] = 0
        elif padding == "holes":
            row[1:] = rng.integers(0, 2, length - 1)
    return out


def vocabulary(name, config):
    return {"input_ids": config.vocab_size, "decoder_input_ids": config.vocab_size,
            "token_type_ids": getattr(config, "type_vocab_size", 1),
            "task_type_ids": getattr(config, "task_type_vocab_size", 1)}[name]


def text_inputs(names, config, rng, n, multiple):
    batch, length, choices, padding = SETS[n]
    shape = (batch, choices, length) if multiple else (batch, length)
    out = {}
    for name in names:
        if name == "attention_mask":
            out[name] = ragged(rng, int(np.prod(shape[:-1])), length, padding).reshape(shape)
        else:
            out[name] = rng.integers(0, vocabulary(name, config), shape, dtype=np.int64)
    return out


def decoder_inputs(names, config, rng, n, multiple):
    """Text with a past before it, as past_key_values.{i}.key and .value."""
    batch, length, _, padding = SETS[n]
    past = PASTS[n]
    heads = getattr(config, "decoder_attention_heads", None) or config.num_attention_heads
    layers = getattr(config, "decoder_layers", None) or config.num_hidden_layers
    width = config.hidden_size // heads
    out = {"input_ids": rng.integers(0, config.vocab_size, (batch, length), dtype=np.int64)}
    for i in range(layers):
        for what in ("key", "value"):
            out[f"past_key_values.{i}.{what}"] = rng.standard_normal((batch, heads, past, width), dtype=np.float32)
    out["attention_mask"] = ragged(rng, batch, past + length, padding)
    return out


def seq2seq_inputs(names, config, rng, n, multiple):
    """Two sequences of different lengths; with a past, keys and values of both."""
    batch, length, _, padding = SETS[n]
    source, past = ENCODER[n], PASTS[n] if "past_key_values.{i}.decoder.key" in names else 0
    if multiple:
        source = length  # the class looks for the encoder's end tokens in the decoder's states
    heads = getattr(config, "decoder_attention_heads", None) or config.num_heads
    width = getattr(config, "d_kv", None) or config.d_model // heads
    ids = rng.integers(0, config.vocab_size, (batch, source), dtype=np.int64)
    if multiple:  # the class wants as many end tokens in every row
        ids[ids == config.eos_token_id] += 1
        ids[np.arange(batch), rng.integers(0, source, batch)] = config.eos_token_id
    out = {"input_ids": ids, "attention_mask": ragged(rng, batch, source, padding),
           "decoder_input_ids": rng.integers(0, config.vocab_size, (batch, length), dtype=np.int64),
           "decoder_attention_mask": ragged(rng, batch, past + length, padding)}
    if "past_key_values.{i}.decoder.key" in names:
        layers = getattr(config, "decoder_layers", None) or config.num_decoder_layers
        for i in range(layers):
            for what, n in (("decoder", past), ("encoder", source)):
                for part in ("key", "value"):
                    out[f"past_key_values.{i}.{what}.{part}"] = rng.standard_normal((batch, heads, n, width), dtype=np.float32)
    return out


# heights and widths of the sets where a model takes any
IMAGES = [(32, 32), (45, 38), (64, 33), (33, 70)]
FIXED = {"vit", "beit"}


def image_inputs(names, config, rng, n, multiple):
    size = IMAGES[n]
    if config.model_type in FIXED:
        size = config.image_size if isinstance(config.image_size, (list, tuple)) else (config.image_size,) * 2
    return {"pixel_values": rng.standard_normal((SETS[n][0], config.num_channels, *size), dtype=np.float32)}


def clip_inputs(names, config, rng, n, multiple):
    text = text_inputs(["input_ids", "attention_mask"], config.text_config, rng, n, False)
    size, batch = config.vision_config.image_size, [2, 3, 1, 1][n]
    image = rng.standard_normal((batch, config.vision_config.num_channels, size, size), dtype=np.float32)
    return {"input_ids": text["input_ids"], "pixel_values": image, "attention_mask": text["attention_mask"]}


def detr_inputs(names, config, rng, n, multiple):
    (height, width), batch = IMAGES[n], SETS[n][0]
    channels = config.num_channels if config.use_timm_backbone else config.backbone_config.num_channels
    mask = np.zeros((batch, height, width), dtype=np.int64)
    for i in range(batch):
        mask[i, :height if i == 0 else rng.integers(1, height + 1), :width if i == 0 else rng.integers(1, width + 1)] = 1
    return {"pixel_values": rng.standard_normal((batch, channels, height, width), dtype=np.float32), "pixel_mask": mask}


def pair_inputs(names, config, rng, n, multiple):
    batch, length, _, padding = SETS[n]
    out = image_inputs(names, config.encoder, rng, n, False)
    out.update(input_ids=rng.integers(0, config.decoder.vocab_size, (batch, length), dtype=np.int64),
               attention_mask=ragged(rng, batch, length, padding))
    return out


def run_pair(model, inputs, outputs):
    """The encoder, and the decoder on what it gave."""
    x = {k: torch.from_numpy(v) for k, v in inputs.items()}
    with torch.no_grad():
        states = copy.deepcopy(model.encoder)(x["pixel_values"])[0]
        logits = copy.deepcopy(model)(pixel_values=x["pixel_values"], decoder_input_ids=x["input_ids"],
                                      decoder_attention_mask=x["attention_mask"]).logits
    return {k: v.contiguous().numpy() for k, v in (("last_hidden_state", states), ("encoder_hidden_states", states), ("logits", logits))}


def run_model(model, inputs, outputs):
    """PyTorch's outputs under the table's names; pasts become a cache and its contents outputs."""
    from transformers.cache_utils import DynamicCache, EncoderDecoderCache
    tensors = {k: torch.from_numpy(v) for k, v in inputs.items()}
    past = [tensors.pop(k) for k in list(tensors) if k.startswith("past_key_values")]
    names = [k.replace("past_key_values", "present") for k in inputs if k.startswith("past_key_values")]
    if past:
        kind, each = (EncoderDecoderCache, 4) if "encoder" in names[-1] else (DynamicCache, 2)
        tensors["past_key_values"] = kind.from_legacy_cache(tuple(
            tuple(past[i:i + each]) for i in range(0, len(past), each)))
        tensors["use_cache"] = True
    with torch.no_grad():
        found = copy.deepcopy(model)(**tensors)  # a copy, since Swin's layers remember small images
    result = {k: found[k] for k in outputs if "{i}" not in k}
    if past:
        result.update(zip(names, (x for layer in found.past_key_values.to_legacy_cache() for x in layer)))
    return {k: v.contiguous().numpy() for k, v in result.items()}


def write_case(folder, model_class, config, row, rng, make=text_inputs):
    torch.manual_seed(0)
    config._attn_implementation = "eager"
    model = getattr(transformers, model_class)(config).eval()
    for c in [model.config] + ([model.decoder.config] if "graphs" in row else []):
        c.use_cache = False  # as the original exporter sets it for features without a past
    pad = config.pad_token_id
    if "ForSequence" in model_class and not pad:
        config.pad_token_id = 0  # as the original does for decoders without one
    names, seen = [], set()
    with torch.no_grad():
        for name, tensor in model.state_dict().items():
            if tensor.data_ptr() in seen and tensor.numel():
                continue
            seen.add(tensor.data_ptr())
            if not tensor.is_floating_point():
                continue
            names.append(name + "".join(f" {n}" for n in tensor.shape))
            tensor.copy_(torch.from_numpy(fill(name, tuple(tensor.shape))))
    tensors = {}
    for i in range(len(SETS)):
        special = "ForMultipleChoice" in model_class or "BartForSequence" in model_class
        inputs = make(list(row.get("inputs", ())), config, rng, i, special)
        for k, v in inputs.items():
            tensors[f"{i}.{k}"] = v
        run = run_pair if "graphs" in row else run_model
        for k, v in run(model, inputs, row.get("outputs")).items():
            assert not np.isnan(v).any(), (folder, k)
            tensors[f"{i}.{k}"] = v
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    config.architectures = [model_class]
    config.pad_token_id = pad
    config.save_pretrained(folder)
    with open(os.path.join(folder, "names.txt"), "w") as f:
        f.write("\n".join(names) + "\n")
    save_file(tensors, os.path.join(folder, "io.safetensors"))


ACT_KEY = {"distilbert": "activation", "gpt2": "activation_function", "gptj": "activation_function", "gpt-neo": "activation_function",
           "bart": "activation_function"}


def settings_of(kind, feature, n, turn):
    """A configuration's settings for one feature; every activation's turn comes."""
    settings = dict(CONFIGS[kind][n])
    if n and kind not in NO_ACT:
        settings.setdefault(ACT_KEY.get(kind, "hidden_act"), ACTS[turn % len(ACTS)])
    if feature == "question-answering":
        settings["num_labels"] = 2
    if kind == "ernie" and feature == "multiple-choice":
        settings["use_task_id"] = False  # the class does not flatten task_type_ids and fails
    return settings


NO_ACT = {"bloom", "t5", "mt5", "clip", "detr", "trocr"}


def config_class(kind):
    known = transformers.CONFIG_MAPPING
    return known[kind if kind in known else kind.replace("-", "_")]


def config_of(kind, feature, n, turn):
    if kind == "vision-encoder-decoder":
        encoder, a, decoder, b = PAIRS[n]
        return transformers.VisionEncoderDecoderConfig(
            encoder=dict(a, model_type=encoder), decoder=dict(b, model_type=decoder))
    return config_class(kind)(**settings_of(kind, feature, n, turn))


# What the original's table lacks: decoders that come only with an encoder.
TEXT_IN = {"input_ids": {"0": "batch", "1": "sequence"}, "attention_mask": {"0": "batch", "1": "sequence"}}
PAST_IN = {"input_ids": TEXT_IN["input_ids"], "past_key_values.{i}.key": {"0": "batch", "2": "past_sequence"},
           "past_key_values.{i}.value": {"0": "batch", "2": "past_sequence"},
           "attention_mask": {"0": "batch", "1": "past_sequence + sequence"}}
LOGITS = {"logits": {"0": "batch", "1": "sequence"}}
PRESENT = {f"present.{{i}}.{k}": {"0": "batch", "2": "past_sequence + sequence"} for k in ("key", "value")}
TROCR_ROW = {"model_class": "TrOCRForCausalLM", "default_opset": 11, "atol": 1e-5}
MORE = {"trocr": {"causal-lm": dict(TROCR_ROW, inputs=TEXT_IN, outputs=LOGITS),
                  "causal-lm-with-past": dict(TROCR_ROW, inputs=PAST_IN, outputs=dict(LOGITS, **PRESENT))}}


def maker(row, feature):
    if "graphs" in row:
        return pair_inputs
    if "decoder_input_ids" in row["inputs"]:
        return seq2seq_inputs
    if "pixel_mask" in row["inputs"]:
        return detr_inputs
    if "pixel_values" in row["inputs"]:
        return clip_inputs if "input_ids" in row["inputs"] else image_inputs
    return decoder_inputs if feature.endswith("-with-past") else text_inputs


def main():
    table = json.load(open(sys.argv[1]))
    table.update(MORE)
    known = os.path.join(GOLDEN, "table.json")
    kept = json.load(open(known)) if os.path.exists(known) else {}
    acts = 0
    for kind in sys.argv[2:] or CONFIGS:
        kept[kind] = table[kind]
        shutil.rmtree(os.path.join(GOLDEN, kind), ignore_errors=True)
        for feature, row in table[kind].items():
            for n in range(len(CONFIGS[kind])):
                config = config_of(kind, feature, n, acts)
                acts += n > 0
                rng = np.random.default_rng([n, fnv(kind + feature) % 1000003])
                write_case(os.path.join(GOLDEN, kind, f"{feature}-{n}"), row["model_class"], config, row, rng, maker(row, feature))
        print(kind)
    with open(known, "w") as f:
        json.dump(kept, f, indent=1)
        f.write("\n")


if __name__ == "__main__":
    main()
