"""ONNX's own checker, with full shape inference, over the golden test's files: FOLDER/type/feature-N/opset-M/*.onnx.

Also: inputs and outputs are the table's, in its order, and every input axis that the table calls symbolic is so. Channels are
the weights' own number; height and width are the configuration's where a model has learned its positions.
"""
import json, os, sys
import onnx

TABLE = json.load(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "table.json")))
ONE_SIZE = {"vit", "beit", "clip"}


def ports(rows, config):
    """The table's rows, those of every layer written out where {i} stands: by what the graph has."""
    layers = [config[k] for k in ("decoder_layers", "num_decoder_layers", "num_hidden_layers", "n_layer", "num_layers") if config.get(k)]
    plain, repeated = [(k, v) for k, v in rows.items() if "{i}" not in k], [(k, v) for k, v in rows.items() if "{i}" in k]
    each = [(k.format(i=i), v) for i in range(layers[0] if layers else 0) for k, v in repeated]
    at = next((n for n, k in enumerate(rows) if "{i}" in k), len(plain))
    return plain[:at] + each + plain[at:]


def check(path):
    kind, case, _, name = path.split(os.sep)[-4:]
    config = json.load(open(os.path.join(os.path.dirname(path), "..", "config.json")))
    row = TABLE[kind][case.rsplit("-", 1)[0]]
    if "graphs" in row:
        row = row["graphs"][name]
    onnx.checker.check_model(path, full_check=True)
    graph = onnx.load(path, load_external_data=False).graph
    for side in ("input", "output"):
        found, expected = [p.name for p in getattr(graph, side)], [k for k, _ in ports(row[side + "s"], config)]
        assert found == expected, f"{side}s {found}, expected {expected}"
    sizes = {"num_channels"} | ({"height", "width"} if {kind, config.get("encoder", {}).get("model_type")} & ONE_SIZE else set())
    for port, (name, axes) in zip(graph.input, ports(row["inputs"], config)):
        for axis, label in axes.items():
            dim = port.type.tensor_type.shape.dim[int(axis)]
            assert bool(dim.dim_param) != (label in sizes), f"input {name}, axis {axis} ({label}): {dim}"


def main():
    passed = failed = 0
    for root in sys.argv[1:]:
        for folder, _, names in sorted(os.walk(root)):
            for path in sorted(os.path.join(folder, n) for n in names if n.endswith(".onnx")):
                try:
                    check(path)
                    passed += 1
                except Exception as why:
                    failed += 1
                    print(f"not ok {path}: {type(why).__name__} {why}")
    print(f"{passed} passed, {failed} failed")
    return bool(failed or not passed)


sys.exit(main())
