"""The pictures that the Criterion benches use (`benches/src/lib.rs`), made here once more."""

import numpy as np

TWELVE_MEGAPIXELS = (4000, 3000)
ONE_MEGAPIXEL = (1024, 1024)


def draws(seed, count):
    """The first numbers of splitmix64, as float32 in [0, 1)."""
    with np.errstate(over="ignore"):
        z = np.uint64(seed) + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return (z >> np.uint64(40)).astype(np.float32) / np.float32(1 << 24)


def grid(size):
    """x of each column and y of each row, from 0 to 1."""
    width, height = size
    x = np.arange(width, dtype=np.float32) / np.float32(width)
    y = np.arange(height, dtype=np.float32) / np.float32(height)
    return x[None], y[:, None]


def photo(size):
    """(height, width, 3) RGB: smooth waves and the noise of a photo."""
    width, height = size
    x, y = grid(size)
    grain = 12 * (draws(1, width * height).reshape(height, width) - np.float32(0.5))
    waves = [127.5 + 110 * np.sin(speed * (x + 0.5 * y * y)) + grain for speed in (9, 14, 23)]
    return np.stack(waves, -1).clip(0, 255).astype(np.uint8)


def matte(size):
    """(height, width) alpha in [0, 1]: head and shoulders with a soft edge."""
    x, y = grid(size)
    x = x - np.float32(0.5)
    head, shoulders = 0.2 - np.hypot(x, y - 0.3), 0.45 - np.hypot(x, y - 1)
    return (0.5 + 40 * np.maximum(head, shoulders)).clip(0, 1).astype(np.float32)


def cut_out(size):
    """(height, width, 4): the photo where the matte is, nothing elsewhere."""
    alpha = np.round(matte(size) * 255).astype(np.uint8)
    return np.dstack([photo(size) * (alpha > 0)[..., None], alpha])
