"""The loss of BiRefNet: pixels, regions and structure at four scales, and the gradient branch.

The weights are those of the published configuration: BCE 30, IoU 0.5, SSIM 10.
"""

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


def smoothed(x):
    at = torch.arange(WINDOW, device=x.device, dtype=x.dtype) - WINDOW // 2
    kernel = torch.exp(-(at**2) / (2 * SIGMA**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    x = F.conv2d(x, kernel[:, :, None, :], padding=(0, WINDOW // 2), groups=x.shape[1])
    return F.conv2d(x, kernel[:, :, :, None], padding=(WINDOW // 2, 0), groups=x.shape[1])


def ssim_loss(matte, target):
    """One minus the mean structural similarity."""
    moments = smoothed(torch.cat([matte, target, matte**2, target**2, matte * target], 1))
    mean_a, mean_b, square_a, square_b, product = moments.split(1, 1)
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


def segmentation_loss(outputs, image, target):
    """The loss of what `BiRefNet` returns in training, and its parts for the log.

    `image` is normalised; `target`, (batch, 1, height, width), goes from 0 to 1.
    """
    logits, sides, gradients = outputs
    parts = {"bce": 0.0, "iou": 0.0, "ssim": 0.0, "gradient": 0.0}
    for level in (*sides, logits):
        level = level.float()
        if level.shape != target.shape:
            level = resize(level, target)
        matte = level.sigmoid()
        parts["bce"] += F.binary_cross_entropy_with_logits(level, target)
        parts["iou"] += iou_loss(matte, target)
        parts["ssim"] += ssim_loss(matte, target)
    wanted = gradient_target(image, target)
    for level in gradients:
        level = resize(level.float(), target)
        parts["gradient"] += F.binary_cross_entropy_with_logits(level, wanted)
    loss = BCE * parts["bce"] + IOU * parts["iou"] + SSIM * parts["ssim"] + GRADIENT * parts["gradient"]
    return loss, {name: value.detach() for name, value in parts.items()}
