"""Where things lie: this repository, its test data, the Rust command."""

import os
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


def shared(name):
    """A path in the data folder: PORTRAIT_TEST_DATA, or `../shared` seen from the repository."""
    folder = os.environ.get("PORTRAIT_TEST_DATA")
    return (Path(folder) if folder else REPOSITORY.parent / "shared") / name


def command():
    """The built Rust command: PORTRAIT_COMMAND, or the release build of this repository."""
    return Path(os.environ.get("PORTRAIT_COMMAND", REPOSITORY / "target/release/portrait"))
