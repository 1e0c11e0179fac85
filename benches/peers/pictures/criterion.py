"""Runs the repository's Criterion benches and reads their medians."""

import json
import os
import subprocess
from pathlib import Path

from peers import paths

BENCHES = ("preprocessing", "refine", "encode")


def target_folder():
    return Path(os.environ.get("CARGO_TARGET_DIR", paths.REPOSITORY / "target"))


def build():
    cargo(["--no-run"])


def run(name, threads):
    """Runs one file of benches; what it finds is read by `median`."""
    cargo(["--bench", name, "--", "--noplot"], threads)


def cargo(arguments, threads=None):
    command = ["cargo", "bench", "--quiet", "-p", "portrait-benches", *arguments]
    environment = os.environ | ({"RAYON_NUM_THREADS": str(threads)} if threads else {})
    subprocess.run(
        command, check=True, cwd=paths.REPOSITORY, env=environment, stdout=subprocess.DEVNULL
    )


def median(bench, not_before=0.0, folder=None):
    """Milliseconds of the last run of a bench; None if there is none since `not_before`."""
    file = (folder or target_folder()) / "criterion" / bench / "new/estimates.json"
    if not file.is_file() or file.stat().st_mtime < not_before:
        return None
    return json.loads(file.read_text())["median"]["point_estimate"] / 1e6
