"""Runs a network by the Rust command: a manifest and safetensors in, a tensor out."""

import json
import subprocess
import tempfile
from pathlib import Path

from safetensors.torch import load_file, save_file

from .paths import command


def toml(value):
    """A value as TOML writes it (JSON's strings, numbers and lists are TOML too)."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def architecture(network):
    """The lines of `[architecture]` for a network of this program."""
    config = getattr(network, "config", None)
    if config is None:
        return f'[architecture]\nvariant = "n"\nclasses = {network.classes}\n'
    lines = ["[architecture]", 'patch_order = "colour-slowest"']
    fields = ["decoder_attention", "decoder_inter_channels", "aspp_channels"]
    if config.patch_inter_channels != 64:  # the width of every published network
        fields.append("patch_inter_channels")
    lines += [f"{field} = {toml(getattr(config, field))}" for field in fields]
    lines += ["", "[architecture.swin]"]
    fields = ("embed_dim", "depths", "heads", "window")
    lines += [f"{field} = {toml(getattr(config, field))}" for field in fields]
    return "\n".join(lines) + "\n"


SMALLEST = """summary = "A test"
file = "model.safetensors"

[licence]
spdx = "MIT"
notice = "A test."
"""


def manifest(model_id, network, side, extra=""):
    """The text of a manifest.toml whose weights lie beside it in model.safetensors.

    `extra` is the part between the summary and `[input]`; by default only what is obligatory.
    """
    family = "birefnet" if hasattr(network, "config") else "yolov8"
    extra = extra or SMALLEST
    return (
        f'id = "{model_id}"\nfamily = "{family}"\n{extra}\n'
        f"[input]\nwidth = {side}\nheight = {side}\n\n{architecture(network)}"
    )


def run(folder, tensor):
    """What the Rust command computes with the model in a folder from an input tensor."""
    with tempfile.TemporaryDirectory() as work:
        given, made = Path(work) / "input.safetensors", Path(work) / "output.safetensors"
        save_file({"input": tensor.contiguous()}, given)
        arguments = ["tensor", "--model", folder, "--input", given, "--output", made]
        arguments += ["--device", "cpu", "--quiet"]
        subprocess.run([str(command()), *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)
        return load_file(made)["output"]


def run_network(network, tensor):
    """The same for a network in memory, by a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        (folder / "manifest.toml").write_text(manifest("test", network, tensor.shape[-1]))
        save_file(
            {name: value.contiguous() for name, value in network.state_dict().items()},
            folder / "model.safetensors",
        )
        return run(folder, tensor)
