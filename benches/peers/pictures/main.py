"""Times decoding, resizing, refining and PNG encoding beside the Python routes people use."""

import argparse
import datetime
import json
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import cv2
import torch

from peers import machine, page, paths

from . import criterion, end_to_end, table
from .tasks import GROUPS

LIBRARIES = {
    "Pillow": "pillow",
    "OpenCV": "opencv-python-headless",
    "numpy": "numpy",
    "PyTorch": "torch",
    "torchvision": "torchvision",
}


def say(text):
    print(text, file=sys.stderr, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="image.py", description=__doc__)
    option = parser.add_argument
    names = lambda text: text.split(",")
    option("--groups", type=names, default=list(GROUPS), help=f"of {', '.join(GROUPS)}; all")
    option("--repeats", type=int, default=10, help="of each route, half before and half after ours")
    option("--threads", type=int, default=2)
    option(
        "--rust", choices=("run", "read", "none"), default="run",
        help="run the Criterion benches between the two halves, read their last results, or neither",
    )
    option("--portrait", type=Path, default=paths.portrait_command(), help="for the end to end")
    option("--photo", type=Path, default=end_to_end.PHOTO, help="of one person, for the end to end")
    option("--no-end-to-end", action="store_true")
    option("--out", type=Path, default=paths.work_folder(), help="where pictures.json goes")
    option("--from", dest="given", type=Path, metavar="FILE", help="results to show; runs nothing")
    option("--check", action="store_true", help="exit with 1 if a route in Python is faster")
    option("--update", type=Path, metavar="PAGE", help="write the table into this page")
    options = parser.parse_args(arguments)
    if unknown := [name for name in options.groups if name not in GROUPS]:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    return options


def race(tasks, repeats):
    """{(task, route): (milliseconds, bytes of the result if it is a file)}; a route after the other."""
    found = {}
    for task in tasks:
        for route in task.routes:
            result, times = route.run(), []
            for _ in range(repeats):
                start = time.perf_counter()
                result = route.run()
                times.append((time.perf_counter() - start) * 1e3)
            size = len(result) if task.title.startswith("PNG") else None
            found[task.title, route.label] = times, size
    return found


def run_group(name, options):
    """The records of a group, and how busy the machine was in between."""
    say(name)
    tasks, half = list(GROUPS[name]()), max(1, options.repeats // 2)
    busy, start = machine.busy_share(), time.time()
    before = race(tasks, half)
    if options.rust == "run" and name in criterion.BENCHES:
        criterion.run(name, options.threads)
    busy = max(busy, machine.busy_share())
    after = race(tasks, half)
    since = start if options.rust == "run" else 0.0
    records = []
    for task in tasks:
        ours = options.rust != "none" and task.bench and criterion.median(task.bench, since)
        record = {"title": task.title, "bench": task.bench, "portrait": ours or None, "routes": []}
        for route in task.routes:
            key = task.title, route.label
            times, size = before[key][0] + after[key][0], after[key][1]
            median = statistics.median(times)
            record["routes"].append({
                "label": route.label, "same": route.same, "median": median, "best": min(times),
                "bytes": size,
            })
        records.append(record)
    return records, busy


def measure(options):
    cv2.setNumThreads(options.threads)
    torch.set_num_threads(options.threads)
    if options.rust == "run":
        criterion.build()
    records, busy, whole = [], 0.0, None
    for name in options.groups:
        found, share = run_group(name, options)
        records += found
        busy = max(busy, share)
    if not options.no_end_to_end:
        say("end to end")
        whole = end_to_end.measure(options.portrait, options.photo, options.threads, options.repeats)
        times = whole.pop("times")
        whole |= {"median": statistics.median(times), "best": min(times)}
    return {
        "date": datetime.date.today().isoformat(),
        "machine": machine.describe(),
        "versions": {name: version(package) for name, package in LIBRARIES.items()},
        "threads": options.threads,
        "busy_share": busy,
        "tasks": records,
        "end_to_end": whole,
    }


def main(arguments=None):
    options = parse(arguments)
    if options.given:
        results = json.loads(options.given.read_text())
    else:
        results = measure(options)
        options.out.mkdir(parents=True, exist_ok=True)
        file = options.out / "pictures.json"
        file.write_text(json.dumps(results, indent=1) + "\n")
        say(f"wrote {file}")
    text = table.page(results)
    print(text)
    if options.update:
        page.update(options.update, "pictures", text)
    return int(options.check and bool(table.missed(results)))
