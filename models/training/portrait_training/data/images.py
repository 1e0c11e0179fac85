"""Operations on batches of pictures, (batch, channels, height, width) of floats from 0 to 1."""

import numpy as np
import torch
from torch.nn import functional as F


def shaped(values, like):
    """A value for each picture, or for each and each channel, to multiply pictures by."""
    values = torch.as_tensor(values, dtype=like.dtype).to(like.device)
    return values.view(len(values), -1, 1, 1)


def blur(x, sigmas):
    """Gaussian blur with a deviation for each picture, in pixels."""
    sigmas = np.maximum(sigmas, 1e-3)
    batch, channels, height, width = x.shape
    radius = min(int(np.ceil(2.5 * sigmas.max())), height - 1, width - 1)
    at = np.arange(-radius, radius + 1)
    kernels = np.exp(-(at**2) / (2 * sigmas[:, None] ** 2))
    kernels = np.repeat(kernels / kernels.sum(1, keepdims=True), channels, 0)
    kernels = torch.as_tensor(kernels, dtype=x.dtype).to(x.device)
    x = x.reshape(1, batch * channels, height, width)
    x = F.pad(x, (radius, radius, radius, radius), mode="reflect")
    x = F.conv2d(x, kernels[:, None, None, :], groups=batch * channels)
    x = F.conv2d(x, kernels[:, None, :, None], groups=batch * channels)
    return x.view(batch, channels, height, width)


def wide_blur(x, sigmas):
    """A blur of many pixels, worked out at a quarter of the size."""
    small = blur(F.avg_pool2d(x, 4), sigmas / 4)
    return F.interpolate(small, x.shape[2:], mode="bilinear", align_corners=False)


def dilated(x, radius):
    """The largest value in the square window of 2 * radius + 1 pixels."""
    x = F.max_pool2d(x, (1, 2 * radius + 1), 1, (0, radius))
    return F.max_pool2d(x, (2 * radius + 1, 1), 1, (radius, 0))


def eroded(x, radius):
    return -dilated(-x, radius)


def filled(x, known):
    """Continues colours smoothly into the parts where `known`, (batch, 1, ...), is 0.

    Each level of a pyramid is the mean of what is known; where nothing is, the coarser level shows.
    """
    if min(x.shape[2:]) < 4:
        total = known.sum((2, 3), keepdim=True).clamp_min(1e-6)
        return ((x * known).sum((2, 3), keepdim=True) / total).expand_as(x)
    weight = F.avg_pool2d(known, 2, ceil_mode=True)
    coarse = F.avg_pool2d(x * known, 2, ceil_mode=True) / weight.clamp_min(1e-6)
    coarse = filled(coarse, (weight * 4).clamp_max(1))
    coarse = F.interpolate(coarse, x.shape[2:], mode="bilinear", align_corners=False)
    return x * known + coarse * (1 - known)


def cut_out(rgb, mask, softness):
    """A person's own colours and a soft alpha, from a photo and its hard mask.

    The edge of the mask still holds colours of the old background. So it moves inwards by about a
    pixel and becomes `softness` (a deviation in pixels for each picture) wide, and near it a pixel
    keeps its colour only as far as that is the colour of the inside and not a mixture with the
    colour of the outside.
    """
    inner = eroded(mask, 1)
    alpha = ((blur(inner, softness) - 0.1) / 0.8).clamp(0, 1)
    core = (eroded(mask, 3) > 0.9).to(rgb.dtype)
    inside = filled(rgb, core)
    outside = filled(rgb, (dilated(mask, 3) < 0.1).to(rgb.dtype))
    # How far the photo lies on the way from the outside's colour to the inside's.
    way = inside - outside
    share = ((rgb - outside) * way).sum(1, keepdim=True) / ((way**2).sum(1, keepdim=True) + 1e-3)
    own = torch.maximum(((share - 0.7) / 0.3).clamp(0, 1), core)
    return inside + own * (rgb - inside), alpha


def sample(x, matrices, side, outside="zeros", sizes=None):
    """Pictures of side x side pixels, each point looked up in `x` by an affine map.

    `matrices`: (batch, 2, 3), from pixels of the result to pixels of `x` (centres at .5).
    `outside`: "zeros", or "reflect" at the border of the first `sizes` (width, height) pixels.
    """
    device = x.device
    matrices = torch.as_tensor(matrices, dtype=torch.float32).to(device)
    at = torch.arange(side, device=device, dtype=torch.float32) + 0.5
    v, u = torch.meshgrid(at, at, indexing="ij")
    points = torch.stack([u, v, torch.ones_like(u)], -1).view(1, -1, 3)
    points = points @ matrices.transpose(1, 2)
    if outside == "reflect":
        sizes = torch.as_tensor(sizes, dtype=torch.float32).to(device)[:, None, :] - 1
        points = (points - 0.5).remainder(2 * sizes)
        points = sizes - (sizes - points).abs() + 0.5
    points = points * points.new_tensor([2 / x.shape[3], 2 / x.shape[2]]) - 1
    points = points.view(len(x), side, side, 2)
    return F.grid_sample(x, points, mode="bilinear", padding_mode="zeros", align_corners=False)


def sample_by_level(x, matrices, levels, side, process=None, **options):
    """`sample` from bytes, first reduced 2**level times against aliasing.

    `process`, if any, changes the reduced pictures first: called with them and their indices.
    """
    parts, indices = [], []
    for level in np.unique(levels):
        index = np.flatnonzero(levels == level)
        chosen = x[torch.from_numpy(index).to(x.device)].float() / 255
        if level:
            chosen = F.avg_pool2d(chosen, 2 ** int(level))
        if process:
            chosen = process(chosen, index)
        extra = dict(options)
        if "sizes" in extra:
            extra["sizes"] = extra["sizes"][index] / 2**level
        parts.append(sample(chosen, matrices[index] / 2**level, side, **extra))
        indices.append(index)
    order = torch.from_numpy(np.argsort(np.concatenate(indices))).to(x.device)
    return torch.cat(parts)[order]
