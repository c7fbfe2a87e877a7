"""Writes tests/data/tensorflow: golden cases' weights as real TensorFlow models save them.

    pip install tensorflow-cpu==2.18.1 tf-keras==2.18.0 transformers==4.57.6 torch==2.13.0 h5py pillow scipy
    python tests/tools/tf_fixtures.py SEED      (the program "seed" of the build)

A folder CASE holds what save_pretrained writes for tests/golden/CASE: tf_model.h5, shards with their index, or
safetensors. TensorFlow's own outputs are held to PyTorch's here, so that the weights are known to have arrived.
"""
import os, sys
os.environ.update(TF_USE_LEGACY_KERAS="1", TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
import inspect, shutil, subprocess, tempfile
import numpy as np
import torch
import transformers
from safetensors.numpy import load_file

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN, DATA = os.path.join(HERE, "..", "golden"), os.path.join(HERE, "..", "data", "tensorflow")
WHOLE, SHARDS, SAFE = dict(safe_serialization=False), dict(safe_serialization=False, max_shard_size="40KB"), dict(safe_serialization=True)
CASES = {
    "albert/masked-lm-0": ("TFAlbertForMaskedLM", WHOLE), "bart/seq2seq-lm-0": ("TFBartForConditionalGeneration", SHARDS),
    "bert/default-0": ("TFBertModel", WHOLE), "bert/masked-lm-0": ("TFBertForMaskedLM", SHARDS), "clip/default-0": ("TFCLIPModel", WHOLE),
    "convnextv2/image-classification-0": ("TFConvNextV2ForImageClassification", WHOLE),
    "electra/token-classification-0": ("TFElectraForTokenClassification", SAFE), "gpt2/causal-lm-0": ("TFGPT2LMHeadModel", WHOLE),
    "resnet/image-classification-0": ("TFResNetForImageClassification", WHOLE),
    "segformer/semantic-segmentation-0": ("TFSegformerForSemanticSegmentation", WHOLE),
    "swin/image-classification-0": ("TFSwinForImageClassification", WHOLE), "t5/seq2seq-lm-0": ("TFT5ForConditionalGeneration", WHOLE),
    "vit/image-classification-0": ("TFViTForImageClassification", SAFE),
}


def checked(model, case):
    """The largest difference to PyTorch's outputs over the stored input sets."""
    io = load_file(f"{GOLDEN}/{case}/io.safetensors")
    worst, sets = 0.0, 0
    while any(k.startswith(f"{sets}.") for k in io):
        known = {k.split(".", 1)[1]: v for k, v in io.items() if k.startswith(f"{sets}.")}
        wanted = {k: v for k, v in known.items() if k in inspect.signature(model.call).parameters}
        try:
            out = model(wanted, training=False)
        except Exception as e:  # some classes reject sizes that PyTorch's take
            print(f"  input set {sets}: {type(e).__name__}")
            sets += 1
            continue
        for name, expected in known.items():
            # not text_embeds: TensorFlow's CLIP pools padded texts in another place
            if name in ("logits", "last_hidden_state", "image_embeds"):
                difference = np.abs(out[name].numpy() - expected)
                mask = known.get("decoder_attention_mask", known.get("attention_mask"))
                if mask is not None and mask.shape == difference.shape[:2]:  # padding is each framework's own affair
                    difference = difference[mask == 1]
                worst = max(worst, float(difference.max()))
        sets += 1
    return worst


for case, (name, how) in CASES.items():
    with tempfile.TemporaryDirectory() as t:
        shutil.copy(f"{GOLDEN}/{case}/config.json", t)
        subprocess.run([sys.argv[1], f"{GOLDEN}/{case}/names.txt", f"{t}/seeded.safetensors"], check=True)
        weights = {k: torch.from_numpy(v) for k, v in load_file(f"{t}/seeded.safetensors").items()}
        if "predictions.bias" in weights:  # the one that TensorFlow's class adds
            weights["predictions.decoder.bias"] = weights["predictions.bias"]
        torch.save(weights, f"{t}/pytorch_model.bin")
        os.remove(f"{t}/seeded.safetensors")
        model = getattr(transformers, name).from_pretrained(t, from_pt=True)
        to = f"{DATA}/{case}"
        shutil.rmtree(to, ignore_errors=True)
        model.save_pretrained(to, **how)
        os.remove(f"{to}/config.json")  # the golden case's serves
        for extra in ("generation_config.json",):
            if os.path.exists(f"{to}/{extra}"):
                os.remove(f"{to}/{extra}")
        worst = checked(model, case)
        print(f"{case}: {sorted(os.listdir(to))}, TensorFlow differs from PyTorch by {worst:.2g}", flush=True)
        assert worst < 1e-3, case
