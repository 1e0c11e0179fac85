"""YOLOv8n for detection, with any number of classes."""

import math

import torch
from torch import nn
from torch.nn import functional as F

STRIDES = (8, 16, 32)
BINS = 16
WIDTHS = (16, 32, 64, 128, 256)  # of the maps at 1/2 to 1/32 in the nano size


class Conv(nn.Module):
    """Convolution, BatchNorm, SiLU; padded so that stride 1 keeps the size."""

    def __init__(self, inputs, outputs, kernel=1, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.03)

    def forward(self, x):
        return F.silu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    def __init__(self, channels, residual):
        super().__init__()
        self.cv1 = Conv(channels, channels, 3)
        self.cv2 = Conv(channels, channels, 3)
        self.residual = residual

    def forward(self, x):
        y = self.cv2(self.cv1(x))
        return x + y if self.residual else y


class C2f(nn.Module):
    """Half of the channels pass a chain of bottlenecks; every link of the chain is kept."""

    def __init__(self, inputs, outputs, repeats, residual):
        super().__init__()
        hidden = outputs // 2
        self.cv1 = Conv(inputs, 2 * hidden)
        self.cv2 = Conv((2 + repeats) * hidden, outputs)
        self.m = nn.ModuleList(Bottleneck(hidden, residual) for _ in range(repeats))

    def forward(self, x):
        parts = list(self.cv1(x).chunk(2, 1))
        for bottleneck in self.m:
            parts.append(bottleneck(parts[-1]))
        return self.cv2(torch.cat(parts, 1))


class Sppf(nn.Module):
    """Maxima over windows of 5, 9 and 13 pixels, by pooling thrice."""

    def __init__(self, channels):
        super().__init__()
        self.cv1 = Conv(channels, channels // 2)
        self.cv2 = Conv(2 * channels, channels)

    def forward(self, x):
        parts = [self.cv1(x)]
        for _ in range(3):
            parts.append(F.max_pool2d(parts[-1], 5, 1, 2))
        return self.cv2(torch.cat(parts, 1))


class Dfl(nn.Module):
    """Holds the constant ramp 0..15 under its published name."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(BINS, 1, 1, bias=False).requires_grad_(False)
        self.conv.weight.data.copy_(torch.arange(BINS).view(1, BINS, 1, 1))


class Detect(nn.Module):
    """Box distributions and class scores at three scales."""

    def __init__(self, channels, classes):
        super().__init__()
        box = max(16, channels[0] // 4, 4 * BINS)
        score = max(channels[0], min(classes, 100))

        def branch(inputs, hidden, outputs):
            last = nn.Conv2d(hidden, outputs, 1)
            return nn.Sequential(Conv(inputs, hidden, 3), Conv(hidden, hidden, 3), last)

        self.cv2 = nn.ModuleList(branch(c, box, 4 * BINS) for c in channels)
        self.cv3 = nn.ModuleList(branch(c, score, classes) for c in channels)
        self.dfl = Dfl()
        for boxes, scores, stride in zip(self.cv2, self.cv3, STRIDES):
            nn.init.constant_(boxes[-1].bias, 1.0)
            # About five objects of each picture of 640 pixels are expected at the start.
            nn.init.constant_(scores[-1].bias, math.log(5 / classes / (640 / stride) ** 2))

    def forward(self, features):
        """(batch, 64, anchors) logits of bins and (batch, classes, anchors) logits of classes."""
        boxes = [conv(x).flatten(2) for conv, x in zip(self.cv2, features)]
        scores = [conv(x).flatten(2) for conv, x in zip(self.cv3, features)]
        return torch.cat(boxes, 2), torch.cat(scores, 2)


class Upsample(nn.Module):
    def forward(self, x):
        return F.interpolate(x, scale_factor=2, mode="nearest")


class Join(nn.Module):
    """A placeholder for the layers that join two maps; it has no parameters."""


class Yolov8(nn.Module):
    """RGB in 0 to 1 with sides of multiples of 32 -> the two outputs of `Detect`."""

    def __init__(self, classes=1):
        super().__init__()
        c2, c4, c8, c16, c32 = WIDTHS
        self.classes = classes
        self.model = nn.ModuleList([
            Conv(3, c2, 3, 2),
            Conv(c2, c4, 3, 2),
            C2f(c4, c4, 1, True),
            Conv(c4, c8, 3, 2),
            C2f(c8, c8, 2, True),
            Conv(c8, c16, 3, 2),
            C2f(c16, c16, 2, True),
            Conv(c16, c32, 3, 2),
            C2f(c32, c32, 1, True),
            Sppf(c32),
            Upsample(),
            Join(),
            C2f(c32 + c16, c16, 1, False),
            Upsample(),
            Join(),
            C2f(c16 + c8, c8, 1, False),
            Conv(c8, c8, 3, 2),
            Join(),
            C2f(c8 + c16, c16, 1, False),
            Conv(c16, c16, 3, 2),
            Join(),
            C2f(c16 + c32, c32, 1, False),
            Detect((c8, c16, c32), classes),
        ])

    def forward(self, x):
        m = self.model
        join = lambda a, b: torch.cat([a, b], 1)
        p8 = m[4](m[3](m[2](m[1](m[0](x)))))
        p16 = m[6](m[5](p8))
        p32 = m[9](m[8](m[7](p16)))
        x16 = m[12](join(m[10](p32), p16))
        y8 = m[15](join(m[13](x16), p8))
        y16 = m[18](join(m[16](y8), x16))
        y32 = m[21](join(m[19](y16), p32))
        return m[22]([y8, y16, y32])


def anchors(height, width, device):
    """(anchors, 2) centres in cells and (anchors, 1) strides, finest scale first, row by row."""
    centres, strides = [], []
    for stride in STRIDES:
        h, w = height // stride, width // stride
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        centres.append(torch.stack([x.flatten(), y.flatten()], 1) + 0.5)
        strides.append(torch.full((h * w, 1), float(stride)))
    return torch.cat(centres).to(device), torch.cat(strides).to(device)


def boxes_from_bins(bins, centres, strides):
    """(batch, anchors, 4) boxes x1, y1, x2, y2 in pixels from (batch, 64, anchors) logits."""
    ramp = torch.arange(BINS, device=bins.device, dtype=torch.float32)
    spread = bins.float().view(len(bins), 4, BINS, -1).softmax(2)
    distances = torch.einsum("bsna,n->bas", spread, ramp)
    corners = torch.cat([centres - distances[..., :2], centres + distances[..., 2:]], -1)
    return corners * strides


def decode(outputs, height, width):
    """(batch, 4 + classes, anchors): centre x and y, width, height in pixels, probabilities."""
    bins, scores = outputs
    corners = boxes_from_bins(bins, *anchors(height, width, bins.device))
    centre = (corners[..., :2] + corners[..., 2:]) / 2
    boxes = torch.cat([centre, corners[..., 2:] - corners[..., :2]], -1)
    return torch.cat([boxes.transpose(1, 2), scores.float().sigmoid()], 1)
