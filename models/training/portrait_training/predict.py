"""The trained networks on photos, with the pre- and post-processing of the Rust program."""

import tomllib
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F
from torchvision.ops import nms

from .networks import BiRefNet, BirefnetConfig, Yolov8, decode
from .networks.birefnet import TRAINING_ONLY

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def normalised(pictures):
    """From 0 to 1, to what BiRefNet takes."""
    mean, deviation = (pictures.new_tensor(v).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
    return (pictures - mean) / deviation


def tensor_of(photo):
    """(1, 3, height, width) of 0 to 1 from a Pillow picture or an array."""
    return torch.from_numpy(np.array(photo)).permute(2, 0, 1)[None].float() / 255


def load_network(folder):
    """The network of a model folder (manifest.toml, model.safetensors), and its input side."""
    folder = Path(folder)
    about = tomllib.loads((folder / "manifest.toml").read_text())
    shape = about["architecture"]
    if about["family"] == "yolov8":
        network = Yolov8(shape["classes"])
    else:
        fields = {k: v for k, v in shape.items() if k not in ("patch_order", "swin")}
        network = BiRefNet(BirefnetConfig(**fields, **shape["swin"]))
    values = {key: value.float() for key, value in load_file(folder / about["file"]).items()}
    missing = network.load_state_dict(values, strict=False).missing_keys
    computed = ("relative_position_index", "num_batches_tracked")
    missing = [k for k in missing if not k.endswith(computed) and not k.startswith(TRAINING_ONLY)]
    if missing:
        raise KeyError(f"{folder}: {len(missing)} tensors are missing, such as {missing[0]}")
    return network.eval(), about["input"]["width"]


class Runner:
    """A network with the side of its input, on a device."""

    def __init__(self, network, side, device="cpu"):
        self.network, self.side, self.device = network.eval().to(device), side, device

    @classmethod
    def load(cls, folder):
        return cls(*load_network(folder))


class Segmenter(Runner):
    @torch.no_grad()
    def mattes(self, pictures):
        """Mattes (n, 1, height, width) of pictures of 0 to 1, a list of (1, 3, height, width)."""
        size = (self.side, self.side)
        stretch = lambda x: F.interpolate(x.to(self.device), size, mode="bilinear", antialias=True)
        batch = normalised(torch.cat([stretch(picture) for picture in pictures]))
        mattes = self.network(batch).float().sigmoid()
        resize = lambda x, like: F.interpolate(x, like.shape[2:], mode="bilinear", align_corners=True)
        return [resize(mattes[i : i + 1], picture) for i, picture in enumerate(pictures)]

    def matte(self, photo):
        """(height, width) of 0 to 1 as an array, of a Pillow picture."""
        return self.mattes([tensor_of(photo)])[0][0, 0].cpu().numpy()


class Detector(Runner):
    @torch.no_grad()
    def boxes(self, picture, threshold):
        """(n, 5) x1, y1, x2, y2 in pixels and score, of one picture (1, 3, height, width)."""
        height, width = picture.shape[2:]
        ratio = self.side / max(height, width)
        size = [max(1, round(height * ratio)), max(1, round(width * ratio))]
        resized = F.interpolate(picture.to(self.device), size, mode="bilinear", align_corners=False)
        free = [(self.side - length) % 32 for length in size]
        left, top = free[1] // 2, free[0] // 2
        margins = (left, free[1] - left, top, free[0] - top)
        padded = F.pad(resized, margins, value=114 / 255)
        output = decode(self.network(padded), *padded.shape[2:])[0].T
        output = output[output[:, 4] >= threshold]
        corners = torch.cat([output[:, :2] - output[:, 2:4] / 2, output[:, :2] + output[:, 2:4] / 2], 1)
        keep = nms(corners, output[:, 4], 0.7)[:300]
        corners = (corners[keep] - corners.new_tensor([left, top, left, top])) / ratio
        limits = corners.new_tensor([width, height, width, height])
        corners = torch.minimum(corners.clamp_min(0), limits)
        return torch.cat([corners, output[keep, 4:5]], 1).cpu()

    def find(self, photo, threshold=0.25):
        return self.boxes(tensor_of(photo), threshold).tolist()


def person_crop(box, size, context=0.25):
    """x0, y0, x1, y1 of what the segmenter sees of a person: the box with room around it."""
    x0, y0, x1, y1 = box
    room = round(context * max(x1 - x0, y1 - y0))
    return max(0, x0 - room), max(0, y0 - room), min(size[0], x1 + room), min(size[1], y1 + room)
