"""Writes a made-up floor plan as a model.svg in the dialect of CubiCasa5K, with its oddities."""

from __future__ import annotations

import random
from xml.sax.saxutils import escape

from dataset_prep.sample_plans.plan import Room, SamplePlan
from dataset_prep.sample_plans.rooms import Box
from dataset_prep.sample_plans.walls import Opening, Point, Wall

_STYLE = 'fill="#ffffff" stroke="#000000" style="fill-opacity: 1; stroke-opacity: 1; stroke-width: 0.2;"'
_CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


def plan_to_svg(plan: SamplePlan, width: int, height: int, rng: random.Random) -> str:
    """The annotation, in pixels of an F1_scaled.png of `width` x `height`.

    As in CubiCasa5K, width, height and viewBox say only how far the annotated walls reach, not the size of the image.
    """
    writer = _Writer(width / plan.width, height / plan.height, rng)
    parts = [writer.room(room) for room in plan.rooms]
    parts += [writer.wall(wall) for wall in plan.walls]
    parts += [writer.railing(wall) for wall in plan.railings]
    parts += [writer.furniture(box) for box in plan.furniture]
    corners = [point for wall in plan.walls + plan.railings for point in wall.polygon]
    extent_x = max(x for x, _ in corners) * writer.scale_x
    extent_y = max(y for _, y in corners) * writer.scale_y
    return (
        '<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'height="{extent_y:.4f}" version="1.1" width="{extent_x:.4f}" id="temp" '
        f'viewBox="0 0 {extent_x:.4f} {extent_y:.4f}">'
        '<defs/><g id="Model" class="Model v1-1"><g class="Floor"><g id="Floor-1" class="Floorplan Floor-1">'
        + "".join(parts)
        + "</g></g></g></svg>\n"
    )


class _Writer:
    """Turns centimetres into the SVG's units."""

    def __init__(self, scale_x: float, scale_y: float, rng: random.Random) -> None:
        self.scale_x, self.scale_y, self.rng = scale_x, scale_y, rng

    def polygon(self, points: list[Point], *, closed: bool = False) -> str:
        if closed:  # the first corner again, twice: so do the originals
            points = [*points, points[0], points[0]]
        numbers = "".join(f"{x * self.scale_x:.2f},{y * self.scale_y:.2f} " for x, y in points)
        return f'<polygon points="{numbers}"/>'

    def box(self, box: Box, *, closed: bool = False) -> str:
        corners = [(box.x1 if right else box.x0, box.y1 if low else box.y0) for right, low in _CORNERS]
        return self.polygon(corners, closed=closed)

    def matrix(self, x: float, y: float) -> str:
        return f'transform="matrix(1,0,0,1,{x * self.scale_x:.4f},{y * self.scale_y:.4f})"'

    def room(self, room: Room) -> str:
        floor = room.floor
        return (
            f'<g {_STYLE} class="Space {room.kind}">'
            + self.box(floor, closed=self.rng.random() < 0.7)
            + f'<g {self.matrix(floor.x0, floor.y0)} class="Dimension">'
            '<g transform="matrix(1,0,0,1,0,0)" style="display: none;" class="Visual">'
            '<g id="mark1" style="fill-opacity: 1;" class="DimensionMark"><polygon points="-5,5,0,0,5,5"/></g></g>'
            f'<g {self.matrix(floor.width / 2, floor.height / 2)} class="SpaceDimensionsLabel">'
            '<g id="NameLabel" style="display: block;" class="TextLabel NameLabel">'
            f'<text x="0" y="0em">{escape(room.label)}</text></g></g></g></g>'
        )

    def wall(self, wall: Wall) -> str:
        # A trailing space in the class is as frequent in the originals as none.
        kind = "Wall External" if wall.external else self.rng.choice(["Wall", "Wall "])
        inside = "".join(self.opening(opening, horizontal=wall.horizontal) for opening in wall.openings)
        return f'<g id="Wall" {_STYLE} class="{kind}">{self.polygon(wall.polygon)}{inside}</g>'

    def opening(self, opening: Opening, *, horizontal: bool) -> str:
        outline = self.box(opening.box)
        if opening.kind == "Window":
            return (
                f'<g id="Window" {_STYLE} class="Window Regular">{outline}'
                f'<g id="Glass" class="Glass">{outline}</g><g id="Panel" class="Panel">{outline}</g></g>'
            )
        side = "Right" if opening.hinge_at_start else "Left"
        sign = "Positive" if opening.swing > 0 else "Negative"
        return (
            f'<g id="Door" {_STYLE} class="Door Swing Beside">{outline}'
            f'<g id="Threshold" class="Threshold">{outline}</g>'
            f'<g id="Panel" style="" class="Panel {side} {sign}"><g id="PanelArea" class="PanelArea">{outline}</g>'
            f"{self.swing(opening, horizontal=horizontal)}</g></g>"
        )

    def swing(self, opening: Opening, *, horizontal: bool) -> str:
        """The quarter of a circle under the leaf: from where it closes to where it stands open, and to its hinge."""
        hinge, closed, opened = (
            (x * self.scale_x, y * self.scale_y) for x, y in opening.swing_corners(horizontal=horizontal)
        )

        def step(start: Point, end: Point) -> str:
            return f"{end[0] - start[0]:.2f},{end[1] - start[1]:.2f}"

        return (
            f'<path d="M{closed[0]:.2f},{closed[1]:.2f} q{step(hinge, opened)} {step(closed, opened)} '
            f'l{step(opened, hinge)}Z"/>'
        )

    def railing(self, railing: Wall) -> str:
        return f'<g id="Railing" {_STYLE} class="Railing">{self.polygon(railing.polygon)}</g>'

    def furniture(self, box: Box) -> str:
        local = self.box(Box(0, 0, box.width, box.height))
        return f'<g class="FixedFurniture" {self.matrix(box.x0, box.y0)}><g class="BoundaryPolygon">{local}</g></g>'
