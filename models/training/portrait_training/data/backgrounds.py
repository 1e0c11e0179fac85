"""What is behind people: photos emptied of them, and pictures made of nothing."""

import numpy as np
import torch
from torch.nn import functional as F

from .images import blur, dilated, filled, sample, shaped, wide_blur
from .photometric import chosen, some


def emptied(rgb, mask, sizes, rng):
    """Photos without their person: covered by other parts of the photo, the rest by smooth colour.

    `sizes` (batch, 2): width and height of the photos in the padded pictures.
    """
    hole = dilated((mask > 0.02).to(rgb.dtype), 7)
    smooth = filled(rgb, 1 - hole)
    shift = np.tile(np.eye(2, 3), (len(rgb), 1, 1))
    shift[:, 0, 2] = sizes[:, 0] * rng.uniform(0.3, 0.7, len(rgb))
    moved = sample(torch.cat([rgb, hole], 1), shift, rgb.shape[3], "reflect", sizes)
    texture = shaped(rng.random(len(rgb)) < 0.6, rgb) * (1 - moved[:, 3:])
    cover = smooth + texture * (moved[:, :3] - smooth)
    edge = blur(hole, np.full(len(rgb), 3.0))
    return rgb + edge * (cover - rgb)


def octaves(count, channels, side, rng, device):
    """Smooth noise of several scales, about -1 to 1."""
    total, scale = 0, 1.0
    roughness = rng.uniform(0.3, 0.9)
    cells = int(rng.integers(2, 6))
    while cells < side:
        field = torch.from_numpy(rng.normal(0, 1, (count, channels, cells, cells))).float().to(device)
        total = total + scale * F.interpolate(field, (side, side), mode="bicubic", align_corners=True)
        cells, scale = cells * 2, scale * roughness
        if scale < 0.02 or cells > 256:
            break
    return total / total.flatten(1).std(1).clamp_min(1e-3).view(-1, 1, 1, 1) / 2


def procedural(count, side, rng, device):
    """Gradients, clouds, stripes and tiles in random colours."""
    def colour():
        value = rng.uniform(0, 1, (count, 3, 1, 1))
        grey = value.mean(1, keepdims=True)
        value = grey + rng.uniform(0, 1, (count, 1, 1, 1)) * (value - grey)  # Walls are rarely vivid.
        return torch.from_numpy(value).float().to(device)

    draw = lambda low, high: shaped(rng.uniform(low, high, count), at)
    at = torch.linspace(-1, 1, side, device=device)
    y, x = torch.meshgrid(at, at, indexing="ij")
    y, x = y.expand(count, 1, -1, -1), x.expand(count, 1, -1, -1)
    angle = draw(0, 2 * np.pi)
    along = x * angle.cos() + y * angle.sin()
    across = y * angle.cos() - x * angle.sin()
    warp = octaves(count, 1, side, rng, device)
    radial = ((x - draw(-1, 1)) ** 2 + (y - draw(-1, 1)) ** 2).sqrt()
    stripes = torch.tanh(4 * torch.sin(along * draw(3, 40) + draw(0, 1.5) * warp))
    tiles = stripes * torch.tanh(4 * torch.sin(across * draw(3, 40)))
    plain = along + draw(0, 0.4) * warp
    patterns = torch.stack([plain, radial, warp, stripes, tiles])
    which = torch.from_numpy(rng.choice(5, count, p=(0.3, 0.2, 0.25, 0.15, 0.1))).to(device)
    pattern = patterns[which, torch.arange(count, device=device)]
    picture = torch.lerp(colour(), colour(), (pattern / 2 + 0.5).clamp(0, 1))
    grain = octaves(count, 3, side, rng, device)
    return (picture + draw(0, 0.15) * grain).clamp(0, 1)


def shuffled(x, rng):
    """Pictures cut into tiles in another order."""
    parts = int(rng.choice((2, 4, 8)))
    count, channels, height, width = x.shape
    tiles = x.view(count, channels, parts, height // parts, parts, width // parts)
    tiles = tiles.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    tiles = tiles[:, torch.from_numpy(rng.permutation(parts**2)).to(x.device)]
    tiles = tiles.view(count, parts, parts, channels, height // parts, width // parts)
    return tiles.permute(0, 3, 1, 4, 2, 5).reshape(x.shape)


def varied(x, rng):
    """Some out of focus, some shuffled."""
    count = len(x)
    x = some(x, chosen(rng, count, 0.08), lambda part: shuffled(part, rng))
    sigmas = lambda part: np.exp(rng.uniform(np.log(2), np.log(14), len(part)))
    return some(x, chosen(rng, count, 0.3), lambda part: wide_blur(part, sigmas(part)))
