"""Arithmetic of boxes."""

from prediction.vectors.plan import Box


def sides(box: Box) -> tuple[float, float]:
    """Width and height."""
    return box[2] - box[0], box[3] - box[1]


def area(box: Box) -> float:
    """Width times height."""
    width, height = sides(box)
    return width * height


def shared_area(box: Box, other: Box) -> float:
    """The area of what both cover."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


def iou(box: Box, other: Box) -> float:
    """Intersection over union; 0 for boxes without an area."""
    shared = shared_area(box, other)
    return shared / (area(box) + area(other) - shared) if shared else 0.0
