"""Scenes that are shown several times stay whole: pictures, mattes and boxes belong together."""

import torch

from portrait_training.data.pool import ScenePool, mirrored
from portrait_training.data.scenes import Scenes

SIDE = 32


class Counter:
    """Makes scenes of one bright rectangle each, and counts them."""

    def __init__(self):
        self.made = 0

    def batch(self, size, side):
        pictures = torch.zeros(size, 3, side, side)
        boxes = torch.zeros(size, 1 + self.made % 3, 4)
        valid = torch.zeros(boxes.shape[:2], dtype=torch.bool)
        for i in range(size):
            x, y = (self.made + i) % 20, (3 * (self.made + i)) % 20
            pictures[i, :, y : y + 7, x : x + 5] = 1
            boxes[i, 0], valid[i, 0] = torch.tensor([x, y, x + 5.0, y + 7.0]), True
        self.made += size
        return Scenes(pictures, pictures[:, :1].clone(), boxes, valid, torch.zeros(size, dtype=torch.bool))


def check(scenes):
    for picture, matte, boxes, valid in zip(scenes.pictures, scenes.mattes, scenes.boxes, scenes.valid):
        assert torch.equal(picture[:1], matte)
        (x1, y1, x2, y2) = boxes[valid][0].int().tolist()
        assert matte[0, y1:y2, x1:x2].min() == 1 and matte.sum() == (x2 - x1) * (y2 - y1)


def test_scenes_come_back_mirrored_but_whole():
    maker = Counter()
    pool = ScenePool(maker, reuse=4, size=64)
    shown = 0
    for _ in range(100):
        scenes = pool.batch(8, SIDE)
        check(scenes)
        shown += len(scenes.pictures)
    assert 3.5 < shown / maker.made < 4.5
    assert len(pool.held) <= 64


def test_another_size_of_pictures_empties_the_pool():
    pool = ScenePool(Counter(), reuse=3)
    pool.batch(8, SIDE)
    assert pool.batch(8, 64).pictures.shape[3] == 64


def test_each_scene_once_goes_straight_through():
    maker = Counter()
    pool = ScenePool(maker, reuse=1, ahead=2)
    for _ in range(6):
        check(pool.batch(4, SIDE))
    assert maker.made == 24


def test_mirrored_twice_is_the_same():
    scenes = Counter().batch(5, SIDE)
    again = mirrored(mirrored(scenes))
    assert torch.equal(again.pictures, scenes.pictures)
    assert torch.equal(again.boxes[scenes.valid], scenes.boxes[scenes.valid])
