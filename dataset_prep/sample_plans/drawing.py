"""Draws a made-up floor plan as an image, in one of a few drawing styles for each of CubiCasa5K's three folders."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from dataset_prep.sample_plans.plan import SamplePlan
from dataset_prep.sample_plans.rooms import Box
from dataset_prep.sample_plans.walls import Opening, Point

SUPERSAMPLING = 3  # drawn larger and averaged down: smooth lines at any scale
LABEL_SIZE = 30.0  # centimetres

Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
PASTELS: dict[str, Colour] = {
    "LivingRoom": (250, 236, 205),
    "Kitchen": (253, 222, 196),
    "Bedroom": (214, 228, 245),
    "Bath": (201, 233, 236),
    "Entry Lobby": (236, 230, 222),
    "Outdoor Balcony": (213, 236, 207),
}


@dataclass(frozen=True)
class Style:
    """How one office draws: colours, whether walls are outlined, and whether rooms are filled."""

    paper: Colour
    wall: Colour
    wall_edge: Colour | None
    line: Colour
    glass: Colour
    fills: bool


def choose_style(rng: random.Random, category: str) -> Style:
    """A style that is usual in the folder `category`."""
    paper = rng.choice([WHITE, (253, 252, 248), (248, 248, 246)])
    if category == "colorful":
        wall = rng.choice([(64, 58, 55), (38, 50, 72), (86, 52, 40)])
        return Style(paper, wall, None, (90, 84, 80), (120, 170, 205), True)
    if category == "high_quality_architectural":
        grey = rng.choice([(92, 92, 92), (70, 74, 80), (25, 25, 25)])
        return Style(paper, grey, (0, 0, 0), (30, 30, 30), (30, 30, 30), False)
    wall = rng.choice([(12, 12, 12), (20, 60, 36), (45, 45, 48)])
    return Style(paper, wall, None, (40, 40, 40), rng.choice([(40, 40, 40), (70, 110, 190)]), False)


def draw(plan: SamplePlan, style: Style, width: int, height: int) -> Image.Image:
    """The whole sheet as an RGB image of `width` x `height` pixels."""
    sheet = _Sheet(plan, style, width, height)
    if style.fills:
        for room in plan.rooms:
            sheet.rectangle(room.floor, fill=PASTELS.get(room.kind, (240, 240, 236)))
    for box in plan.furniture:
        sheet.rectangle(box, fill=WHITE, outline=style.line)
    for wall in plan.walls:
        sheet.polygon(wall.polygon, fill=style.wall, outline=style.wall_edge)
    for wall in plan.walls:
        for opening in wall.openings:
            (_draw_door if opening.kind == "Door" else _draw_window)(sheet, opening, wall.horizontal)
    for railing in plan.railings:
        sheet.polygon(railing.polygon, fill=style.paper, outline=style.line)
    for room in plan.rooms:
        sheet.text((room.floor.x0 + room.floor.x1) / 2, (room.floor.y0 + room.floor.y1) / 2, room.label)
    return sheet.image.resize((width, height), Image.Resampling.BOX)


class _Sheet:
    """A canvas that takes centimetres."""

    def __init__(self, plan: SamplePlan, style: Style, width: int, height: int) -> None:
        self.style = style
        self.scale_x = width * SUPERSAMPLING / plan.width
        self.scale_y = height * SUPERSAMPLING / plan.height
        self.image = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), style.paper)
        self.pen = ImageDraw.Draw(self.image)
        self.stroke = max(1, round(2.6 * self.scale_x))

    def at(self, points: list[Point]) -> list[Point]:
        return [(x * self.scale_x, y * self.scale_y) for x, y in points]

    def rectangle(self, box: Box, *, fill: Colour, outline: Colour | None = None) -> None:
        corners = self.at([(box.x0, box.y0), (box.x1, box.y1)])
        self.pen.rectangle(corners, fill=fill, outline=outline, width=self.stroke)

    def polygon(self, points: list[Point], *, fill: Colour, outline: Colour | None) -> None:
        self.pen.polygon(self.at(points), fill=fill, outline=outline, width=self.stroke)

    def line(self, start: Point, end: Point, colour: Colour) -> None:
        self.pen.line(self.at([start, end]), fill=colour, width=self.stroke)

    def text(self, x: float, y: float, text: str) -> None:
        font = ImageFont.load_default(LABEL_SIZE * self.scale_y)
        self.pen.text(self.at([(x, y)])[0], text, fill=self.style.line, font=font, anchor="mm")


def _draw_door(sheet: _Sheet, opening: Opening, horizontal: bool) -> None:
    box, line = opening.box, sheet.style.line
    sheet.rectangle(box, fill=sheet.style.paper)
    start, end, low, high = (box.x0, box.x1, box.y0, box.y1) if horizontal else (box.y0, box.y1, box.x0, box.x1)

    def at(along: float, across: float) -> Point:
        """A point by its place along the wall and across it."""
        return (along, across) if horizontal else (across, along)

    for jamb in (start, end):
        sheet.line(at(jamb, low), at(jamb, high), line)
    width = end - start
    hinge = start if opening.hinge_at_start else end
    face = high if opening.swing > 0 else low
    sheet.line(at(hinge, face), at(hinge, face + opening.swing * width), line)
    # The arc from the closed position (along the wall) to the open leaf; Pillow's angles run clockwise from 3 o'clock.
    closed = (0 if opening.hinge_at_start else 180) if horizontal else (90 if opening.hinge_at_start else 270)
    opened = (90 if opening.swing > 0 else 270) if horizontal else (0 if opening.swing > 0 else 180)
    angles = (closed, opened) if (opened - closed) % 360 == 90 else (opened, closed)
    circle = sheet.at([at(hinge - width, face - width), at(hinge + width, face + width)])
    sheet.pen.arc(circle, *angles, fill=line, width=max(1, sheet.stroke * 2 // 3))


def _draw_window(sheet: _Sheet, opening: Opening, horizontal: bool) -> None:
    box, glass = opening.box, sheet.style.glass
    sheet.rectangle(box, fill=WHITE, outline=glass)
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    if horizontal:
        sheet.line((box.x0, y), (box.x1, y), glass)
    else:
        sheet.line((x, box.y0), (x, box.y1), glass)
