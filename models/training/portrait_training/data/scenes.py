"""Makes batches of training scenes on the device that trains: pictures, mattes and boxes."""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch.nn import functional as F

from . import backgrounds, plan
from .images import blur, cut_out, sample_by_level, shaped
from .photometric import camera, colours

PADDING = 114 / 255  # the grey of a letterbox
SMALLEST_BOX = 6  # pixels
SMALLEST_PART = 0.12  # of a person's pixels in the frame that must be seen for a box


@dataclass
class Scenes:
    pictures: torch.Tensor  # (batch, 3, side, side), 0 to 1
    mattes: torch.Tensor  # (batch, 1, side, side), 0 to 1: the union of all persons
    boxes: torch.Tensor  # (batch, persons, 4): x1, y1, x2, y2 in pixels
    valid: torch.Tensor  # (batch, persons): which of the boxes are
    unlabelled: torch.Tensor  # (batch): whether there may be people without a box

    def split(self, size):
        """The same scenes in smaller batches."""
        parts = (getattr(self, field.name).split(size) for field in fields(self))
        return [Scenes(*part) for part in zip(*parts)]


class SceneMaker:
    def __init__(self, photos, recipe, seed=0):
        self.photos, self.recipe = photos, recipe
        self.device = photos.pixels.device
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.planner = plan.Planner(photos, recipe, self.rng)

    @torch.no_grad()
    def batch(self, size, side):
        """`side` is a multiple of 32."""
        planned = [self.planner.scene(side) for _ in range(size)]
        pictures, mattes, alphas, areas = self.render(planned, side)
        inside = self.insides(planned, side)
        mattes, alphas = mattes * inside, alphas * inside
        pictures = camera(pictures, self.rng, self.generator)
        pictures = PADDING + inside * (pictures - PADDING)
        boxes, valid = boxes_of(alphas, areas)
        kinds = torch.tensor([scene.kind for scene in planned], device=self.device)
        unlabelled = (kinds == plan.REAL) | (kinds == plan.EMPTIED)
        scenes = Scenes(pictures, mattes, boxes, valid, unlabelled)
        count = int(round(self.recipe.mosaics * size))
        return self.mosaics(scenes, count) if count else scenes

    def behind(self, planned, side):
        """Backgrounds (batch, 3, ...) and the mattes of the persons in them."""
        result = torch.zeros(len(planned), 4, side, side, device=self.device)
        for kind in range(4):
            index = [i for i, scene in enumerate(planned) if scene.kind == kind]
            if not index:
                continue
            scenes = [planned[i] for i in index]
            at = torch.tensor(index, device=self.device)
            if kind == plan.PROCEDURAL:
                part = backgrounds.procedural(len(index), side, self.rng, self.device)
            else:
                source = self.photos.places if kind == plan.PLACE else self.photos.pixels
                sizes = np.array([scene.size for scene in scenes])
                chosen = torch.tensor([scene.index for scene in scenes], device=self.device)
                levels = np.array([scene.level for scene in scenes])
                part = sample_by_level(
                    source[chosen],
                    np.stack([scene.matrix for scene in scenes]),
                    levels,
                    side,
                    process=self.emptier(sizes) if kind == plan.EMPTIED else None,
                    outside="reflect",
                    sizes=sizes,
                )
            if kind != plan.REAL:
                part = backgrounds.varied(part[:, :3], self.rng)
            result[at, : part.shape[1]] = part
        return result[:, :3].clamp(0, 1), result[:, 3:]

    def emptier(self, sizes):
        """Takes people out of photos (possibly reduced) of these sizes."""

        def empty(part, index):
            reduced = sizes[index] * part.shape[3] / self.photos.pixels.shape[3]
            return backgrounds.emptied(part[:, :3], part[:, 3:], reduced, self.rng)

        return empty

    def render(self, planned, side):
        """Pictures, mattes, the visible alpha of each person, and its area before it was hidden."""
        picture, matte = self.behind(planned, side)
        texture = self.textures(planned, picture)
        alphas, areas = [matte], [(matte > 0.5).sum((1, 2, 3))]
        for depth in range(max(len(scene.layers) for scene in planned)):
            index = [i for i, scene in enumerate(planned) if len(scene.layers) > depth]
            layers = [planned[i].layers[depth] for i in index]
            at = torch.tensor(index, device=self.device)
            rgb, alpha = self.person(layers, side)
            kind = torch.tensor([layer.kind for layer in layers], device=self.device).view(-1, 1, 1, 1)
            other = texture.roll(depth + 1, 0)[at]
            rgb = torch.where(kind == plan.DECOY, colours(other, self.rng), rgb)
            under = picture[at]
            rgb = self.matched(rgb, alpha, under)
            under = self.shaded(under, alpha)
            joined = under + alpha * (rgb - under)
            shelf = self.shelves(layers, side)
            joined = joined + shelf * (texture[at] - joined)
            seen = alpha * (1 - shelf)
            hidden = torch.zeros_like(matte)
            hidden[at] = 1 - (1 - alpha) * (1 - shelf)
            own = torch.zeros_like(matte)
            own[at] = seen * (kind == plan.PERSON)
            picture = picture.index_copy(0, at, joined)
            alphas = [other * (1 - hidden) for other in alphas] + [own]
            areas.append((own > 0.5).sum((1, 2, 3)))
        alphas = torch.cat(alphas, 1)
        return picture, alphas.sum(1, keepdim=True).clamp(0, 1), alphas, torch.stack(areas, 1)

    def textures(self, planned, picture):
        """For what is no person: the background of another scene, of those surely without people."""
        sure = (plan.PLACE, plan.PROCEDURAL)
        empty = [i for i, scene in enumerate(planned) if scene.kind in sure]
        if not empty:
            return torch.full_like(picture, 0.5)
        return picture[[empty[(i + 1) % len(empty)] for i in range(len(planned))]].flip(2)

    def person(self, layers, side):
        """Colours and alpha of persons cut out of their photos and put in place."""
        chosen = torch.tensor([layer.source for layer in layers], device=self.device)
        softness = self.rng.uniform(0.5, 1.3, len(layers))

        def cut(part, index):
            rgb, alpha = cut_out(part[:, :3], part[:, 3:], softness[index])
            return torch.cat([rgb * alpha, alpha], 1)

        result = sample_by_level(
            self.photos.pixels[chosen],
            np.stack([layer.matrix for layer in layers]),
            np.array([layer.level for layer in layers]),
            side,
            process=cut,
        )
        alpha = result[:, 3:].clamp(0, 1)
        rgb = (result[:, :3] / alpha.clamp_min(1e-3)).clamp(0, 1)
        return colours(rgb, self.rng, 0.6), alpha

    def matched(self, rgb, alpha, under):
        """Colours moved a little towards those behind."""
        weight = alpha.sum((2, 3), keepdim=True).clamp_min(1)
        own = (rgb * alpha).sum((2, 3), keepdim=True) / weight
        share = shaped(self.rng.uniform(0, 0.5, len(rgb)), rgb)
        return (rgb + share * (under.mean((2, 3), keepdim=True) - own)).clamp(0, 1)

    def shaded(self, under, alpha):
        """A soft shadow behind some persons."""
        strength = self.rng.uniform(0.1, 0.6, len(under)) * (self.rng.random(len(under)) < 0.35)
        side = under.shape[3]
        small = F.avg_pool2d(alpha, 8)
        small = blur(small, self.rng.uniform(0.5, 3, len(under)))
        shift = [int(v) for v in self.rng.integers(-3, 4, 2)]
        shadow = F.interpolate(small.roll(shift, (2, 3)), (side, side), mode="bilinear", align_corners=False)
        return under * (1 - shaped(strength, under) * shadow)

    def shelves(self, layers, side):
        """Alpha of the rectangles that hide lower edges."""
        result = torch.zeros(len(layers), 1, side, side, device=self.device)
        for i, layer in enumerate(layers):
            if layer.shelf:
                x0, y0, x1, _ = (int(np.clip(round(v), 0, side)) for v in layer.shelf)
                result[i, :, y0:, x0:x1] = 1
        return result

    def insides(self, planned, side):
        result = torch.zeros(len(planned), 1, side, side, device=self.device)
        for i, scene in enumerate(planned):
            x0, y0, x1, y1 = (int(round(v)) for v in scene.inside)
            result[i, :, y0:y1, x0:x1] = 1
        return result

    def mosaics(self, scenes, count):
        """Replaces the first `count` pictures by four scenes each at half the size."""
        size, _, side, _ = scenes.pictures.shape
        small = [F.avg_pool2d(x, 2) for x in (scenes.pictures, scenes.mattes)]
        pick = self.rng.integers(size, size=(4, count)).tolist()

        def joined(x):
            rows = [torch.cat([x[pick[k]], x[pick[k + 1]]], 3) for k in (0, 2)]
            return torch.cat(rows, 2)

        move = scenes.boxes.new_tensor([[0, 0, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [1, 1, 1, 1]]) * side / 2
        boxes = torch.cat([scenes.boxes[pick[k]] / 2 + move[k] for k in range(4)], 1)
        valid = torch.cat([scenes.valid[pick[k]] for k in range(4)], 1)
        valid &= (boxes[..., 2:] - boxes[..., :2]).amin(2) >= SMALLEST_BOX
        grow = boxes.shape[1] - scenes.boxes.shape[1]
        return Scenes(
            torch.cat([joined(small[0]), scenes.pictures[count:]]),
            torch.cat([joined(small[1]), scenes.mattes[count:]]),
            torch.cat([boxes, F.pad(scenes.boxes[count:], (0, 0, 0, grow))]),
            torch.cat([valid, F.pad(scenes.valid[count:], (0, grow))]),
            torch.cat([torch.stack([scenes.unlabelled[p] for p in pick]).any(0), scenes.unlabelled[count:]]),
        )


def boxes_of(alphas, areas):
    """Boxes (batch, persons, 4) around what is seen of each person, and which are worth one."""
    solid = alphas > 0.5
    rows, columns = solid.any(3).float(), solid.any(2).float()
    side = alphas.shape[3]
    first = lambda line: line.argmax(2).float()
    last = lambda line: side - line.flip(2).argmax(2).float()
    boxes = torch.stack([first(columns), first(rows), last(columns), last(rows)], 2)
    size = (boxes[..., 2:] - boxes[..., :2]).amin(2)
    seen = solid.sum((2, 3))
    valid = (seen > SMALLEST_PART * areas) & (size >= SMALLEST_BOX) & (seen > 0)
    return boxes, valid
