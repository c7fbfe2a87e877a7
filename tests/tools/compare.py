"""compare.py MODEL.onnx IO.safetensors: ONNX Runtime against stored outputs, within 1e-5."""
import json, struct, sys
import numpy as np
import onnxruntime as ort

data = open(sys.argv[2], "rb").read()
n = struct.unpack("<Q", data[:8])[0]
io = {k: np.frombuffer(data[8 + n :][slice(*v["data_offsets"])], {"F32": np.float32, "I64": np.int64}[v["dtype"]]).reshape(v["shape"])
      for k, v in json.loads(data[8 : 8 + n]).items() if k != "__metadata__"}
session = ort.InferenceSession(sys.argv[1])
names = [i.name for i in session.get_inputs()]
sets = 0
while f"{sets}.{names[0]}" in io:
    for o, found in zip(session.get_outputs(), session.run(None, {k: io[f"{sets}.{k}"] for k in names})):
        np.testing.assert_allclose(found, io[f"{sets}.{o.name}"], rtol=1e-5, atol=1e-5)
    sets += 1
assert sets
