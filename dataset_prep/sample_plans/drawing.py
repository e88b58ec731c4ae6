"""Draws a made-up floor plan as a picture, in one of a few drawing styles for each of CubiCasa5K's three folders."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

from dataset_prep.sample_plans.plan import Fixture, Plan, Room
from dataset_prep.sample_plans.rooms import Box
from dataset_prep.sample_plans.walls import Opening, Point, Wall

SUPERSAMPLING = 3  # drawn larger and averaged down: smooth lines at any scale

Colour = tuple[int, int, int]
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
    """How one office draws: colours, whether walls are outlined, and what is written onto the plan."""

    paper: Colour
    wall: Colour
    wall_edge: Colour | None
    line: Colour
    glass: Colour
    fills: bool
    areas: bool
    dimensions: bool


def choose_style(rng: random.Random, category: str) -> Style:
    """A style that is usual in the folder `category`."""
    white = rng.choice([(255, 255, 255), (253, 252, 248), (248, 248, 246)])
    if category == "colorful":
        wall = rng.choice([(64, 58, 55), (38, 50, 72), (86, 52, 40)])
        return Style(white, wall, None, (90, 84, 80), (120, 170, 205), True, rng.random() < 0.5, False)
    if category == "high_quality_architectural":
        grey = rng.choice([(92, 92, 92), (70, 74, 80), (25, 25, 25)])
        return Style(white, grey, (0, 0, 0), (30, 30, 30), (30, 30, 30), False, True, True)
    wall = rng.choice([(12, 12, 12), (20, 60, 36), (45, 45, 48)])
    return Style(
        white, wall, None, (40, 40, 40), rng.choice([(40, 40, 40), (70, 110, 190)]), False, rng.random() < 0.3, False
    )


def draw(plan: Plan, style: Style, width: int, height: int) -> Image.Image:
    """The whole sheet as an RGB picture of `width` x `height` pixels."""
    sheet = _Sheet(plan, style, width, height)
    for room in plan.rooms:
        if style.fills:
            sheet.rectangle(room.floor, fill=PASTELS.get(room.kind, (240, 240, 236)))
    for fixture in plan.fixtures:
        _draw_fixture(sheet, fixture)
    for wall in plan.walls:
        sheet.polygon(wall.polygon, fill=style.wall, outline=style.wall_edge)
    for wall in plan.walls:
        for opening in wall.openings:
            (_draw_door if opening.kind == "Door" else _draw_window)(sheet, opening, wall.horizontal)
    for railing in plan.railings:
        _draw_railing(sheet, railing)
    for column in plan.columns:
        sheet.rectangle(column, fill=style.paper, outline=style.line)
        sheet.lines([(column.x0, column.y0), (column.x1, column.y1)], [(column.x0, column.y1), (column.x1, column.y0)])
    for room in plan.rooms:
        _write_label(sheet, room)
    if style.dimensions:
        _draw_dimensions(sheet, plan)
    return sheet.picture.resize((width, height), Image.Resampling.BOX)


class _Sheet:
    """A canvas that takes centimetres."""

    def __init__(self, plan: Plan, style: Style, width: int, height: int) -> None:
        self.style = style
        self.scale_x = width * SUPERSAMPLING / plan.width
        self.scale_y = height * SUPERSAMPLING / plan.height
        self.picture = Image.new("RGB", (width * SUPERSAMPLING, height * SUPERSAMPLING), style.paper)
        self.pen = ImageDraw.Draw(self.picture)
        self.stroke = max(1, round(2.6 * self.scale_x))

    def at(self, points: list[Point]) -> list[Point]:
        return [(x * self.scale_x, y * self.scale_y) for x, y in points]

    def rectangle(self, box: Box, *, fill: Colour | None = None, outline: Colour | None = None) -> None:
        corners = self.at([(box.x0, box.y0), (box.x1, box.y1)])
        self.pen.rectangle(corners, fill=fill, outline=outline, width=self.stroke)

    def polygon(self, points: list[Point], *, fill: Colour | None, outline: Colour | None = None) -> None:
        self.pen.polygon(self.at(points), fill=fill, outline=outline, width=self.stroke)

    def ellipse(self, box: Box) -> None:
        self.pen.ellipse(self.at([(box.x0, box.y0), (box.x1, box.y1)]), outline=self.style.line, width=self.stroke)

    def lines(self, *lines: list[Point], colour: Colour | None = None) -> None:
        for line in lines:
            self.pen.line(self.at(line), fill=colour or self.style.line, width=self.stroke)

    def text(self, x: float, y: float, text: str, size_cm: float, *, upright: bool = True) -> None:
        font = ImageFont.load_default(size_cm * self.scale_y)
        centre = self.at([(x, y)])[0]
        if upright:
            self.pen.text(centre, text, fill=self.style.line, font=font, anchor="mm")
            return
        left, top, right, bottom = (round(edge) for edge in self.pen.textbbox((0, 0), text, font=font, anchor="lt"))
        mask = Image.new("L", (right - left + 2, bottom - top + 2), 0)
        ImageDraw.Draw(mask).text((0, 0), text, fill=255, font=font, anchor="lt")
        mask = mask.transpose(Image.Transpose.ROTATE_90)
        corner = (round(centre[0] - mask.width / 2), round(centre[1] - mask.height / 2))
        self.picture.paste(self.style.line, corner, mask)


def _draw_door(sheet: _Sheet, opening: Opening, horizontal: bool) -> None:
    box = opening.box
    sheet.rectangle(box, fill=sheet.style.paper)
    if horizontal:
        width, face = box.x1 - box.x0, box.y1 if opening.swing > 0 else box.y0
        hinge = (box.x0 if opening.hinge_at_start else box.x1, face)
        leaf = (hinge[0], face + opening.swing * width)
        sheet.lines([(box.x0, box.y0), (box.x0, box.y1)], [(box.x1, box.y0), (box.x1, box.y1)])
        towards = 0 if opening.hinge_at_start else 180
    else:
        width, face = box.y1 - box.y0, box.x1 if opening.swing > 0 else box.x0
        hinge = (face, box.y0 if opening.hinge_at_start else box.y1)
        leaf = (face + opening.swing * width, hinge[1])
        sheet.lines([(box.x0, box.y0), (box.x1, box.y0)], [(box.x0, box.y1), (box.x1, box.y1)])
        towards = 90 if opening.hinge_at_start else 270
    sheet.lines([hinge, leaf])
    # The arc from the closed position (along the wall) to the open leaf; Pillow's angles run clockwise from 3 o'clock.
    opened = (90 if opening.swing > 0 else 270) if horizontal else (0 if opening.swing > 0 else 180)
    start, end = (towards, opened) if (opened - towards) % 360 == 90 else (opened, towards)
    circle = sheet.at([(hinge[0] - width, hinge[1] - width), (hinge[0] + width, hinge[1] + width)])
    sheet.pen.arc(circle, start, end, fill=sheet.style.line, width=max(1, sheet.stroke * 2 // 3))


def _draw_window(sheet: _Sheet, opening: Opening, horizontal: bool) -> None:
    box = opening.box
    sheet.rectangle(box, fill=(255, 255, 255), outline=sheet.style.glass)
    if horizontal:
        y = (box.y0 + box.y1) / 2
        sheet.lines([(box.x0, y), (box.x1, y)], colour=sheet.style.glass)
    else:
        x = (box.x0 + box.x1) / 2
        sheet.lines([(x, box.y0), (x, box.y1)], colour=sheet.style.glass)


def _draw_railing(sheet: _Sheet, railing: Wall) -> None:
    sheet.polygon(railing.polygon, fill=sheet.style.paper, outline=sheet.style.line)


def _draw_fixture(sheet: _Sheet, fixture: Fixture) -> None:
    """Furniture as an architect draws it; `part` takes fractions: along the wall, and away from it."""
    box = fixture.box

    def part(along0: float, away0: float, along1: float, away1: float) -> Box:
        if fixture.back in {"bottom", "right"}:
            away0, away1 = 1 - away1, 1 - away0
        if fixture.back in {"left", "right"}:
            along0, away0, along1, away1 = away0, along0, away1, along1
        width, height = box.x1 - box.x0, box.y1 - box.y0
        return Box(box.x0 + along0 * width, box.y0 + away0 * height, box.x0 + along1 * width, box.y0 + away1 * height)

    outline = sheet.style.line
    if fixture.kind == "Toilet":
        sheet.rectangle(part(0, 0, 1, 0.3), fill=(255, 255, 255), outline=outline)
        sheet.ellipse(part(0.08, 0.3, 0.92, 1))
        return
    sheet.rectangle(box, fill=(255, 255, 255), outline=outline)
    if fixture.kind == "Sink":
        sheet.ellipse(part(0.15, 0.15, 0.85, 0.85))
    elif fixture.kind == "BaseCabinet":
        sheet.rectangle(part(0.06, 0.2, 0.3, 0.8), outline=outline)
        for along, away in ((0.62, 0.15), (0.78, 0.15), (0.62, 0.55), (0.78, 0.55)):
            sheet.ellipse(part(along, away, along + 0.11, away + 0.33))
    elif fixture.kind == "Fireplace":
        sheet.polygon(_trapezoid(part(0.15, 0.25, 0.85, 1), fixture.back), fill=None, outline=outline)
    else:  # shower, refrigerator and closet: crossed out
        sheet.lines([(box.x0, box.y0), (box.x1, box.y1)])
        if fixture.kind != "Closet":
            sheet.lines([(box.x0, box.y1), (box.x1, box.y0)])


def _trapezoid(box: Box, back: str) -> list[Point]:
    corners = [(box.x0, box.y0), (box.x1, box.y0), (box.x1, box.y1), (box.x0, box.y1)]
    narrow = {"top": (0, 1), "right": (1, 2), "bottom": (2, 3), "left": (3, 0)}[back]
    x, y = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
    return [
        ((px + (x - px) * 0.4, py) if back in {"top", "bottom"} else (px, py + (y - py) * 0.4))
        if i in narrow
        else (px, py)
        for i, (px, py) in enumerate(corners)
    ]


def _write_label(sheet: _Sheet, room: Room) -> None:
    x, y = (room.floor.x0 + room.floor.x1) / 2, (room.floor.y0 + room.floor.y1) / 2
    area = f"{room.floor.area / 10_000:.1f} m2"
    if not room.label:
        return
    if sheet.style.areas and room.floor.area > 30_000:
        sheet.text(x, y - 14, room.label, 30)
        sheet.text(x, y + 16, area, 24)
    else:
        sheet.text(x, y, room.label, 30)


def _draw_dimensions(sheet: _Sheet, plan: Plan) -> None:
    """The overall measures, above the plan and to the left of it, with ticks as architects set them."""
    box, gap, tick = plan.outline, 62, 8
    above, left = box.y0 - gap, box.x0 - gap
    sheet.lines([(box.x0, above), (box.x1, above)], [(left, box.y0), (left, box.y1)])
    for x in (box.x0, box.x1):
        sheet.lines([(x - tick, above + tick), (x + tick, above - tick)], [(x, above - 12), (x, above + 26)])
    for y in (box.y0, box.y1):
        sheet.lines([(left - tick, y + tick), (left + tick, y - tick)], [(left - 12, y), (left + 26, y)])
    sheet.text((box.x0 + box.x1) / 2, above - 20, f"{(box.x1 - box.x0) * 10:.0f}", 24)
    sheet.text(left - 20, (box.y0 + box.y1) / 2, f"{(box.y1 - box.y0) * 10:.0f}", 24, upright=False)
