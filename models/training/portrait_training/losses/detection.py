"""The loss of YOLOv8: task-aligned assignment, complete IoU, distribution focal loss, BCE.

The weights are the published ones: boxes 7.5, distributions 1.5, classes 0.5.
"""

import math

import torch
from torch.nn import functional as F

from ..networks.yolov8 import BINS, anchors, boxes_from_bins

BOX, DISTRIBUTION, CLASS = 7.5, 1.5, 0.5
TOP, ALPHA, BETA = 10, 0.5, 6.0  # of the assignment (Feng et al., "TOOD", 2021)
# Photos with unlabelled bystanders: an anchor this sure is not punished for what may be one of them.
SURE, UNLABELLED_WEIGHT = 0.3, 0.1
TINY = 1e-7


def overlap(a, b):
    """IoU of boxes x1, y1, x2, y2, broadcast over all but the last axis."""
    width = (torch.minimum(a[..., 2], b[..., 2]) - torch.maximum(a[..., 0], b[..., 0])).clamp_min(0)
    height = (torch.minimum(a[..., 3], b[..., 3]) - torch.maximum(a[..., 1], b[..., 1])).clamp_min(0)
    both = width * height
    area = lambda box: (box[..., 2] - box[..., 0]).clamp_min(0) * (box[..., 3] - box[..., 1]).clamp_min(0)
    return both / (area(a) + area(b) - both + TINY)


def complete_iou(a, b):
    """IoU less a penalty for the distance of centres and for other proportions (Zheng et al., 2020)."""
    iou = overlap(a, b)
    hull = torch.maximum(a[..., 2:], b[..., 2:]) - torch.minimum(a[..., :2], b[..., :2])
    centres = (a[..., :2] + a[..., 2:] - b[..., :2] - b[..., 2:]) / 2
    distance = (centres**2).sum(-1) / ((hull**2).sum(-1) + TINY)
    shape = lambda box: torch.atan((box[..., 2] - box[..., 0]) / (box[..., 3] - box[..., 1] + TINY))
    difference = 4 / math.pi**2 * (shape(a) - shape(b)) ** 2
    with torch.no_grad():
        weight = difference / (1 - iou + difference + TINY)
    return iou - distance - weight * difference


@torch.no_grad()
def assign(boxes, scores, points, wanted, valid):
    """Which anchor learns which box.

    `boxes` (batch, anchors, 4) and `scores` (batch, anchors) are predicted, `points` (anchors, 2)
    the anchors in pixels; `wanted` (batch, n, 4) and `valid` (batch, n) the truth. Returns the
    index of the box for each anchor, whether it has one, and the score it should have.
    """
    inside = torch.cat([points - wanted[:, :, None, :2], wanted[:, :, None, 2:] - points], -1)
    candidate = (inside.amin(-1) > 0) & valid[:, :, None]  # (batch, n, anchors)
    iou = overlap(wanted[:, :, None], boxes[:, None])
    iou = torch.where(candidate, iou, torch.zeros_like(iou))
    alignment = scores[:, None] ** ALPHA * iou**BETA
    alignment = torch.where(candidate, alignment, torch.full_like(alignment, -1))
    best = alignment.topk(min(TOP, alignment.shape[2]), 2).indices
    chosen = torch.zeros_like(candidate).scatter(2, best, True) & candidate
    # An anchor that several boxes chose keeps the one it overlaps most.
    owner = torch.where(chosen, iou, torch.full_like(iou, -1)).argmax(1)
    has = chosen.any(1)
    chosen &= owner[:, None] == torch.arange(len(wanted[0]), device=owner.device)[None, :, None]
    alignment = torch.where(chosen, alignment, torch.zeros_like(alignment))
    best_alignment = alignment.amax(2, keepdim=True)
    best_iou = torch.where(chosen, iou, torch.zeros_like(iou)).amax(2, keepdim=True)
    # Early on the best alignment is tiny (an overlap to the sixth power): no larger constant here.
    target = (alignment / best_alignment.clamp_min(1e-30) * best_iou).amax(1)
    return owner, has, torch.where(has, target, torch.zeros_like(target))


def distribution_loss(bins, distances):
    """Cross entropy with the two bins around each distance in cells; `bins` (..., 4, 16)."""
    distances = distances.clamp(0, BINS - 1 - 0.01)
    below = distances.floor()
    share = distances - below
    logs = bins.log_softmax(-1)
    at = lambda index: logs.gather(-1, index.long()[..., None])[..., 0]
    return -(at(below) * (1 - share) + at(below + 1) * share).mean(-1)


def detection_loss(outputs, side, wanted, valid, unlabelled=None):
    """The loss of what `Yolov8` returns for one class, and its parts for the log.

    `wanted` (batch, n, 4) are boxes in pixels, `valid` (batch, n) says which count, `unlabelled`
    (batch) which pictures may show people without a box.
    """
    bins, logits = outputs[0].float(), outputs[1].float()[:, 0]
    centres, strides = anchors(side, side, bins.device)
    boxes = boxes_from_bins(bins, centres, strides)
    probabilities = logits.detach().sigmoid()
    owner, has, target = assign(boxes.detach(), probabilities, centres * strides, wanted, valid)
    total = target.sum().clamp_min(1)

    classes = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    if unlabelled is not None:
        spared = unlabelled[:, None] & ~has & (probabilities > SURE)
        classes = torch.where(spared, UNLABELLED_WEIGHT * classes, classes)
    parts = {"class": classes.sum() / total}

    # Over all anchors, weighted 0 where there is no box: no wait for the device to count them.
    truth = wanted.gather(1, owner[..., None].expand(-1, -1, 4))
    parts["box"] = ((1 - complete_iou(boxes, truth)) * target).sum() / total
    distances = torch.cat([centres - truth[..., :2] / strides, truth[..., 2:] / strides - centres], 2)
    spread = bins.transpose(1, 2).unflatten(2, (4, BINS))
    parts["distribution"] = (distribution_loss(spread, distances) * target).sum() / total

    loss = BOX * parts["box"] + DISTRIBUTION * parts["distribution"] + CLASS * parts["class"]
    # Published schedules sum over the batch; AdamW does not mind the scale, the log is comparable.
    return loss, {name: value.detach() for name, value in parts.items()}
