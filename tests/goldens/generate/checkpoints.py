"""Files of weights as torch.save and safetensors write them, small, with the values that they hold.

Writes the files to `checkpoints/` and the values to `checkpoints.json`. Each file is saved in a folder with
the name that a model's has, so that a test can open the folder.
"""

import json
import os
import shutil
import zipfile
from collections import OrderedDict

import torch
from safetensors.torch import save_file

import common


def ramp(*shape, dtype=torch.float32):
    """Values that every floating type holds exactly."""
    count = torch.Size(shape).numel()
    return ((torch.arange(count) - count // 2) / 4).reshape(shape).to(dtype)


def many_kinds():
    """Types, layouts and containers that a state dict can have."""
    table = ramp(6, 4)
    whole = ramp(40)
    state = OrderedDict()
    state["f32"] = ramp(2, 3)
    state["f16"] = ramp(5, 2, dtype=torch.float16)
    state["bf16"] = ramp(3, 1, 2, dtype=torch.bfloat16)
    state["f64"] = ramp(4, dtype=torch.float64)
    state["i64"] = torch.arange(4).expand((1, -1))
    state["bool"] = torch.tensor([True, False])
    state["scalar"] = torch.tensor(-1.5)
    state["empty"] = torch.zeros(0, 3)
    state["tied"] = table
    state["tied.again"] = table
    state["transposed"] = table.t()
    state["permuted"] = ramp(2, 3, 4).permute(2, 0, 1)
    state["part"] = whole[7:19].reshape(3, 4)
    state["stepped"] = whole[1:30:5]
    state["parameter"] = torch.nn.Parameter(ramp(2, 2))
    # What nn.Module.state_dict leaves behind.
    state._metadata = OrderedDict([("", {"version": 1}), ("encoder", {"version": 1})])
    return state


class Malicious:
    """What runs a command wherever a pickle is executed."""

    def __reduce__(self):
        return (os.system, ("echo executed",))


def values(state):
    """Shapes, and the values of those that can be read."""
    held = {}
    for name, tensor in state.items():
        readable = tensor.dtype.is_floating_point
        held[name] = {
            "shape": list(tensor.shape),
            "values": tensor.float().flatten().tolist() if readable else None,
        }
    return held


def folder(name):
    path = common.output_folder() / "checkpoints" / name
    path.mkdir(parents=True)
    return path


def save_shards(path, name, save, first, second):
    """Two shards and their index, as save_pretrained names them."""
    stem, suffix = name.rsplit(".", 1)
    weight_map = {}
    for number, state in enumerate([first, second], 1):
        file = f"{stem}-{number:05}-of-00002.{suffix}"
        save(state, path / file)
        weight_map |= dict.fromkeys(state, file)
    index = {"metadata": {"total_size": 0}, "weight_map": weight_map}
    (path / f"{name}.index.json").write_text(json.dumps(index, indent=1) + "\n")


def main():
    shutil.rmtree(common.output_folder() / "checkpoints", ignore_errors=True)
    state = many_kinds()
    held = {}
    weights = "pytorch_model.bin"

    torch.save(state, folder("zip") / weights)
    torch.save(state, folder("protocol_4") / weights, pickle_protocol=4)
    torch.save(dict(state), folder("legacy") / weights, _use_new_zipfile_serialization=False)
    for name in ["zip", "protocol_4", "legacy"]:
        held[name] = values(state)

    first = {name: state[name] for name in ["f32", "bf16", "tied"]}
    second = {name: state[name] for name in ["f16", "scalar"]}
    save_shards(folder("shards"), weights, torch.save, first, second)
    held["shards"] = values({**first, **second})
    save_shards(folder("safetensors_shards"), "model.safetensors", save_file, first, second)
    held["safetensors_shards"] = values({**first, **second})
    save_file({**first, **second, "f64": state["f64"]}, folder("safetensors") / "model.safetensors")
    held["safetensors"] = values({**first, **second, "f64": state["f64"]})

    bad = {"f32": state["f32"], "bad": Malicious()}
    torch.save(bad, folder("malicious") / weights)
    torch.save(bad, folder("malicious_legacy") / weights, _use_new_zipfile_serialization=False)
    torch.save(state["f32"], folder("no_dictionary") / weights)
    torch.save({"steps": [1, 2.5, ("a", None)]}, folder("no_tensors") / weights)
    # The zip packed again by another program.
    source = zipfile.ZipFile(common.output_folder() / "checkpoints" / "shards" / "pytorch_model-00001-of-00002.bin")
    with zipfile.ZipFile(folder("compressed") / weights, "w", zipfile.ZIP_DEFLATED) as packed:
        for entry in source.infolist():
            packed.writestr(zipfile.ZipInfo(entry.filename), source.read(entry), zipfile.ZIP_DEFLATED)

    common.write("checkpoints.json", {"checkpoints": held}, ["torch", "safetensors"])


if __name__ == "__main__":
    main()
