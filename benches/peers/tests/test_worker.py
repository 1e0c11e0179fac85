"""What a contender's process holds beside the contender."""

import subprocess
import sys

from peers import paths
from peers.reason import reason

LIBRARIES = ("torch", "onnxruntime", "openvino", "numpy", "matplotlib")


def test_a_worker_imports_no_library_of_its_own_accord():
    code = f"import sys, peers.worker; print([name for name in {LIBRARIES} if name in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=paths.BENCH
    )
    assert answer.stdout.strip() == "[]"


def test_the_reason_is_the_line_that_tells_most():
    assert reason(ValueError("first\n  - No conversion rule found for x\nlast")) == "No conversion rule found for x"
    assert reason(ValueError("first\nlast\n")) == "last"
    assert reason(ValueError()) == "ValueError"
