"""Quality on the held-out photos, each set by itself, and on scenes made of them.

    python -m portrait_training.evaluate --packs packs --model ../birefnet-nano --out quality.json

With `--run` instead of `--model` it measures a run at any size of input, and replaces the scores that
an export of it at that size shows.
"""

import argparse
import json
from pathlib import Path

import torch

from .data import photos as data
from .data.recipes import DETECTION, SEGMENTATION
from .data.scenes import SceneMaker
from .metrics import AveragePrecision, matte_scores, mean_scores
from .networks import BiRefNet
from .predict import Detector, Segmenter, load_network, person_crop
from .state import load_state
from .tasks import TASKS

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


def write(path, side, scores):
    """`quality.json`: scores mean nothing without the size of the input that they were measured at."""
    path.write_text(json.dumps({"side": side, "scores": scores}, indent=1) + "\n")


def load_run(folder, side=None):
    """The averaged network of a run, and the size of its input: the usual one if none is given."""
    state = load_state(folder)
    if state is None:
        raise SystemExit(f"{folder} holds no state.pt: train first")
    task = TASKS[state["task"]]
    network = task.build(state["settings"])
    network.load_state_dict({k: v.float() if v.is_floating_point() else v for k, v in state["ema"].items()})
    return network.eval(), side or task.schedules[state["settings"]["schedule"]].side


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--packs", type=Path, required=True)
    measured = parser.add_mutually_exclusive_group(required=True)
    measured.add_argument("--model", type=Path, help="folder with manifest.toml")
    measured.add_argument("--run", type=Path, help="folder of a training; its quality.json is replaced")
    parser.add_argument("--side", type=int, help="of the input of a run, where it is not the usual one")
    parser.add_argument("--out", type=Path, help="JSON file for the scores")
    parser.add_argument("--scenes", type=int, default=128)
    parser.add_argument("--limit", type=int, help="photos to measure")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args(arguments)
    if options.model and options.side:
        parser.error("--side is for --run: the manifest of a model states the size")
    network, side = load_network(options.model) if options.model else load_run(options.run, options.side)
    photos = data.load(options.packs, "validation", options.device, options.limit)
    result = quality(network.to(options.device), side, photos, options.scenes)
    print(report(result))
    for path in {options.out, options.run and options.run / "quality.json"} - {None}:
        write(path, side, result)


if __name__ == "__main__":
    main()
