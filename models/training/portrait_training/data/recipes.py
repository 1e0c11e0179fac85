"""How often a scene shows what, for each of the two trainings."""

from dataclasses import dataclass


@dataclass
class Recipe:
    """How often what is drawn."""

    kinds: tuple  # probabilities of REAL, PLACE, EMPTIED, PROCEDURAL
    extra_on_real: tuple  # probabilities of 0, 1, 2, ... pasted persons on a photo with a person
    pasted: tuple  # probabilities of 0, 1, 2, ... persons on a background
    stretched: bool  # whether proportions change, as for a crop stretched to the network's input
    mosaics: float  # part of the pictures that are joined of four scenes at half the size
    # Part of the scenes with something pasted that has a person's outline, turned anyhow, but shows
    # part of a background: neither an outline nor a pasted edge makes a person.
    decoys: float = 0.25
    # Part of the scenes with things or animals, before and behind people, where the packs hold some;
    # and of those where nobody is.
    objects: float = 0.3
    objects_alone: float = 0.7
    rows: float = 0.35  # part of the groups who stand side by side


# A segmenter sees crops around a person, stretched to a square; a detector sees whole photos.
SEGMENTATION = Recipe(
    kinds=(0.45, 0.3, 0.15, 0.1),
    extra_on_real=(0.85, 0.1, 0.05),
    pasted=(0.04, 0.56, 0.24, 0.1, 0.06),
    stretched=True,
    mosaics=0.0,
)
DETECTION = Recipe(
    kinds=(0.35, 0.35, 0.18, 0.12),
    extra_on_real=(0.75, 0.15, 0.1),
    pasted=(0.15, 0.25, 0.2, 0.17, 0.13, 0.1),
    stretched=False,
    mosaics=0.2,
)
