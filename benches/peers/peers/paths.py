"""Where things lie, and the repository's own PyTorch code of both networks."""

import os
import sys
import tempfile
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1]
REPOSITORY = BENCH.parents[1]
MODELS = REPOSITORY / "models"

# The networks, their reproducible weights: a library of the training.
sys.path.insert(0, str(MODELS / "training"))


def work_folder():
    """Where checkpoints and exports are kept by default."""
    return Path(tempfile.gettempdir()) / "portrait-peers"


def portrait_command():
    """The built Rust command: PORTRAIT_COMMAND, or the release build of this repository."""
    return Path(os.environ.get("PORTRAIT_COMMAND", REPOSITORY / "target/release/portrait"))
