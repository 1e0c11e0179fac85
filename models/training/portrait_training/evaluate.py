"""Quality on the held-out photos, each set by itself, and on scenes made of them.

    python -m portrait_training.evaluate --packs packs --model ../birefnet-nano --out quality.json
"""

import argparse
import json
from pathlib import Path

import torch

from .data import photos as data
from .data.plan import DETECTION, SEGMENTATION
from .data.scenes import SceneMaker
from .metrics import AveragePrecision, matte_scores, mean_scores
from .networks import BiRefNet
from .predict import Detector, Segmenter, load_network, person_crop

SEED = 2024


def photo(photos, i):
    """The photo (1, 3, height, width) and its mask (height, width), from 0 to 1."""
    width, height = photos.people[i].size
    pixels = photos.pixels[i : i + 1, :, :height, :width].float() / 255
    return pixels[:, :3], pixels[0, 3]


def place(photos, i):
    width, height = photos.place_sizes[i]
    return photos.places[i : i + 1, :, :height, :width].float() / 255


def scenes_of(photos, recipe, count, side):
    maker = SceneMaker(photos, recipe, SEED)
    for start in range(0, count, 16):
        yield maker.batch(min(16, count - start), side)


def segmentation_quality(network, side, photos, scenes=128):
    """Scores by set: of whole photos ("whole") and of crops around the person ("crop")."""
    segmenter = Segmenter(network, side, photos.pixels.device)
    rows = {}
    for i, person in enumerate(photos.people):
        picture, mask = photo(photos, i)
        x0, y0, x1, y1 = person_crop(person.box, person.size)
        crop = picture[:, :, y0:y1, x0:x1]
        whole, cropped = segmenter.mattes([picture, crop])
        row = rows.setdefault(f"{person.set} whole", [])
        row.append(matte_scores(whole[0, 0], mask))
        row = rows.setdefault(f"{person.set} crop", [])
        row.append(matte_scores(cropped[0, 0], mask[y0:y1, x0:x1]))
    empty = [segmenter.mattes([place(photos, i)])[0].mean().item() for i in range(len(photos.places))]
    for batch in scenes_of(photos, SEGMENTATION, scenes, side):
        mattes = segmenter.mattes(list(batch.pictures.split(1)))
        for matte, truth in zip(mattes, batch.mattes):
            if truth.mean() > 0.01:
                rows.setdefault("scenes", []).append(matte_scores(matte[0, 0], truth[0]))
    result = {name: mean_scores(row) for name, row in sorted(rows.items())}
    # What is taken for foreground in photos without people; nobody asked for objects.
    result["places"] = {"mean_matte": sum(empty) / max(1, len(empty)), "count": len(empty)}
    return result


def detection_quality(network, side, photos, scenes=128):
    """AP and recall by set, of one labelled person per photo, and of scenes."""
    detector = Detector(network, side, photos.pixels.device)
    found = {}
    for i, person in enumerate(photos.people):
        truth = torch.tensor([person.box], dtype=torch.float32)
        collected = found.setdefault(person.set, AveragePrecision())
        collected.add(detector.boxes(photo(photos, i)[0], 0.01), truth)
    for batch in scenes_of(photos, DETECTION, scenes, side):
        for picture, boxes, valid in zip(batch.pictures, batch.boxes, batch.valid):
            collected = found.setdefault("scenes", AveragePrecision())
            collected.add(detector.boxes(picture[None], 0.01), boxes[valid].cpu())
    false = [len(detector.boxes(place(photos, i), 0.25)) for i in range(len(photos.places))]
    result = {name: collected.scores() for name, collected in sorted(found.items())}
    share = sum(count > 0 for count in false) / max(1, len(false))
    result["places"] = {"with_false_detections_at_0.25": share, "count": len(false)}
    return result


def quality(network, side, photos, scenes=128):
    measure = segmentation_quality if isinstance(network, BiRefNet) else detection_quality
    training = network.training
    result = measure(network, side, photos, scenes)
    network.train(training)
    return result


def report(result):
    lines = []
    for name, scores in result.items():
        values = (f"{key} {value:.4f}" if isinstance(value, float) else f"{key} {value}" for key, value in scores.items())
        lines.append(f"{name:12} " + "  ".join(values))
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packs", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True, help="folder with manifest.toml")
    parser.add_argument("--out", type=Path, help="JSON file for the scores")
    parser.add_argument("--scenes", type=int, default=128)
    parser.add_argument("--limit", type=int, help="photos to measure")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    photos = data.load(options.packs, "validation", options.device, options.limit)
    result = quality(*load_network(options.model), photos, options.scenes)
    print(report(result))
    if options.out:
        options.out.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
