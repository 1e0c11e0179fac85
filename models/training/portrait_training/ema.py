"""The exponential moving average of a network's weights and BatchNorm statistics."""

import copy

import torch


class Ema:
    """The network that is kept: smoother than the one that is trained."""

    def __init__(self, network, decay=0.9995):
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.decay = decay
        pairs = zip(self.network.state_dict().values(), network.state_dict().values())
        pairs = [(mean, value) for mean, value in pairs if mean.dtype.is_floating_point]
        self.means, self.values = map(list, zip(*pairs))

    @torch.no_grad()
    def update(self, step):
        # Early weights are forgotten sooner.
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self.means, self.values, 1 - decay)
