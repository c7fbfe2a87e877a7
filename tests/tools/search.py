"""Looks for configurations on which the exporter and PyTorch disagree.

    python tests/tools/search.py features.json BUILD [--kinds gpt2,t5] [--n 20] [--seed 0] [--work FOLDER]

Draws N random configurations per type, writes a golden case for each (as golden.py does) and runs BUILD's golden test
over them. Prints the cases that differ; what Transformers itself refuses is skipped and counted. Needs what golden.py needs.
"""
import argparse, json, os, random, shutil, subprocess, tempfile
import numpy as np
import golden as G
import transformers

ACTS = G.ACTS + ["gelu"]


def pick(r, **choices):
    """One of each list; a function draws for itself; "-" leaves the key out."""
    drawn = {k: v(r) if callable(v) else r.choice(v) for k, v in choices.items()}
    return {k: v for k, v in drawn.items() if v != "-"}


def heads_and_width(r, heads="num_attention_heads", width="hidden_size", most=7, even=False, of=1):
    n = r.randint(1, most)
    w = r.randint(2, 9) * of
    return {heads: n, width: n * w * (2 if even and n * w % 2 else 1)}


def text(r):
    return dict(pick(r, vocab_size=[31, 53, 97], num_labels=[1, 2, 3, 5]))


def gpt2(r):
    return dict(text(r), **heads_and_width(r, "n_head", "n_embd"), **pick(
        r, n_layer=[1, 2, 3], n_positions=[24, 33], n_inner=["-", None, 7, 37], activation_function=ACTS,
        scale_attn_weights=[True, False], scale_attn_by_inverse_layer_idx=[True, False], reorder_and_upcast_attn=[True, False],
        layer_norm_epsilon=[1e-5, 1e-3], tie_word_embeddings=[True, False], pad_token_id=["-", 0, 3, 30], add_cross_attention=["-", False]))


def gptj(r):
    c = dict(text(r), **heads_and_width(r, "n_head", "n_embd"))
    width = c["n_embd"] // c["n_head"]
    return dict(c, rotary_dim=r.choice(range(2, width + 1, 2)), **pick(
        r, n_layer=[1, 2, 3], n_positions=[24, 33], n_inner=["-", None, 7, 37], activation_function=ACTS, layer_norm_epsilon=[1e-5, 1e-3],
        tie_word_embeddings=[True, False], pad_token_id=["-", 0, 3]))


def gpt_neo(r):
    kinds = [[r.choices(["global", "local"], k=r.randint(1, 3)), r.randint(1, 2)] for _ in range(r.randint(1, 2))]
    return dict(text(r), **heads_and_width(r, "num_heads"), attention_types=kinds, num_layers=sum(len(k) * n for k, n in kinds), **pick(
        r, window_size=[1, 2, 3, 5, 30], max_position_embeddings=[24, 33], intermediate_size=["-", None, 37], activation_function=ACTS,
        layer_norm_epsilon=[1e-5, 1e-3], tie_word_embeddings=[True, False], pad_token_id=[0, 3, 30]))


def bloom(r):
    n = r.randint(1, 17)
    return dict(text(r), n_head=n, hidden_size=n * r.choice([2, 4, 6]), **pick(
        r, n_layer=[1, 2, 3], layer_norm_epsilon=[1e-5, 1e-3], apply_residual_connection_post_layernorm=[True, False],
        tie_word_embeddings=[True, False], pad_token_id=["-", 0, 3], pretraining_tp=[1, 2], slow_but_exact=[True, False]))


def bart(r):
    a, b = r.choice([(3, 5), (1, 2), (2, 4), (6, 3), (1, 1)])
    return dict(text(r), d_model=a * b * r.choice([2, 3, 4]), encoder_attention_heads=a, decoder_attention_heads=b, **pick(
        r, encoder_layers=[1, 2, 3], decoder_layers=[1, 2, 3], encoder_ffn_dim=[7, 37], decoder_ffn_dim=[19, 41],
        max_position_embeddings=[24, 33], activation_function=ACTS, scale_embedding=[True, False], tie_word_embeddings=[True, False],
        eos_token_id=[2, 7]))


def t5(r):
    return dict(pick(
        r, vocab_size=[31, 97], d_model=[12, 30, 17], d_kv=[1, 3, 7, 16], d_ff=[11, 37], num_layers=[1, 2, 3],
        num_decoder_layers=["-", None, 1, 2, 3], num_heads=[1, 2, 3, 5], relative_attention_num_buckets=[4, 8, 16, 32],
        relative_attention_max_distance=[17, 20, 64, 128], tie_word_embeddings=[True, False], layer_norm_epsilon=[1e-6, 1e-3],
        feed_forward_proj=["relu", "gated-gelu", "gated-silu", "gelu", "gelu_new", "gated-relu", "silu"]))


def image(r):
    return pick(r, num_channels=[1, 2, 3, 4], num_labels=[1, 2, 3, 5])


def vit(r):
    return dict(image(r), **heads_and_width(r), **pick(
        r, num_hidden_layers=[1, 2, 3], intermediate_size=[11, 37], hidden_act=ACTS, layer_norm_eps=[1e-12, 1e-5, 1e-3],
        qkv_bias=[True, False], image_size=[18, 16, [12, 20], [21, 9]], patch_size=[4, 3, 8, [3, 5], [9, 9]]))


def beit(r):
    return dict(vit(r), **pick(
        r, use_absolute_position_embeddings=[True, False], use_relative_position_bias=[True, False],
        use_shared_relative_position_bias=[True, False], use_mean_pooling=[True, False], layer_scale_init_value=[0, 0.1],
        use_mask_token=[True, False], image_size=[18, 16, 12, [12, 20]], patch_size=[4, 3, 8]))


def resnet(r):
    n = r.randint(1, 4)
    return dict(image(r), depths=[r.randint(1, 3) for _ in range(n)], hidden_sizes=[4 * r.randint(1, 6) for _ in range(n)], **pick(
        r, embedding_size=[6, 8, 10], layer_type=["basic", "bottleneck"], hidden_act=ACTS, downsample_in_first_stage=[True, False],
        downsample_in_bottleneck=[True, False]))


def convnext(r):
    n = r.randint(1, 3)
    return dict(image(r), num_stages=n, depths=[r.randint(1, 3) for _ in range(n)], hidden_sizes=[r.randint(2, 12) for _ in range(n)], **pick(
        r, patch_size=[2, 3, 4], hidden_act=ACTS, layer_norm_eps=[1e-12, 1e-3], layer_scale_init_value=[0, 1e-6], image_size=[32, 21]))


def swin(r):
    n = r.randint(1, 3)
    base = r.choice([1, 2, 3])
    return dict(image(r), depths=[r.randint(1, 3) for _ in range(n)], num_heads=[base * r.choice([1, 2]) for _ in range(n)],
                embed_dim=base * 2 * r.randint(2, 5), **pick(
        r, window_size=[2, 3, 4], patch_size=[2, 3], image_size=[32, 30], mlp_ratio=[1.0, 2.5, 4.0], hidden_act=ACTS, qkv_bias=[True, False],
        layer_norm_eps=[1e-5, 1e-3]))


def segformer(r):
    n = r.randint(1, 3)
    heads = [r.randint(1, 4) for _ in range(n)]
    return dict(image(r), num_encoder_blocks=n, depths=[r.randint(1, 2) for _ in range(n)], num_attention_heads=heads,
                hidden_sizes=[h * r.randint(2, 6) for h in heads], sr_ratios=[r.choice([1, 1, 2]) for _ in range(n)],
                patch_sizes=[r.choice([3, 5]) for _ in range(n)], strides=[r.choice([2, 3, 1]) for _ in range(n)],
                mlp_ratios=[r.randint(1, 4) for _ in range(n)], **pick(
        r, hidden_act=ACTS, decoder_hidden_size=[7, 14], reshape_last_stage=["-", True], layer_norm_eps=[1e-6, 1e-3]))


def clip(r):
    return dict(text_config=dict(heads_and_width(r), **pick(
        r, vocab_size=[53, 97], intermediate_size=[11, 37], num_hidden_layers=[1, 2], max_position_embeddings=[17, 23], eos_token_id=[2, 52],
        hidden_act=ACTS, layer_norm_eps=[1e-5, 1e-3], pad_token_id=[1, 0])), vision_config=dict(heads_and_width(r), **pick(
            r, intermediate_size=[11, 37], num_hidden_layers=[1, 2], num_channels=[2, 3], image_size=[15, 18, 16], patch_size=[4, 5, 8],
            hidden_act=ACTS, layer_norm_eps=[1e-5, 1e-3])), projection_dim=r.choice([5, 11]))


def detr(r):
    common = dict(pick(r, num_labels=[1, 3, 5], d_model=[16, 32, 48], num_queries=[1, 5, 7], encoder_layers=[1, 2], decoder_layers=[1, 2],
                       encoder_ffn_dim=[11, 37], decoder_ffn_dim=[19, 41], activation_function=ACTS, auxiliary_loss=[True, False],
                       position_embedding_type=["sine", "learned"]), encoder_attention_heads=r.choice([8, 16]),
                  decoder_attention_heads=r.choice([1, 2, 4, 8]))
    if r.random() < 0.4:
        return dict(common, use_timm_backbone=True, use_pretrained_backbone=False, backbone=r.choice(["resnet18", "resnet34", "resnet50"]),
                    num_channels=r.choice([3, 1]), **({"dilation": True} if r.random() < 0.3 else {}))
    backbone = dict(resnet(r), model_type="resnet")
    backbone.pop("num_labels")
    n = len(backbone["depths"])
    backbone["out_features"] = [f"stage{i + 1}" for i in range(n)]
    return dict(common, use_timm_backbone=False, backbone=None, use_pretrained_backbone=False, backbone_config=backbone)


def trocr(r):
    n = r.randint(1, 5)
    return dict(pick(r, vocab_size=[53, 97], decoder_layers=[1, 2], decoder_ffn_dim=[19, 41], max_position_embeddings=[24, 33],
                     use_learned_position_embeddings=[True, False], layernorm_embedding=[True, False], scale_embedding=[True, False],
                     tie_word_embeddings=[True, False], activation_function=ACTS), decoder_attention_heads=n, d_model=2 * n * r.randint(2, 6))


def bert(r):
    return dict(text(r), **heads_and_width(r), **pick(
        r, num_hidden_layers=[1, 2], intermediate_size=[11, 37], max_position_embeddings=[33, 41], type_vocab_size=[1, 2], hidden_act=ACTS,
        layer_norm_eps=[1e-12, 1e-3], position_embedding_type=["absolute", "relative_key", "relative_key_query"],
        tie_word_embeddings=[True, False]))


def roberta(r):
    return dict(bert(r), pad_token_id=1)


def pair(r):
    encoder = r.choice(["vit", "beit", "swin"])
    decoder = r.choice(["gpt2", "bert", "roberta", "trocr", "bart", "xlm-roberta", "camembert", "electra", "ernie", "data2vec-text"])
    b = {"gpt2": gpt2, "trocr": trocr, "bart": bart, "bert": bert}.get(decoder, roberta)(r)
    b = dict(b, is_decoder=True, add_cross_attention=True)
    a = {"vit": vit, "beit": beit, "swin": swin}[encoder](r)
    b.pop("tie_word_embeddings", None) if decoder == "gpt2" else None
    return encoder, a, decoder, b


DRAW = {"gpt2": gpt2, "gptj": gptj, "gpt-neo": gpt_neo, "bloom": bloom, "bart": bart, "t5": t5, "mt5": t5, "vit": vit, "beit": beit,
        "resnet": resnet, "convnext": convnext, "convnextv2": convnext, "swin": swin, "segformer": segformer, "clip": clip, "detr": detr,
        "trocr": trocr, "bert": bert, "vision-encoder-decoder": pair}


def config_of(kind, feature, drawn):
    if kind == "vision-encoder-decoder":
        encoder, a, decoder, b = drawn
        return transformers.VisionEncoderDecoderConfig(encoder=dict(a, model_type=encoder), decoder=dict(b, model_type=decoder))
    if feature == "question-answering":
        drawn = dict(drawn, num_labels=2)
    return G.config_class(kind)(**drawn)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("table")
    p.add_argument("build")
    p.add_argument("--kinds", default=",".join(DRAW))
    p.add_argument("--n", type=int, default=20)
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--work")
    o = p.parse_args()
    work = o.work or tempfile.mkdtemp()
    table = dict(json.load(open(o.table)), **G.MORE)
    cases = os.path.join(work, "cases")
    shutil.rmtree(cases, ignore_errors=True)
    for kind in o.kinds.split(","):
        r, refused, written = random.Random(f"{o.seed} {kind}"), {}, 0
        for n in range(o.n):
            drawn = DRAW[kind](r)
            feature = r.choice(list(table[kind]))
            folder = os.path.join(cases, kind, f"{feature}-{n}")
            try:
                config = config_of(kind, feature, drawn)
                row = table[kind][feature]
                G.write_case(folder, row["model_class"], config, row, np.random.default_rng(n), G.maker(row, feature))
                written += 1
            except Exception as e:
                shutil.rmtree(folder, ignore_errors=True)
                text = f"{type(e).__name__}: {str(e)[:110]}"
                refused[text] = refused.get(text, 0) + 1
        print(f"{kind}: {written} written; Transformers refuses: {refused}", flush=True)
    subprocess.run([f"{o.build}/tests/golden", f"{o.build}/seed", cases, os.path.join(work, "run")])


if __name__ == "__main__":
    main()
