"""From the model's outputs to detections: the one way in which the Predictor's and those of metrics.json come about.

DETR's way, without non-maximum suppression. Shapes: Q queries, C logits, K classes of the data set, k detections.
"""

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


class Detections(NamedTuple):
    """What is found on one image, best first."""

    scores: Floats
    """(k,) in 0..1."""
    labels: npt.NDArray[np.int64]
    """(k,) category ids."""
    boxes: Floats
    """(k, 4) xyxy in pixels of the image, and within it."""


def best_detections(
    logits_QC: Floats, boxes_Q4: Floats, size: tuple[int, int], category_ids: Collection[int]
) -> Detections:
    """The best pairs of query and class, as many as the model has queries, or all pairs where there are fewer.

    Only the classes of `category_ids` count, so that a logit without a class takes no detection's place. `boxes_Q4` are
    cxcywh in shares of the image; `size` is its (width, height) in the pixels that boxes are to be in.
    """
    ids_K = np.array(sorted(category_ids), dtype=np.int64)
    logits_x = logits_QC[:, ids_K].astype(np.float32, copy=False).ravel()
    best_k = np.argsort(-logits_x, kind="stable")[: len(logits_QC)]
    centre_Q2, extent_Q2 = boxes_Q4[:, :2], boxes_Q4[:, 2:]
    xyxy_Q4 = np.concatenate([centre_Q2 - extent_Q2 / 2, centre_Q2 + extent_Q2 / 2], axis=1)
    edges_4 = np.array([*size, *size], dtype=np.float32)
    boxes_k4 = np.clip(xyxy_Q4[best_k // len(ids_K)] * edges_4, np.float32(0), edges_4)
    with np.errstate(over="ignore"):  # of a logit below -88, whose score is 0
        scores_k = np.reciprocal(1 + np.exp(-logits_x[best_k]), dtype=np.float32)
    return Detections(scores_k, ids_K[best_k % len(ids_K)], boxes_k4)
