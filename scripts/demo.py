"""Sentence similarity with the exported all-MiniLM-L6-v2: tokenize, run, mean over the real tokens, cosine."""
import sys
import numpy as np
from tokenizers import Tokenizer

PAIRS = [
    ("A man is playing a guitar.", "Someone plays an instrument."),
    ("The export is as fast as copying the weights.", "Converting the model takes no longer than a file copy."),
    ("A man is playing a guitar.", "The stock market fell sharply today."),
]

tokenizer = Tokenizer.from_file(sys.argv[2] + "/tokenizer.json")
tokenizer.enable_padding()
try:
    from onnxruntime import InferenceSession
except ImportError:  # slower, and everywhere
    from onnx.reference import ReferenceEvaluator as InferenceSession
session = InferenceSession(sys.argv[1])


def embed(sentences):
    rows = tokenizer.encode_batch(list(sentences))
    mask = np.array([r.attention_mask for r in rows])
    inputs = {"input_ids": np.array([r.ids for r in rows]), "attention_mask": mask,
              "token_type_ids": np.array([r.type_ids for r in rows])}
    hidden = session.run(["last_hidden_state"], inputs)[0]
    mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
    return mean / np.linalg.norm(mean, axis=1, keepdims=True)


print("\ncosine similarity, computed from the ONNX file:")
for a, b in PAIRS:
    x, y = embed((a, b))
    print(f"  {float(x @ y):6.3f}  {a} | {b}")
