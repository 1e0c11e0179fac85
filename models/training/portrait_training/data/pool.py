"""Shows each scene several times where making one costs more than learning from it: on a CPU."""

import torch

from .scenes import Scenes


class ScenePool:
    """Draws batches from the latest scenes, mirrored at random; each is drawn `reuse` times on average.

    With `reuse` 1 the scenes go straight through. Otherwise `size` scenes are held at once, so that
    the same scene does not come again within a few batches.
    """

    def __init__(self, maker, reuse=1, ahead=1, size=512, seed=0):
        self.maker, self.reuse, self.ahead, self.size = maker, reuse, ahead, size
        self.ready, self.held, self.side, self.owed = [], [], None, 0.0
        self.generator = torch.Generator().manual_seed(seed)

    def batch(self, size, side):
        if side != self.side:
            self.ready, self.held, self.side = [], [], side
        if self.reuse == 1:
            if not self.ready:
                # Many at once: a batch of scenes is thousands of small operations, of any length.
                self.ready = self.maker.batch(self.ahead * size, side).split(size)
            return self.ready.pop()
        self.owed = size if not self.held else self.owed + size / self.reuse
        while self.owed >= 1:
            # A few at a time cost less each than one.
            count = max(8, size)
            self.held += self.maker.batch(count, side).split(1)
            self.owed -= count
        self.held = self.held[-self.size :]
        chosen = torch.randint(len(self.held), (size,), generator=self.generator).tolist()
        flips = torch.rand(size, generator=self.generator) < 0.5
        return joined([mirrored(self.held[i]) if flip else self.held[i] for i, flip in zip(chosen, flips)])


def mirrored(scenes):
    """The same scenes with left and right swapped."""
    side = scenes.pictures.shape[3]
    x1, y1, x2, y2 = scenes.boxes.unbind(2)
    boxes = torch.stack([side - x2, y1, side - x1, y2], 2)
    return Scenes(scenes.pictures.flip(3), scenes.mattes.flip(3), boxes, scenes.valid, scenes.unlabelled)


def joined(parts):
    """One batch of several; those with fewer boxes get some that are not valid."""
    most = max(part.boxes.shape[1] for part in parts)
    boxes = torch.zeros(len(parts), most, 4, device=parts[0].boxes.device)
    valid = torch.zeros(len(parts), most, dtype=torch.bool, device=boxes.device)
    for i, part in enumerate(parts):
        count = part.boxes.shape[1]
        boxes[i, :count], valid[i, :count] = part.boxes[0], part.valid[0]
    cat = lambda name: torch.cat([getattr(part, name) for part in parts])
    return Scenes(cat("pictures"), cat("mattes"), boxes, valid, cat("unlabelled"))
