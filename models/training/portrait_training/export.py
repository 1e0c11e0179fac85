"""Writes a trained network as a model folder: model.safetensors in F16, and manifest.toml.

    python -m portrait_training.export --run runs/segmentation --out ../birefnet-nano

The averaged weights are taken, with their BatchNorm statistics; what only training needs is left
out. Then the Rust command runs the folder, and its output must be that of PyTorch.
"""

import argparse
import hashlib
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from . import rust
from .networks import Yolov8, decode
from .networks.birefnet import TRAINING_ONLY
from .paths import command
from .predict import load_network
from .state import load_state
from .tasks import TASKS

SKIPPED = ("relative_position_index", "num_batches_tracked")
# What the photos of the packs are.
TRAINING_DATA = (
    "Scenes made of 811 street photos (Clothing Co-Parsing), 1,296 portraits (EG1800), 144 backgrounds (70 of "
    "them sample images of ImageNet), and 276 cut-outs of things and animals (Tux Paint's stamps); every tenth "
    "photo by file name order is held out"
)
NOTICE = (
    "Trained from scratch for this project; the weights come under the licence of the code. The photos of "
    "Clothing Co-Parsing and EG1800 were published in two repositories under Apache-2.0, but are by third "
    "parties (those of EG1800 come from Flickr with no licence stated for each); the backgrounds are 78 "
    "sample images of ImageNet (70 of the 144 trained on), whose terms are not stated, and desktop backgrounds of "
    "Linux distributions, CC0 in part, mixed or unstated in part. The things and animals are stamps of Tux "
    "Paint, a collection under GPL-2.0. Whether that restricts the weights is not known."
)
SUMMARIES = {
    "segmentation": "BiRefNet with small widths, for people, {side} by {side}",
    "detection": "YOLOv8 nano with one class, person",
}
# Largest difference between PyTorch and Rust with the same F16 values: of logits, or of pixels and scores.
TOLERANCE = {"segmentation": (1e-3,), "detection": (2e-2, 1e-4)}


LARGE = 1e3  # variance of what a BatchNorm sees


def moderated(values):
    """The same network, but what a BatchNorm sees is no larger than F16 can hold.

    Training does not care how large that is, since the norm divides by it: the convolution before it is
    divided by as much. (The constant that the norm adds to the variance is too small to matter.)
    """
    values = dict(values)
    for name, variance in list(values.items()):
        if not name.endswith(".running_var") or variance.max() <= LARGE:
            continue
        norm = name.removesuffix(".running_var")
        conv = convolution_before(norm, values)
        factor = (LARGE / variance.float().clamp(min=LARGE)).sqrt()
        values[name] = variance.float() * factor**2
        values[f"{norm}.running_mean"] = values[f"{norm}.running_mean"].float() * factor
        values[f"{conv}.weight"] = values[f"{conv}.weight"].float() * factor[:, None, None, None]
        if f"{conv}.bias" in values:
            values[f"{conv}.bias"] = values[f"{conv}.bias"].float() * factor
    return values


def convolution_before(norm, values):
    """The name of the convolution whose result this BatchNorm takes."""
    parent, _, name = norm.rpartition(".")
    if name.isdigit():
        names = [str(int(name) - 1)]
    else:
        names = [name.replace("bn", "conv"), "atrous_conv", "atrous_conv.regular_conv"]
    found = [f"{parent}.{name}" for name in names if f"{parent}.{name}.weight" in values]
    if not found:
        raise ValueError(f"no convolution before {norm}")
    return found[0]


def exported(values):
    """Name -> F16 tensor of what inference needs."""
    result = {}
    for name, value in moderated(values).items():
        if name.endswith(SKIPPED) or name.startswith(TRAINING_ONLY):
            continue
        half = value.half().contiguous()
        if not half.isfinite().all():
            raise ValueError(f"{name} has values that F16 cannot hold, up to {value.abs().max():.3g}")
        result[name] = half
    return result


def described(task, scores):
    """One line of the held-out quality for the manifest."""
    keys = ("iou", "mae") if task == "segmentation" else ("ap50",)
    shown = {"iou": "IoU", "mae": "MAE", "ap50": "AP50"}
    parts = []
    for name, values in scores.items():
        if keys[0] in values and not name.endswith("crop"):
            numbers = ", ".join(f"{shown[key]} {values[key]:.3f}" for key in keys)
            parts.append(f"{name}: {numbers}")
    return "Held-out photos at the size of the packs: " + "; ".join(parts)


def manifest_text(task, network, side, path, quality):
    data = path.read_bytes()
    lines = [f"summary = {rust.toml(SUMMARIES[task].format(side=side))}"]
    lines += ['file = "model.safetensors"', 'dtype = "f16"', f"size = {len(data)}"]
    lines += [f'sha256 = "{hashlib.sha256(data).hexdigest()}"']
    if quality:
        lines += [f"quality = {rust.toml(quality)}"]
    lines += [f"training_data = {rust.toml(TRAINING_DATA)}"]
    lines += ["", "[licence]", 'spdx = "MIT OR Apache-2.0"', f"notice = {rust.toml(NOTICE)}", ""]
    return rust.manifest(TASKS[task].model_id, network, side, "\n".join(lines))


@torch.no_grad()
def check(task, folder):
    """Compares PyTorch and the Rust command on noise; returns the differences."""
    network, side = load_network(folder)
    torch.manual_seed(0)
    noise = torch.rand(1, 3, side, side)
    if task == "detection":
        wanted = decode(network(noise), side, side)
    else:
        noise = noise * 4 - 2
        wanted = network(noise)
    difference = (rust.run(folder, noise) - wanted).abs()
    if task == "detection":
        return difference[:, :4].max().item(), difference[:, 4:].max().item()
    return (difference.max().item(),)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, required=True, help="folder of the training")
    parser.add_argument("--out", type=Path, required=True, help="model folder")
    parser.add_argument("--quality", help="for the manifest, instead of the run's own scores")
    parser.add_argument("--side", type=int, help="of the input, where it is not the usual one")
    options = parser.parse_args(arguments)

    state = load_state(options.run)
    if state is None:
        parser.error(f"{options.run} holds no state.pt: train first")
    task = state["task"]
    side = options.side or TASKS[task].schedules[state["settings"]["schedule"]].side
    quality, file = options.quality, options.run / "quality.json"
    if not quality and file.is_file():
        measured = json.loads(file.read_text())
        if measured.get("side") != side:
            parser.error(
                f"{file} was measured at a side of {measured.get('side', 'unknown size')}, not {side}: "
                f"measure it again with portrait_training.evaluate --run {options.run} --side {side}, or give --quality"
            )
        quality = described(task, measured["scores"])
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "model.safetensors"
    save_file(exported(state["ema"]), path)
    network = Yolov8(1) if task == "detection" else TASKS[task].build(state["settings"])
    (options.out / "manifest.toml").write_text(manifest_text(task, network, side, path, quality))
    print(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    if not command().is_file():
        print(f"NOT CHECKED against Rust: no {command()}; cargo build --release, or set PORTRAIT_COMMAND")
        return
    differences = check(task, options.out)
    print("largest difference from the Rust command:", ", ".join(f"{d:.2e}" for d in differences))
    if any(got > limit for got, limit in zip(differences, TOLERANCE[task])):
        raise SystemExit(f"more than {TOLERANCE[task]}: do not publish this file")


if __name__ == "__main__":
    main()
