"""The loss of BiRefNet: pixels, regions and structure at four scales, and the gradient branch.

The weights are those of the published configuration: BCE 30, IoU 0.5, SSIM 10.
"""

import functools

import torch
from torch.nn import functional as F

from ..data.images import dilated
from ..networks.birefnet import resize

BCE, IOU, SSIM, GRADIENT = 30.0, 0.5, 10.0, 1.0
WINDOW, SIGMA = 11, 1.5  # of the structural similarity (Wang et al., 2004)


def iou_loss(matte, target):
    """One minus intersection over union of soft mattes; 0 for two empty ones."""
    both = (matte * target).sum((1, 2, 3))
    either = (matte + target - matte * target).sum((1, 2, 3))
    return (1 - (both + 1) / (either + 1)).mean()


@functools.lru_cache(maxsize=16)
def gaussian_matrix(side, device):
    """The blur along one side, (side, side), zeros outside of the picture.

    As a matrix product it is many times faster than a convolution of each channel by itself.
    """
    at = torch.arange(side, device=device)
    distance = at[:, None] - at[None, :]
    at = torch.arange(WINDOW, device=device) - WINDOW // 2
    total = torch.exp(-(at**2) / (2 * SIGMA**2)).sum()
    return torch.exp(-(distance**2) / (2 * SIGMA**2)) / total * (distance.abs() <= WINDOW // 2)


def smoothed(x):
    rows, columns = (gaussian_matrix(side, x.device) for side in x.shape[2:])
    return rows @ (x @ columns)


def moments(target):
    """Blurs of it and of its square."""
    return smoothed(torch.cat([target, target**2], 1))


def ssim_loss(matte, target, target_moments):
    """One minus the mean structural similarity; `target_moments` as `moments` gives them."""
    mean_a, square_a, product = smoothed(torch.cat([matte, matte**2, matte * target], 1)).split(1, 1)
    mean_b, square_b = target_moments.split(1, 1)
    variance_a, variance_b = square_a - mean_a**2, square_b - mean_b**2
    covariance = product - mean_a * mean_b
    c1, c2 = 0.01**2, 0.03**2
    similarity = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    similarity = similarity / ((mean_a**2 + mean_b**2 + c1) * (variance_a + variance_b + c2))
    return 1 - similarity.mean()


def gradient_target(image, target):
    """Where the picture has fine structure that belongs to the foreground or its edge, 0 to 1."""
    grey = image.mean(1, keepdim=True)
    laplacian = grey - F.avg_pool2d(grey, 5, 1, 2, count_include_pad=False)
    return (laplacian.abs() * 2).clamp(0, 1) * dilated(target, 7)


def region_losses(levels, target):
    """The sums over the levels of what compares mattes; logits of other sizes are resized."""
    parts = {"bce": 0.0, "iou": 0.0, "ssim": 0.0}
    target_moments = moments(target)
    for level in levels:
        level = resized(level, target)
        matte = level.sigmoid()
        parts["bce"] += F.binary_cross_entropy_with_logits(level, target)
        parts["iou"] += iou_loss(matte, target)
        parts["ssim"] += ssim_loss(matte, target, target_moments)
    return parts


def resized(level, like):
    level = level.float()
    return level if level.shape == like.shape else resize(level, like)


def segmentation_loss(outputs, image, target):
    """The loss of what `BiRefNet` returns in training, and its parts for the log.

    `image` is normalised; `target`, (batch, 1, height, width), goes from 0 to 1. Levels from inside of
    the network, of an eighth of the sides at most, are compared at half of them: the official training
    resizes them to the whole, which takes longer than the network on a CPU and tells no more.
    """
    logits, sides, gradients = outputs
    half = F.avg_pool2d(target, 2)
    whole, inner = region_losses([logits], target), region_losses(sides, half)
    parts = {name: whole[name] + inner[name] for name in whole}
    wanted = F.avg_pool2d(gradient_target(image, target), 2)
    parts["gradient"] = sum(
        F.binary_cross_entropy_with_logits(resized(level, wanted), wanted) for level in gradients
    )
    loss = BCE * parts["bce"] + IOU * parts["iou"] + SSIM * parts["ssim"] + GRADIENT * parts["gradient"]
    return loss, {name: value.detach() for name, value in parts.items()}
