"""Draws a few validation plans with their true boxes and those that the model finds: the same plans each time."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dataset_contract.coco import CocoDataset, Image
from drawing.boxes import LabelledBox
from drawing.comparison import draw_comparison
from drawing.samples import choose_samples
from evaluation.metrics import ImageDetections, class_thresholds
from image_reader.decoding import open_image
from training_code.job.training_log import Picture

PLANS = 4
SIDE = 1000
"""Pixels of the longer side of a picture."""


class ValidationPictures:
    """The plans of one split that are drawn."""

    def __init__(self, folder: Path, truth: CocoDataset) -> None:
        """`folder` is the split's. Crowds are not drawn: they are neither right nor wrong."""
        self._folder = folder
        self._names = {category.id: category.name for category in truth.categories}
        self._images = choose_samples(sorted(truth.images, key=lambda image: image.id), PLANS)
        self._truth: dict[int, list[LabelledBox]] = {image.id: [] for image in self._images}
        for annotation in truth.annotations:
            if annotation.image_id in self._truth and not annotation.iscrowd:
                label = self._names[annotation.category_id]
                self._truth[annotation.image_id].append(LabelledBox(label, annotation.bbox))

    def draw(self, detections: Sequence[ImageDetections], metrics: Mapping[str, Any], *, epoch: int) -> list[Picture]:
        """One picture a plan, each class from its threshold in `metrics` on, which are those of `detections`.

        A class of which nothing was found has none, and would show every query.
        """
        thresholds = class_thresholds(metrics)
        found = {each.image_id: each for each in detections}
        return [self._draw(image, self._found(found[image.id], thresholds), epoch) for image in self._images]

    def _draw(self, image: Image, found: Sequence[LabelledBox], epoch: int) -> Picture:
        drawn = draw_comparison(
            open_image(self._folder / image.file_name),
            self._truth[image.id],
            found,
            list(self._names.values()),
            SIDE,
            title=f"plan {image.id}, epoch {epoch}",
        )
        file = io.BytesIO()
        drawn.save(file, "PNG")
        return Picture(f"{image.id:06d}", drawn.width, drawn.height, file.getvalue())

    def _found(self, detections: ImageDetections, thresholds: Mapping[str, float]) -> list[LabelledBox]:
        columns = (detections.scores.tolist(), detections.labels.tolist(), detections.boxes.tolist())
        return [
            LabelledBox(self._names[label], (x0, y0, x1 - x0, y1 - y0))
            for score, label, (x0, y0, x1, y1) in zip(*columns, strict=True)
            if 0 < thresholds[self._names[label]] <= score
        ]
