"""What cameras do to colours and pixels: light, tint, blur, few pixels, noise, JPEG."""

import numpy as np
import torch
from torch.nn import functional as F

from .images import blur, shaped

LUMA = (0.299, 0.587, 0.114)
# The quantisation tables of the JPEG standard (ITU T.81, annex K.1).
LUMA_TABLE = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56
14 17 22 29 51 87 80 62 18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92
49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
CHROMA_TABLE = """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99
47 66 99 99 99 99 99 99""" + 32 * " 99"


def grey(x):
    return (x * x.new_tensor(LUMA).view(1, 3, 1, 1)).sum(1, keepdim=True)


def colours(x, rng, strength=1.0):
    """Random brightness, contrast, gamma, saturation and tint of each picture."""
    count = len(x)
    draw = lambda spread, width=1: shaped(np.exp(rng.normal(0, spread * strength, (count, width))), x)
    x = x.clamp(1e-4, 1) ** draw(0.25)
    x = x * draw(0.15) * draw(0.06, 3)
    mean = grey(x).mean((2, 3), keepdim=True)
    x = mean + (x - mean) * draw(0.18)
    luma = grey(x)
    saturation = np.exp(rng.normal(0, 0.25 * strength, count))
    saturation[rng.random(count) < 0.05 * strength] = 0  # black and white
    x = luma + (x - luma) * shaped(saturation, x)
    return x.clamp(0, 1)


def light(x, rng):
    """Uneven and coloured light: a smooth field over each picture."""
    strength = shaped(rng.uniform(0, 0.35, len(x)) * (rng.random(len(x)) < 0.5), x)
    field = x.new_tensor(rng.normal(0, 1, (len(x), 1, 3, 3)) + rng.normal(0, 0.25, (len(x), 3, 3, 3)))
    field = F.interpolate(field, x.shape[2:], mode="bicubic", align_corners=True)
    return (x * torch.exp(strength * field)).clamp(0, 1)


def chosen(rng, count, share):
    """Indices of a random part of the pictures."""
    return np.flatnonzero(rng.random(count) < share)


def some(x, index, change):
    """Replaces some of the pictures."""
    if len(index):
        x = x.clone()
        at = torch.from_numpy(index).to(x.device)
        x[at] = change(x[at])
    return x


def few_pixels(x, factor):
    """The look of a small picture that was enlarged."""
    size = [max(8, round(side / factor)) for side in x.shape[2:]]
    small = F.interpolate(x, size, mode="bilinear", align_corners=False, antialias=True)
    mode = "bicubic" if factor < 3 else "bilinear"
    return F.interpolate(small, x.shape[2:], mode=mode, align_corners=False).clamp(0, 1)


def sharpened(x, rng):
    amount = shaped(rng.uniform(0.2, 1.2, len(x)), x)
    return (x + amount * (x - blur(x, np.full(len(x), 1.0)))).clamp(0, 1)


def noise(x, rng, generator):
    """Noise of the sensor, more of it in bright parts, sometimes coarse-grained."""
    count = len(x)
    field = torch.randn(x.shape, generator=generator, device=x.device)
    coarse = F.interpolate(field[..., ::2, ::2], x.shape[2:], mode="bilinear", align_corners=False)
    field = torch.where(shaped(rng.random(count) < 0.3, x) > 0, coarse, field)
    same = shaped(rng.random(count) < 0.3, x) > 0
    field = torch.where(same, field[:, :1], field)
    sigma = shaped(np.exp(rng.uniform(np.log(0.004), np.log(0.08), count)), x)
    return (x + sigma * field * (0.5 + x).sqrt()).clamp(0, 1)


def dct_matrix(like):
    k = torch.arange(8, dtype=like.dtype)
    matrix = torch.cos((2 * k[None, :] + 1) * k[:, None] * torch.pi / 16) / 2
    matrix[0] /= 2**0.5
    return matrix.to(like.device)


def quantised(plane, table, qualities):
    """8x8 blocks of one channel through the cosine transform, rounded by the JPEG tables."""
    scale = np.where(qualities < 50, 5000 / qualities, 200 - 2 * qualities)[:, None]
    table = np.array(table.split(), dtype=np.float64)[None]
    steps = plane.new_tensor(np.clip((table * scale + 50) // 100, 1, 255) / 255)
    steps = steps.view(-1, 1, 1, 8, 8)
    matrix = dct_matrix(plane)
    count, _, height, width = plane.shape
    blocks = plane.view(count, height // 8, 8, width // 8, 8).transpose(2, 3)
    values = matrix @ blocks @ matrix.T
    blocks = matrix.T @ ((values / steps).round() * steps) @ matrix
    return blocks.transpose(2, 3).reshape(plane.shape)


def jpeg(x, qualities):
    """What JPEG with halved colour resolution leaves; sides are multiples of 16."""
    r, g, b = x[:, :1], x[:, 1:2], x[:, 2:]
    y = grey(x)
    chroma = torch.cat([(b - y) / 1.772, (r - y) / 1.402], 1)
    chroma = F.avg_pool2d(chroma, 2)
    y = quantised(y - 0.5, LUMA_TABLE, qualities) + 0.5
    cb = quantised(chroma[:, :1], CHROMA_TABLE, qualities)
    cr = quantised(chroma[:, 1:], CHROMA_TABLE, qualities)
    chroma = F.interpolate(torch.cat([cb, cr], 1), x.shape[2:], mode="bilinear", align_corners=False)
    b, r = y + 1.772 * chroma[:, :1], y + 1.402 * chroma[:, 1:]
    g = (y - LUMA[0] * r - LUMA[2] * b) / LUMA[1]
    return torch.cat([r, g, b], 1).clamp(0, 1)


def camera(x, rng, generator):
    """All of it, in the order of a camera and its user."""
    count = len(x)
    x = colours(light(x, rng), rng, 0.8)
    index = chosen(rng, count, 0.2)
    x = some(x, index, lambda part: blur(part, np.exp(rng.uniform(np.log(0.4), np.log(2.5), len(part)))))
    index = chosen(rng, count, 0.15)
    factor = float(rng.uniform(1.3, 4))
    x = some(x, index, lambda part: few_pixels(part, factor))
    x = some(x, chosen(rng, count, 0.15), lambda part: sharpened(part, rng))
    x = some(x, chosen(rng, count, 0.35), lambda part: noise(part, rng, generator))
    x = some(x, chosen(rng, count, 0.45), lambda part: jpeg(part, rng.uniform(20, 92, len(part))))
    return x
