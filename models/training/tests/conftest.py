import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from portrait_training import paths  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture
def parity():
    """The folder of golden tensors; a test without it says that it skips."""
    folder = paths.shared("parity")
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set PORTRAIT_TEST_DATA")
    return folder


@pytest.fixture
def rust_command():
    if not paths.command().is_file():
        pytest.skip(f"no {paths.command()}: cargo build --release, or set PORTRAIT_COMMAND")
