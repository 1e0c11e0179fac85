"""Draws what a batch of scenes shows: which photos, where, how large. Numbers only, no pixels."""

from dataclasses import dataclass, field

import numpy as np

REAL, PLACE, EMPTIED, PROCEDURAL = range(4)  # kinds of backgrounds
PERSON, DECOY, OBJECT = range(3)  # kinds of layers
SMALLEST_LEVEL = 4  # photos are reduced at most 16 times
MOSTLY_PERSON = 0.35
# Seldom does a person smaller than this part of the frame end at its lower border: a detector that has
# seen many takes buttons and buckles there for heads.
SMALLEST_CUT = 0.25


@dataclass
class Layer:
    """One pasted person of a scene (or a decoy, or an object), in pixels of the scene."""

    source: int  # of `Photos.pixels`
    matrix: np.ndarray  # from the scene to the photo
    level: int
    bottom: float  # where the person ends; those further down stand in front
    shelf: tuple | None = None  # x0, y0, x1, y1 of something that hides a cut lower edge
    kind: int = PERSON


@dataclass
class Scene:
    kind: int
    index: int  # of the photo or place behind
    matrix: np.ndarray
    level: int
    size: tuple  # of that photo
    inside: tuple  # x0, y0, x1, y1 of what is not padding of a letterbox
    layers: list = field(default_factory=list)


def affine(source, target, scale, degrees=0.0, flip=False):
    """The map of target points to source points that takes the centre `target` to `source`.

    `scale`: target pixels for each source pixel, (x, y).
    """
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    linear = np.diag([(-1 if flip else 1) / scale[0], 1 / scale[1]]) @ turn
    offset = np.asarray(source) - linear @ np.asarray(target)
    return np.column_stack([linear, offset])


def level_for(scale):
    return int(np.clip(np.floor(np.log2(1 / max(scale)) + 0.25), 0, SMALLEST_LEVEL))


def log_uniform(rng, low, high):
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


class Planner:
    def __init__(self, photos, recipe, rng):
        self.photos, self.recipe, self.rng = photos, recipe, rng
        people = list(enumerate(photos.people))
        self.free = [i for i, person in people if person.free]
        self.like = {cut: [i for i in self.free if photos.people[i].is_cut == cut] for cut in (False, True)}
        # Photos that are mostly person leave no background.
        self.roomy = [i for i, person in people if person.share < MOSTLY_PERSON] or range(len(people))

    def scene(self, side):
        rng, recipe = self.rng, self.recipe
        kind = int(rng.choice(4, p=recipe.kinds))
        if kind == PLACE and not self.photos.place_sizes:
            kind = EMPTIED
        if kind == REAL:
            scene, stretch = self.real(side)
            count = rng.choice(len(recipe.extra_on_real), p=recipe.extra_on_real)
            self.paste(scene, side, stretch, count)
        else:
            stretch = log_uniform(rng, 0.6, 1.7) if recipe.stretched else log_uniform(rng, 0.9, 1.1)
            count = rng.choice(len(recipe.pasted), p=recipe.pasted)
            main = None
            if recipe.stretched and count and rng.random() < 0.55:
                main, stretch = self.focused(side)
            scene = self.behind(kind, side, stretch)
            if main:
                scene.layers.append(main)
            self.paste(scene, side, stretch, count - len(scene.layers))
        if rng.random() < recipe.decoys:
            self.paste_decoy(scene, side)
        nobody = kind != REAL and not scene.layers
        if self.photos.objects and rng.random() < (recipe.objects_alone if nobody else recipe.objects):
            self.paste_objects(scene, side, stretch)
        scene.layers.sort(key=lambda layer: layer.bottom)
        return scene

    def real(self, side):
        """A photo with its person: whole, around the person, or a random part."""
        rng = self.rng
        index = int(rng.integers(len(self.photos.people)))
        person = self.photos.people[index]
        width, height = person.size
        x0, y0, x1, y1 = person.box
        inside = (0, 0, side, side)
        if not self.recipe.stretched:
            return self.real_unstretched(side, index, person)
        choice = rng.random()
        if choice < 0.3:
            part = rng.uniform(0, 0.06, 4) * [width, height, -width, -height] + [0, 0, width, height]
        elif choice < 0.65:
            longer = max(x1 - x0, y1 - y0)
            part = np.array([x0, y0, x1, y1]) + longer * rng.uniform(0.05, 0.4, 4) * [-1, -1, 1, 1]
        else:
            w, h = width * log_uniform(rng, 0.3, 0.95), height * log_uniform(rng, 0.3, 0.95)
            x, y = rng.uniform(x0, x1), rng.uniform(y0, y0 + 0.7 * (y1 - y0))
            x, y = np.clip(x - w / 2, 0, width - w), np.clip(y - h / 2, 0, height - h)
            part = np.array([x, y, x + w, y + h])
        part = np.clip(part, 0, [width, height, width, height])
        scale = side / np.array([part[2] - part[0], part[3] - part[1]])
        middle = (part[:2] + part[2:]) / 2
        degrees = 0 if rng.random() < 0.4 else rng.normal(0, 6)
        matrix = affine(middle, (side / 2, side / 2), scale, degrees, rng.random() < 0.5)
        scene = Scene(REAL, index, matrix, level_for(scale), person.size, inside)
        return scene, scale[0] / scale[1]

    def real_unstretched(self, side, index, person):
        rng = self.rng
        width, height = person.size
        x0, y0, x1, y1 = person.box
        if rng.random() < 0.5:  # whole, in a letterbox
            scale = side / max(width, height) * log_uniform(rng, 0.7, 1.0)
            source = (width / 2, height / 2)
            half = scale * np.array(person.size) / 2
            target = rng.uniform(half, np.maximum(side - half, half + 1e-6))
        else:
            length = min(width, height) * log_uniform(rng, 0.35, 1.0)
            scale = side / length
            source = rng.uniform((x0, y0), (x1, y0 + 0.6 * (y1 - y0)))
            source = np.clip(source, length / 2, np.array([width, height]) - length / 2)
            half, target = np.array([side, side]), np.array([side / 2, side / 2])
        inside = np.clip([*(target - half), *(target + half)], 0, side)
        degrees = 0 if rng.random() < 0.6 else rng.normal(0, 2)
        matrix = affine(source, target, (scale, scale), degrees, rng.random() < 0.5)
        scene = Scene(REAL, index, matrix, level_for((scale, scale)), person.size, tuple(inside))
        return scene, 1.0

    def behind(self, kind, side, stretch):
        """A background without people, cropped to the scene's proportions."""
        rng = self.rng
        index, size = 0, (side, side)
        if kind == PLACE:
            index = int(rng.integers(len(self.photos.place_sizes)))
            size = self.photos.place_sizes[index]
        elif kind == EMPTIED:
            index = int(rng.choice(self.roomy))
            size = self.photos.people[index].size
        width = size[0] * log_uniform(rng, 0.35, 1.0)
        height = width * stretch
        shrink = min(1.0, size[1] / height)
        width, height = width * shrink, height * shrink
        corner = rng.uniform((0, 0), (size[0] - width + 1e-6, size[1] - height + 1e-6))
        middle = corner + np.array([width, height]) / 2
        scale = (side / width, side / height)
        degrees = rng.normal(0, 8) if rng.random() < 0.3 else 0.0
        matrix = affine(middle, (side / 2, side / 2), scale, degrees, rng.random() < 0.5)
        inside = [0, 0, side, side]
        if not self.recipe.stretched and rng.random() < 0.3:
            axis, bar = rng.integers(2), rng.uniform(0.05, 0.22) * side
            inside[axis], inside[axis + 2] = bar, side - bar
        return Scene(kind, index, matrix, level_for(scale), size, tuple(inside))

    def draw_person(self, among=None):
        among = among or self.free
        index = among[self.rng.integers(len(among))]
        return index, self.photos.people[index]

    def focused(self, side):
        """A person with some room around, stretched to the frame; and the stretch."""
        rng = self.rng
        index, person = self.draw_person()
        x0, y0, x1, y1 = person.free
        width, height = x1 - x0, y1 - y0
        room = rng.uniform(0.02, 0.45, 4) * max(width, height)
        if person.is_cut:
            room[3] = -rng.uniform(0.01, 0.1) * height
        scale_x = side / (width + room[0] + room[2])
        scale_y = side / (height + room[1] + room[3])
        stretch = float(np.clip(scale_x / scale_y, 0.45, 2.2))
        scale = (stretch * scale_y, scale_y)
        left = room[0] / (width + room[0] + room[2]) * side
        middle = (left + width * scale_x / 2, (room[1] + height / 2) * scale_y)
        return self.layer(index, person, middle, scale), stretch

    def paste(self, scene, side, stretch, count):
        rng = self.rng
        if count > 1 and rng.random() < self.recipe.rows:
            return self.paste_row(scene, side, stretch, count)
        alike = log_uniform(rng, 0.25, 1.1) if rng.random() < 0.5 else None  # a group of one size
        for _ in range(max(0, count)):
            index, person = self.draw_person()
            x0, y0, x1, y1 = person.free
            shelf = None
            if alike:
                share = alike * log_uniform(rng, 0.8, 1.25)
            elif rng.random() < 0.65:
                share = log_uniform(rng, 0.11, 0.95)
            else:
                share = log_uniform(rng, 0.95, 2.8)
            x = rng.uniform(0.05, 0.95) * side
            if person.is_cut:
                share *= 0.7  # It is only a part of a person.
                shelved = share < 0.7 and rng.random() < 0.45
                if share < SMALLEST_CUT and not shelved and rng.random() < 0.85:
                    share = log_uniform(rng, SMALLEST_CUT, 0.7)
                bottom = max(1.0, share + rng.uniform(-0.1, 0.35)) + rng.uniform(0.01, 0.08)
                if shelved:
                    bottom = rng.uniform(share, 0.98)
                    half = rng.uniform(0.5, 2.5) * share * stretch * (x1 - x0) / (y1 - y0) * side
                    edge = (bottom - rng.uniform(0.02, 0.12) * share) * side
                    shelf = (x - half, edge, x + half, side + 9)
            elif share < 0.95:
                bottom = rng.uniform(max(share - 0.08, 0.3), 1.08)
            else:
                bottom = share + rng.uniform(-0.1, 0.4)
            scale_y = share * side / (y1 - y0)
            middle = (x, (bottom - share / 2) * side)
            layer = self.layer(index, person, middle, (stretch * scale_y, scale_y), shelf)
            scene.layers.append(layer)

    def paste_row(self, scene, side, stretch, count):
        """People of one size side by side, overlapping: all whole, or all cut off below."""
        rng = self.rng
        cut = self.draw_person()[1].is_cut
        size = log_uniform(rng, 0.25, 0.9)
        bottom = 1.0 if cut else rng.uniform(max(size, 0.5), 1.02)
        x = rng.uniform(-0.05, 0.45)
        for _ in range(count):
            index, person = self.draw_person(self.like[cut])
            x0, y0, x1, y1 = person.free
            share = size * log_uniform(rng, 0.88, 1.13)
            width = stretch * share * (x1 - x0) / (y1 - y0)
            end = bottom + (rng.uniform(0.01, 0.08) if cut else rng.uniform(-0.04, 0.04))
            middle = ((x + width / 2) * side, (end - share / 2) * side)
            scale_y = share * side / (y1 - y0)
            scene.layers.append(self.layer(index, person, middle, (stretch * scale_y, scale_y)))
            x += width * rng.uniform(0.45, 1.05)

    def paste_decoy(self, scene, side):
        rng = self.rng
        index, person = self.draw_person()
        x0, y0, x1, y1 = person.free
        length = log_uniform(rng, 0.1, 0.7) * side / max(x1 - x0, y1 - y0)
        scale = (length * log_uniform(rng, 0.6, 1.7), length)
        source, middle = ((x0 + x1) / 2, (y0 + y1) / 2), rng.uniform(0, side, 2)
        matrix = affine(source, middle, scale, rng.uniform(-180, 180))
        scene.layers.append(Layer(index, matrix, level_for(scale), rng.uniform(0, side), kind=DECOY))

    def paste_objects(self, scene, side, stretch):
        """Things and animals: one that fills much of the frame, or a few; upright, for the most part."""
        rng = self.rng
        count = 1 + rng.choice(4, p=(0.55, 0.25, 0.12, 0.08))
        for _ in range(count):
            index = int(rng.integers(len(self.photos.objects)))
            x0, y0, x1, y1 = self.photos.objects[index].free
            length = log_uniform(rng, 0.12, 1.2 if count == 1 else 0.6) * side / max(x1 - x0, y1 - y0)
            scale = (stretch * length, length)
            degrees = rng.normal(0, 8) if rng.random() < 0.8 else rng.uniform(-180, 180)
            middle = rng.uniform(0.1, 0.9, 2) * side
            matrix = affine(((x0 + x1) / 2, (y0 + y1) / 2), middle, scale, degrees, rng.random() < 0.5)
            bottom = middle[1] + length * (y1 - y0) / 2 * rng.uniform(0.7, 1.1)
            source = len(self.photos.people) + index
            scene.layers.append(Layer(source, matrix, level_for(scale), bottom, kind=OBJECT))

    def layer(self, index, person, middle, scale, shelf=None):
        rng = self.rng
        x0, y0, x1, y1 = person.free
        largest = 2 if person.is_cut else 5
        degrees = float(rng.normal(0, largest))
        if not person.is_cut and rng.random() < 0.05:
            degrees = float(rng.normal(0, 30))
        source = ((x0 + x1) / 2, (y0 + y1) / 2)
        matrix = affine(source, middle, scale, degrees, rng.random() < 0.5)
        bottom = middle[1] + scale[1] * (y1 - y0) / 2
        return Layer(index, matrix, level_for(scale), bottom, shelf)
