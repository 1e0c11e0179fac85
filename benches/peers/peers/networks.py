"""The networks as PyTorch modules, with reproducible weights or those of a file."""

import math
from dataclasses import dataclass

import torch
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from . import paths  # noqa: F401 (finds the library)
from portrait_training import reproducible
from portrait_training.networks import BiRefNet, BirefnetConfig, Yolov8
from portrait_training.networks.yolov8 import C2f, Conv, Detect, Join, Sppf, Upsample, anchors

BINS = 16


@dataclass(frozen=True)
class Network:
    """`model` is the folder of its manifest; `half` stores weights in float16, for everybody."""

    model: str
    half: bool
    build: object


class SizedYolov8(Yolov8):
    """Any size of YOLOv8: `depth` and `width` multiply repeats and channels (at most `most`)."""

    def __init__(self, depth, width, most, classes=80):
        nn.Module.__init__(self)
        self.classes = classes
        c2, c4, c8, c16, c32 = (
            math.ceil(min(channels, most) * width / 8) * 8 for channels in (64, 128, 256, 512, 1024)
        )
        three, six = (max(1, round(repeats * depth)) for repeats in (3, 6))
        self.model = nn.ModuleList([
            Conv(3, c2, 3, 2), Conv(c2, c4, 3, 2), C2f(c4, c4, three, True),
            Conv(c4, c8, 3, 2), C2f(c8, c8, six, True),
            Conv(c8, c16, 3, 2), C2f(c16, c16, six, True),
            Conv(c16, c32, 3, 2), C2f(c32, c32, three, True), Sppf(c32),
            Upsample(), Join(), C2f(c32 + c16, c16, three, False),
            Upsample(), Join(), C2f(c16 + c8, c8, three, False),
            Conv(c8, c8, 3, 2), Join(), C2f(c8 + c16, c16, three, False),
            Conv(c16, c16, 3, 2), Join(), C2f(c16 + c32, c32, three, False),
            Detect((c8, c16, c32), classes),
        ])


SWIN_L = BirefnetConfig(192, (2, 2, 18, 2), (6, 12, 24, 48), 12, "aspp-deformable", 64, 256, 64)

NETWORKS = {
    "yolov8n": Network("yolov8n", False, lambda: SizedYolov8(0.33, 0.25, 1024)),
    "yolov8m": Network("yolov8m", False, lambda: SizedYolov8(0.67, 0.75, 768)),
    "birefnet-lite": Network("birefnet-lite", False, lambda: BiRefNet(BirefnetConfig.lite())),
    # Its checkpoints are published in float16.
    "birefnet-swin-l": Network("birefnet", True, lambda: BiRefNet(SWIN_L)),
}


class FusedConv(nn.Module):
    """A convolution with BatchNorm folded in, and SiLU in place."""

    def __init__(self, conv):
        super().__init__()
        self.conv = fuse_conv_bn_eval(conv.conv.eval(), conv.bn.eval())

    def forward(self, x):
        return F.silu(self.conv(x), inplace=True)


def fuse(module):
    """Folds BatchNorm throughout, as Ultralytics does before it predicts."""
    for name, child in module.named_children():
        if isinstance(child, Conv):
            setattr(module, name, FusedConv(child))
        else:
            fuse(child)
    return module


class Detector(nn.Module):
    """YOLOv8 with its outputs decoded as its makers do: (batch, 4 + classes, anchors)."""

    def __init__(self, network, side):
        super().__init__()
        self.network = network
        centres, strides = anchors(side, side, torch.device("cpu"))
        self.register_buffer("centres", centres.T[None], persistent=False)
        self.register_buffer("strides", strides.T, persistent=False)

    def forward(self, image):
        bins, scores = self.network(image)
        spread = bins.view(len(bins), 4, BINS, -1).transpose(1, 2).softmax(1)
        distances = self.network.model[22].dfl.conv(spread)[:, 0]
        start, end = self.centres - distances[:, :2], self.centres + distances[:, 2:]
        boxes = torch.cat([(start + end) / 2, end - start], 1) * self.strides
        return torch.cat([boxes, scores.sigmoid()], 1)


def reproducible_state(network):
    """Parameter name -> tensor, as a checkpoint of the network has them."""
    network = NETWORKS[network]
    state = reproducible.fill(network.build()).state_dict()
    convert = lambda x: x.half() if network.half and x.is_floating_point() else x
    return {name: convert(value).contiguous() for name, value in state.items()}


def load(case, checkpoint):
    """The module of a case in evaluation mode, in float32, from a file of weights."""
    with torch.device("meta"):
        module = NETWORKS[case.network].build()
    module.load_state_dict(load_file(checkpoint), assign=True)
    module = module.float().eval()
    return Detector(fuse(module), case.side).eval() if case.detects else module


def network_input(case):
    """The input: noise in [-2, 2) for BiRefNet, in [0, 1) for YOLOv8."""
    values = torch.from_numpy(reproducible.tensor("input", (1, 3, case.side, case.side)))
    return (values / 2 + 1) / 2 if case.detects else values
