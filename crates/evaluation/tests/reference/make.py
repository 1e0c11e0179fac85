"""Prints the expected numbers of tests/golden.rs, from the metrics' other implementations.

    pip install pysodmetrics==1.6.2
    python crates/evaluation/tests/reference/make.py salient

prints S-measure and weighted F-measure of PySODMetrics, and, where the training program's packages
are installed (models/training),

    PYTHONPATH=models/training python crates/evaluation/tests/reference/make.py training

prints IoU, MAE, boundary IoU and the boxes' scores of `portrait_training.metrics`. tests/golden.rs
makes the same inputs by the same integer formulas.
"""

import sys

import numpy as np

TOP = 65535  # value of a field where it is 1


class Noise:
    """Numerical Recipes' generator; the upper bits are used."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state * 1664525 + 1013904223) % 2**32
        return self.state >> 8

    def below(self, n):
        return self.next() % n


class Fields:
    """Integer fields (height, width) from 0 to TOP."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.y, self.x = np.mgrid[:height, :width].astype(np.int64)

    def disc(self, cx, cy, r, soft):
        """Middle, radius and half width of the edge in half pixels."""
        d = (2 * self.x + 1 - cx) ** 2 + (2 * self.y + 1 - cy) ** 2
        if soft == 0:
            return np.where(d <= r * r, TOP, 0)
        edge = 4 * r * soft
        return np.clip(r * r - d + edge // 2, 0, edge) * TOP // edge

    def ramp(self):
        return TOP * self.x // (self.width - 1)

    def noise(self, seed):
        noise = Noise(seed)
        flat = [noise.next() >> 8 for _ in range(self.width * self.height)]
        return np.array(flat, np.int64).reshape(self.height, self.width)

    def flat(self, value):
        return np.full((self.height, self.width), value, np.int64)


def mixed(a, b):
    return (3 * a + b) // 4


def cases():
    """Name, matte, truth."""
    f = Fields(64, 64)
    yield "soft edge", f.disc(64, 64, 40, 6), f.disc(64, 64, 40, 0)
    f = Fields(63, 47)
    yield "shifted", f.disc(70, 44, 32, 3), f.disc(60, 50, 30, 0)
    f = Fields(97, 40)
    yield "ramp, wide", f.ramp(), f.disc(120, 40, 30, 0)
    f = Fields(33, 90)
    yield "disc and noise, tall", mixed(f.disc(33, 90, 28, 4), f.noise(1)), f.disc(30, 96, 26, 0)
    f = Fields(50, 50)
    yield "noise", f.noise(2), f.disc(50, 50, 30, 0)
    f = Fields(31, 29)
    yield "noise on noise", f.noise(3), f.noise(4)
    f = Fields(24, 18)
    yield "empty truth", f.noise(5), f.flat(0)
    yield "empty both", f.flat(0), f.flat(0)
    yield "full truth", f.ramp(), f.flat(TOP)
    yield "full both", f.flat(TOP), f.flat(TOP)
    yield "empty matte", f.flat(0), f.disc(24, 18, 12, 0)
    f = Fields(51, 38)
    yield "inverse", TOP - f.disc(50, 40, 30, 0), f.disc(50, 40, 30, 0)
    f = Fields(80, 60)
    two = np.maximum(f.disc(40, 60, 28, 0), f.disc(120, 60, 24, 0))
    yield "one of two", f.disc(40, 60, 28, 2), two
    yield "soft truth", f.disc(84, 58, 50, 10), f.disc(80, 60, 44, 8)
    f = Fields(45, 70)
    yield "at the edge", mixed(f.disc(10, 130, 60, 5), f.noise(6)), f.disc(0, 140, 70, 0)
    yield "faint", f.flat(TOP // 4), f.disc(44, 70, 30, 0)
    yield "one pixel", f.disc(41, 61, 9, 2), f.disc(41, 61, 1, 0)
    f = Fields(256, 192)
    yield "large", mixed(f.disc(270, 200, 150, 20), f.noise(7)), f.disc(256, 192, 160, 0)


def values(field):
    return field.astype(np.float32) / np.float32(TOP)


def pictures(seed, jitter):
    """Found boxes (n, 5) and true ones (m, 4) of 24 pictures."""
    noise = Noise(seed)

    def box():
        x, y = noise.below(200), noise.below(200)
        return [x, y, x + 40 + noise.below(60), y + 40 + noise.below(60)]

    for _ in range(24):
        truths = [box() for _ in range(noise.below(5))]
        found = []
        for truth in truths:
            for _ in range(noise.below(3)):
                moved = [edge + noise.below(jitter) - jitter // 2 for edge in truth]
                found.append(moved + [noise.next() / 2**24])
        for _ in range(noise.below(3)):
            found.append(box() + [noise.next() / 2**25])
        yield found, truths


def salient():
    from py_sod_metrics import Smeasure, WeightedFmeasure

    for name, matte, truth in cases():
        # Without normalize=False it would round to bytes and stretch the matte to 0..1.
        matte, truth = values(matte).astype(np.float64), values(truth) >= 0.5
        s, f = Smeasure(), WeightedFmeasure()
        s.step(matte, truth, normalize=False)
        f.step(matte, truth, normalize=False)
        print(f'("{name}", [{s.get_results()["sm"]:.12f}, {f.get_results()["wfm"]:.12f}]),')


def training():
    import torch
    from portrait_training.metrics import AveragePrecision, matte_scores

    for name, matte, truth in cases():
        scores = matte_scores(*(torch.from_numpy(values(field)) for field in (matte, truth)))
        print(f'("{name}", [{scores["iou"]:.9f}, {scores["mae"]:.9f}, {scores["boundary_iou"]:.9f}]),')
    for seed, jitter in [(11, 9), (12, 25), (13, 41)]:
        collected = AveragePrecision()
        for found, truths in pictures(seed, jitter):
            collected.add(torch.tensor(found).view(-1, 5), torch.tensor(truths).float().view(-1, 4))
        scores = collected.scores(0.25)
        numbers = [scores[key] for key in ("ap50", "recall_at_0.25", "precision_at_0.25")]
        print(f"({seed}, {jitter}, {scores['persons']}, [{', '.join(f'{n:.12f}' for n in numbers)}]),")


if __name__ == "__main__":
    {"salient": salient, "training": training}[sys.argv[1]]()
