"""Quality of mattes and of boxes."""

import numpy as np
import torch
from torchvision.ops import box_iou

from .data.images import eroded

BAND = 0.02  # width of the band along the edge, as a part of the picture's diagonal


def matte_scores(matte, truth):
    """IoU at one half, mean absolute error, and IoU of the bands along the edges.

    Both are (height, width) from 0 to 1. The last is the boundary IoU of Cheng et al., 2021, with
    the edge of the picture not counted as an edge. IoU of two empty mattes is 1.
    """
    error = (matte - truth).abs().mean().item()
    a, b = (matte > 0.5).float(), (truth > 0.5).float()
    width = max(1, round(BAND * float(np.hypot(*a.shape))))
    band = lambda x: x - eroded(x[None, None], width)[0, 0].clamp(0, 1)
    ratio = lambda x, y: 1.0 if (x + y).amax() == 0 else ((x * y).sum() / (x + y - x * y).sum()).item()
    return {"iou": ratio(a, b), "mae": error, "boundary_iou": ratio(band(a), band(b))}


def mean_scores(rows):
    return {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} | {"count": len(rows)}


class AveragePrecision:
    """Collects detections of one class; AP at an IoU of one half, and recall at a confidence."""

    def __init__(self):
        self.hits, self.total = [], 0

    def add(self, found, truth):
        """`found` (n, 5): x1, y1, x2, y2, score; `truth` (m, 4)."""
        found = found[found[:, 4].argsort(descending=True)]
        self.total += len(truth)
        ious = box_iou(found[:, :4], truth) if len(truth) else torch.zeros(len(found), 0)
        taken = set()
        for i in range(len(found)):
            order = ious[i].argsort(descending=True).tolist()
            best = next((j for j in order if j not in taken), None)
            hit = best is not None and ious[i, best].item() >= 0.5
            if hit:
                taken.add(best)
            self.hits.append((found[i, 4].item(), hit))

    def scores(self, confidence=0.25):
        ranked = sorted(self.hits, key=lambda pair: -pair[0])
        hits = np.cumsum([hit for _, hit in ranked])
        recall = hits / max(1, self.total)
        precision = hits / np.arange(1, len(hits) + 1)
        precision = np.maximum.accumulate(precision[::-1])[::-1]
        steps = np.diff(np.concatenate([[0.0], recall]))
        sure = [hit for score, hit in ranked if score >= confidence]
        return {
            "ap50": float((steps * precision).sum()),
            f"recall_at_{confidence}": sum(sure) / max(1, self.total),
            f"precision_at_{confidence}": sum(sure) / max(1, len(sure)),
            "persons": self.total,
        }
