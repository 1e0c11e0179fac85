"""The two trainings: network, scenes, loss, and how they change as the training goes on."""

from dataclasses import dataclass

from .data import recipes
from .losses.detection import detection_loss
from .losses.segmentation import segmentation_loss
from .networks import BiRefNet, BirefnetConfig, Yolov8
from .predict import normalised


@dataclass
class Stage:
    until: float  # part of the whole training
    side: int
    batch: int  # of each process


@dataclass
class Schedule:
    stages: list
    rate: float  # highest learning rate
    muon: bool  # for the matrices, instead of AdamW
    side: int  # of the finished network's input

    def stage(self, progress):
        return next((stage for stage in self.stages if progress < stage.until), self.stages[-1])


@dataclass
class Task:
    model_id: str
    recipe: recipes.Recipe
    schedules: dict  # "gpu", "cpu"
    decay: float  # of weights

    def build(self, options):
        raise NotImplementedError

    def forward(self, network, scenes):
        """What the network returns; may run in a short type."""
        raise NotImplementedError

    def loss(self, outputs, scenes):
        """The loss and its parts; in full precision: variances and boxes would suffer."""
        raise NotImplementedError


class Segmentation(Task):
    def build(self, options):
        return BiRefNet(BirefnetConfig(decoder_attention=options.get("attention", "aspp")), drop_path=0.05)

    def forward(self, network, scenes):
        return network(normalised(scenes.pictures))

    def loss(self, outputs, scenes):
        return segmentation_loss(outputs, normalised(scenes.pictures), scenes.mattes)


class Detection(Task):
    def build(self, options):
        return Yolov8(1)

    def forward(self, network, scenes):
        return network(scenes.pictures)

    def loss(self, outputs, scenes):
        side = scenes.pictures.shape[-1]
        return detection_loss(outputs, side, scenes.boxes, scenes.valid, scenes.unlabelled)


TASKS = {
    "segmentation": Segmentation(
        model_id="birefnet-nano",
        recipe=recipes.SEGMENTATION,
        schedules={
            "gpu": Schedule([Stage(0.4, 256, 64), Stage(0.75, 384, 48), Stage(1.0, 512, 32)], 3e-3, True, 512),
            "cpu": Schedule([Stage(0.4, 128, 16), Stage(0.7, 192, 12), Stage(1.0, 256, 8)], 3e-3, True, 256),
        },
        decay=0.02,
    ),
    "detection": Detection(
        model_id="yolov8n-portrait",
        recipe=recipes.DETECTION,
        schedules={
            "gpu": Schedule([Stage(0.4, 320, 96), Stage(0.75, 480, 64), Stage(1.0, 640, 48)], 2e-3, False, 640),
            "cpu": Schedule([Stage(0.35, 320, 16), Stage(0.7, 384, 16), Stage(1.0, 448, 12)], 3e-3, True, 448),
        },
        decay=0.02,
    ),
}
