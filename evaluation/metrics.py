"""COCO's average precision and recall, and F1 at IoU 0.5 over the confidence threshold.

The matching is pycocotools' own; F1 is counted on its matches.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from dataset_contract.coco import CocoDataset

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ImageDetections:
    """The detections on one image, k of them."""

    image_id: int
    scores: npt.NDArray[np.float32]
    """(k,) in 0..1."""
    labels: npt.NDArray[np.int64]
    """(k,) category ids."""
    boxes: npt.NDArray[np.float32]
    """(k, 4) xyxy in pixels of the original image."""


@dataclass(frozen=True, slots=True)
class F1Point:
    """Precision, recall and F1 of the detections whose score is at least `threshold`."""

    threshold: float
    precision: float
    recall: float
    f1: float


def evaluate(
    truth: CocoDataset,
    detections: Sequence[ImageDetections],
    *,
    max_detections: int,
    thresholds_of: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The metrics of `detections` (one entry an image) against `truth`.

    At most `max_detections` an image and class count; COCO's usual 100 are too few for the walls of a plan. Crowds are
    ignored, as COCO does: they are not boxes to find, and a detection on one is neither right nor wrong.
    Returns `ap` (IoU 0.5:0.95), `ap50`, `ap75`, `ar`, `f1` with `f1_threshold`, `f1_precision`, `f1_recall`,
    `f1_curve` ([threshold, precision, recall, f1] in steps of 0.01), `images`, `boxes`, and `classes`: the same
    figures by class name. A figure of a class without a box in `truth` is None; without any box all are 0.
    F1 is the best over all thresholds, unless `thresholds_of`, the metrics of another split, says which ones to take.
    """
    result = _match(truth, detections, max_detections)
    categories = sorted(truth.categories, key=lambda category: category.id)
    matches = [_scores_and_hits(result, index, len(truth.images)) for index in range(len(categories))]
    thresholds = class_thresholds(thresholds_of) if thresholds_of else {}
    classes: dict[str, dict[str, Any]] = {}
    for index, category in enumerate(categories):
        scores, hits, boxes = matches[index]
        point = _f1(scores, hits, boxes, thresholds.get(category.name))
        figures = _average_precision(result.eval, slice(index, index + 1)) | _f1_figures(point)
        classes[category.name] = {name: value if boxes else None for name, value in figures.items()} | {"boxes": boxes}
    scores, hits = (np.concatenate([match[part] for match in matches]) for part in (0, 1))
    boxes = sum(match[2] for match in matches)
    overall = {name: value or 0.0 for name, value in _average_precision(result.eval, slice(None)).items()}
    curve = [f1_at(threshold / 100, scores, hits, boxes) for threshold in range(101)]
    return {
        **overall,
        **_f1_figures(_f1(scores, hits, boxes, thresholds_of["f1_threshold"] if thresholds_of else None)),
        "images": len(truth.images),
        "boxes": boxes,
        "classes": classes,
        "f1_curve": [[p.threshold, round(p.precision, 5), round(p.recall, 5), round(p.f1, 5)] for p in curve],
    }


def class_thresholds(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The confidence threshold of each class in what evaluate() gave; of one without a box that of all classes."""
    whole = metrics["f1_threshold"]
    found = {name: figures["f1_threshold"] for name, figures in metrics["classes"].items()}
    return {name: whole if threshold is None else threshold for name, threshold in found.items()}


def best_f1(scores: Floats, hits: npt.NDArray[np.bool_], boxes: int) -> F1Point:
    """The threshold with the highest F1 (the highest such threshold); all 0 where nothing was found.

    `scores` (k,) of the detections, `hits` (k,) whether each is matched to a true box, `boxes` the number of those.
    """
    order = np.argsort(-scores, kind="stable")
    scores, found = scores[order], np.cumsum(hits[order])
    last_of_score = np.flatnonzero(np.diff(scores, append=-np.inf))  # a threshold takes all of an equal score
    if not len(last_of_score) or not boxes:
        return F1Point(0.0, 0.0, 0.0, 0.0)
    f1 = 2 * found[last_of_score] / (last_of_score + 1 + boxes)
    return f1_at(float(scores[last_of_score[np.argmax(f1)]]), scores, hits[order], boxes)


def f1_at(threshold: float, scores: Floats, hits: npt.NDArray[np.bool_], boxes: int) -> F1Point:
    """Precision, recall and F1 of the detections that score at least `threshold`; 0 where there are none."""
    kept = scores >= threshold
    found, guessed = int(hits[kept].sum()), int(kept.sum())
    return F1Point(
        threshold,
        found / guessed if guessed else 0.0,
        found / boxes if boxes else 0.0,
        2 * found / (guessed + boxes) if guessed + boxes else 0.0,
    )


def _match(truth: CocoDataset, detections: Sequence[ImageDetections], max_detections: int) -> COCOeval:
    images = [{"id": image.id} for image in truth.images]
    categories = [{"id": category.id, "name": category.name} for category in truth.categories]
    true_boxes = [
        {
            "id": number,  # from 1 on: to pycocotools a match with 0 is none
            "image_id": annotation.image_id,
            "category_id": annotation.category_id,
            "bbox": list(annotation.bbox),
            "area": annotation.bbox[2] * annotation.bbox[3],
            "iscrowd": annotation.iscrowd,
        }
        for number, annotation in enumerate(truth.annotations, start=1)
    ]
    guesses = [
        {
            "image_id": found.image_id,
            "category_id": int(label),
            "bbox": [float(x0), float(y0), float(x1 - x0), float(y1 - y0)],
            "area": float((x1 - x0) * (y1 - y0)),
            "iscrowd": 0,
            "score": float(score),
        }
        for found in detections
        for score, label, (x0, y0, x1, y1) in zip(found.scores, found.labels, found.boxes, strict=True)
    ]
    guesses = [{"id": number, **guess} for number, guess in enumerate(guesses, start=1)]
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints its progress
        result = COCOeval(_coco(images, categories, true_boxes), _coco(images, categories, guesses), "bbox")
        result.params.maxDets = [max_detections]
        result.params.areaRng, result.params.areaRngLbl = [[0, 1e10]], ["all"]
        result.evaluate()
        result.accumulate()
    return result


def _coco(*sections: list[dict[str, Any]]) -> COCO:
    coco = COCO()
    coco.dataset = dict(zip(("images", "categories", "annotations"), sections, strict=True))
    coco.createIndex()
    return coco


def _average_precision(accumulated: Mapping[str, Any], classes: slice) -> dict[str, float | None]:
    """Means over one or all classes of COCOeval's tables, whose first axis is the IoU threshold; -1 means: no box."""
    precision, recall = accumulated["precision"][:, :, classes, 0, 0], accumulated["recall"][:, classes, 0, 0]
    parts = {"ap": precision, "ap50": precision[0], "ap75": precision[5], "ar": recall}
    return {name: float(part[part > -1].mean()) if (part > -1).any() else None for name, part in parts.items()}


def _f1(scores: Floats, hits: npt.NDArray[np.bool_], boxes: int, threshold: float | None) -> F1Point:
    return best_f1(scores, hits, boxes) if threshold is None else f1_at(threshold, scores, hits, boxes)


def _f1_figures(point: F1Point) -> dict[str, float]:
    names = ("threshold", "precision", "recall")
    return {"f1": point.f1} | {f"f1_{name}": getattr(point, name) for name in names}


def _scores_and_hits(result: COCOeval, index: int, images: int) -> tuple[Floats, npt.NDArray[np.bool_], int]:
    """Of one class: the detections' scores, whether each is matched at IoU 0.5, and the number of true boxes.

    Without crowds and what is matched to one.
    """
    found = [item for item in result.evalImgs[index * images : (index + 1) * images] if item is not None]
    counted = [~item["dtIgnore"][0].astype(bool) for item in found]
    scores = [np.asarray(item["dtScores"], dtype=np.float64)[mask] for item, mask in zip(found, counted, strict=True)]
    hits = [item["dtMatches"][0][mask] > 0 for item, mask in zip(found, counted, strict=True)]
    boxes = sum(int(np.count_nonzero(item["gtIgnore"] == 0)) for item in found)
    return np.concatenate([np.zeros(0), *scores]), np.concatenate([np.zeros(0, dtype=np.bool_), *hits]), boxes
