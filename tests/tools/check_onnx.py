"""ONNX's own checker, with full shape inference, over every .onnx file below the folders given.

Also: every dimension that the table calls symbolic must be so, and no output may have a rank or a
constant that inference contradicts (full_check does that).
"""
import os, sys
import onnx

passed = failed = 0
for root in sys.argv[1:]:
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            if not name.endswith(".onnx"):
                continue
            path = os.path.join(folder, name)
            try:
                onnx.checker.check_model(path, full_check=True)
                model = onnx.load(path, load_external_data=False)
                for port in model.graph.input:
                    for axis, dim in enumerate(port.type.tensor_type.shape.dim):
                        if not dim.dim_param:
                            raise ValueError(f"input {port.name}, axis {axis} is a constant")
                passed += 1
            except Exception as why:
                failed += 1
                print(f"not ok {path}: {why}")
print(f"{passed} passed, {failed} failed")
sys.exit(bool(failed or not passed))
