"""Whether all contenders compute the same."""

import numpy as np
from safetensors.numpy import load_file

BOXES = 4  # rows of a detector's output before its scores


def parts(case, output):
    """The parts of an output that have a tolerance of their own."""
    if case.detects:
        return {"boxes": output[:, :BOXES], "scores": output[:, BOXES:]}
    return {"logits": output}


def differences(case, output, reference):
    """The largest absolute difference in each part; outputs of another shape are an error."""
    if output.shape != reference.shape:
        raise ValueError(f"shape {output.shape} instead of {reference.shape}")
    pairs = parts(case, output), parts(case, reference)
    return {name: float(np.abs(pairs[0][name] - pairs[1][name]).max()) for name in pairs[0]}


def within(case, found, factor=1):
    """Within so many times the tolerances, if they are told; NaN never is."""
    if factor is None:
        return all(np.isfinite(value) for value in found.values())
    return all(found[name] <= factor * limit for name, limit in case.tolerances.items())


def read(path):
    return load_file(path)["output"]
