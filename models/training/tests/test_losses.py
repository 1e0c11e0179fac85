"""Losses are small for right answers, and the assignment finds them."""

import torch

from portrait_training.losses import detection, segmentation
from portrait_training.metrics import AveragePrecision, matte_scores
from portrait_training.networks.yolov8 import BINS, anchors


def test_overlaps():
    a = torch.tensor([0.0, 0, 10, 10])
    assert torch.isclose(detection.overlap(a, torch.tensor([5.0, 0, 15, 10])), torch.tensor(1 / 3))
    assert torch.isclose(detection.complete_iou(a, a), torch.tensor(1.0))
    near, far = (detection.complete_iou(a, torch.tensor(b)) for b in ([12.0, 0, 22, 10], [40.0, 0, 50, 10]))
    assert far < near < 0


def perfect(side, boxes):
    """Outputs of a network that sees exactly these boxes."""
    centres, strides = anchors(side, side, "cpu")
    bins = torch.zeros(1, 4, BINS, len(centres))
    scores = torch.full((1, 1, len(centres)), -9.0)
    for box in torch.tensor(boxes):
        distances = torch.cat([centres - box[:2] / strides, box[2:] / strides - centres], 1)
        inside = (distances.amin(1) > 0) & (distances.amax(1) < BINS - 1)
        for i in inside.nonzero()[:, 0]:
            for side_index, distance in enumerate(distances[i]):
                below, share = int(distance), distance - int(distance)
                bins[0, side_index, :, i] = -30
                bins[0, side_index, below, i] = torch.log(1 - share + 1e-9)
                bins[0, side_index, below + 1, i] = torch.log(share + 1e-9)
        scores[0, 0, inside] = 9.0
    return bins.flatten(1, 2), scores


def test_detection_loss_prefers_the_truth():
    truth = [[8.0, 12, 60, 90], [70.0, 20, 120, 110]]
    wanted, valid = torch.tensor([truth + [[0.0] * 4]]), torch.tensor([[True, True, False]])
    loss = lambda boxes: detection.detection_loss(perfect(128, boxes), 128, wanted, valid)[1]
    right = loss(truth)
    wrong = loss([[x1 + 9, y1, x2 + 9, y2] for x1, y1, x2, y2 in truth])
    assert right["box"] < 0.02 and right["box"] < 0.1 * wrong["box"]
    assert right["distribution"] < 0.5 * wrong["distribution"]
    nothing, parts = detection.detection_loss(perfect(128, []), 128, wanted, torch.zeros_like(valid))
    assert nothing < 0.1 and parts["box"] == 0


def test_every_box_gets_anchors_even_where_nothing_overlaps_yet():
    centres, strides = anchors(128, 128, "cpu")
    points = centres * strides
    boxes = torch.cat([points - 60, points + 60], 1)[None]
    scores = torch.full((1, len(points)), 0.01)
    wanted = torch.tensor([[[10.0, 10, 20, 30], [60.0, 40, 110, 120]]])
    owner, has, target = detection.assign(boxes, scores, points, wanted, torch.ones(1, 2, dtype=torch.bool))
    for box in range(2):
        assert (target[has & (owner == box)] > 0).any()
    inside = (points[has[0]] > wanted[0, owner[has]][:, :2]) & (points[has[0]] < wanted[0, owner[has]][:, 2:])
    assert inside.all()


def test_an_unlabelled_bystander_is_hardly_punished():
    seen = [[8.0, 12, 60, 90], [70.0, 20, 120, 110]]
    wanted, valid = torch.tensor([seen[:1]]), torch.tensor([[True]])
    loss = lambda flag: detection.detection_loss(perfect(128, seen), 128, wanted, valid, torch.tensor([flag]))[0]
    assert loss(True) < 0.3 * loss(False)


def test_segmentation_loss_prefers_the_truth():
    target = torch.zeros(2, 1, 64, 64)
    target[:, :, 16:48, 20:44] = 1
    image = torch.randn(2, 3, 64, 64)
    logits = (target * 2 - 1) * 12
    small = logits[:, :, ::2, ::2]
    gradients = torch.logit(segmentation.gradient_target(image, target).clamp(1e-4, 1 - 1e-4))
    right, parts = segmentation.segmentation_loss((logits, [logits], [gradients]), image, target)
    assert parts["iou"] < 1e-3 and parts["ssim"] < 1e-3
    wrong, _ = segmentation.segmentation_loss((-logits, [small], [gradients]), image, target)
    assert right < 0.02 * wrong


def test_scores_of_mattes():
    truth = torch.zeros(100, 100)
    truth[20:80, 20:80] = 1
    half = truth.clone()
    half[:, 50:] = 0
    assert matte_scores(truth, truth) == {"iou": 1.0, "mae": 0.0, "boundary_iou": 1.0}
    scores = matte_scores(half, truth)
    assert abs(scores["iou"] - 0.5) < 1e-6 and abs(scores["mae"] - 0.18) < 1e-6
    assert matte_scores(0 * truth, 0 * truth)["iou"] == 1


def test_average_precision():
    collected = AveragePrecision()
    truth = torch.tensor([[0.0, 0, 10, 10], [20.0, 0, 30, 10]])
    found = torch.tensor([[0.0, 0, 10, 10, 0.9], [1.0, 0, 10, 10, 0.8], [20.0, 0, 30, 11, 0.2]])
    collected.add(found, truth)
    scores = collected.scores()
    assert abs(scores["ap50"] - (0.5 * 1 + 0.5 * 2 / 3)) < 1e-9
    assert scores["recall_at_0.25"] == 0.5 and scores["precision_at_0.25"] == 0.5


def test_the_blur_is_a_convolution_with_a_gaussian():
    x = torch.rand(2, 3, 24, 17)
    at = torch.arange(11.0) - 5
    line = torch.exp(-(at**2) / (2 * 1.5**2))
    kernel = (line[:, None] * line / line.sum() ** 2).expand(3, 1, 11, 11)
    wanted = torch.nn.functional.conv2d(x, kernel, padding=5, groups=3)
    assert torch.allclose(segmentation.smoothed(x), wanted, atol=1e-6)
