"""The files of a run: what a later command resumes from, and what an export reads.

`state.pt` holds the weights (f32), their average (f16) and the log: 38 MB and 18 MB for the two
networks. `optimiser.pt` holds the optimisers' moments in bf16; a run without it warms up again.
"""

import json
import os
import tomllib

import torch

from .predict import load_network


def replace(path, value):
    """Writes whole files only: a command may be killed at its time limit."""
    part = path.with_suffix(".part")
    torch.save(value, part)
    os.replace(part, path)


def converted(value, dtype):
    floating = isinstance(value, torch.Tensor) and value.is_floating_point() and value.ndim
    return value.to(dtype) if floating else value


def save_state(folder, trainer):
    network = trainer.network.state_dict()
    # Vectors are small in any type, and variances may be too large for this one.
    short = lambda value: converted(value, torch.float16) if value.ndim > 1 else value
    ema = {k: short(v) for k, v in trainer.ema.network.state_dict().items()}
    about = {"task": trainer.options.task, "settings": trainer.settings, "step": trainer.step}
    about |= {"seconds": trainer.seconds, "history": trainer.history}
    moments_of = lambda values: {k: converted(v, torch.bfloat16) for k, v in values.items()}
    moments = [
        {**state, "state": {i: moments_of(values) for i, values in state["state"].items()}}
        for state in trainer.optimisers.state_dict()
    ]
    replace(folder / "optimiser.pt", {"step": trainer.step, "state": moments})
    replace(folder / "state.pt", {"network": network, "ema": ema, **about})
    (folder / "log.json").write_text(json.dumps(about, indent=1) + "\n")


def load_start(folder, device="cpu"):
    """Weights and settings to begin a new run with: those of a run, or of a model folder (in F16).

    A model folder of a BiRefNet lacks the heads that only training needs: they begin anew.
    """
    if not (folder / "manifest.toml").is_file():
        state = load_state(folder, device)
        if state is None:
            raise FileNotFoundError(f"{folder} holds neither state.pt nor manifest.toml")
        return state
    shape = tomllib.loads((folder / "manifest.toml").read_text())["architecture"]
    settings = {"attention": shape["decoder_attention"]} if "decoder_attention" in shape else {}
    return {"network": load_network(folder)[0].state_dict(), "settings": settings}


def load_state(folder, device="cpu"):
    """What `save_state` wrote, or None. `optimiser` is None where it is not of the same step."""
    path = folder / "state.pt"
    if not path.is_file():
        return None
    state = torch.load(path, map_location=device)
    state["optimiser"] = None
    if (folder / "optimiser.pt").is_file():
        optimiser = torch.load(folder / "optimiser.pt", map_location=device)
        if optimiser["step"] == state["step"]:
            state["optimiser"] = optimiser["state"]
    return state
