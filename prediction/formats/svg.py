"""A plan as SVG, drawn over its picture: one file that a browser opens, without scripts and without other files."""

import base64
import io
from xml.sax.saxutils import escape

from PIL import Image

from dataset_contract.sanitise import sanitise
from prediction.formats.measures import area_text, check_scale, length_text, room_text
from prediction.vectors.plan import Box, FloorPlan, Point, Ring, Room

LONGEST_SIDE = 2000
"""Pixels of the embedded picture; a larger one is shrunk, while the drawing keeps its places."""
_QUALITY = 85
_TEXTS_PER_SIDE = 45
_STYLE = """
.picture{opacity:.55}
.room{fill:#1f77b4;fill-opacity:.22;stroke:#1f77b4;stroke-width:2;fill-rule:evenodd}
.box{fill:#ff7f0e;fill-opacity:.18;stroke:#ff7f0e;stroke-dasharray:6 4}
.wall{fill:#d62728;fill-opacity:.45}
.centre{stroke:#7a0c0d;stroke-width:1.5;fill:none}
.opening{fill:#2ca02c;fill-opacity:.35;stroke:#2ca02c;stroke-width:1}
.room,.centre,.opening{vector-effect:non-scaling-stroke}
text{font-family:sans-serif;text-anchor:middle;dominant-baseline:middle;fill:#0b2f4a;pointer-events:none;
stroke:#fff;stroke-width:.25em;stroke-linejoin:round;paint-order:stroke}
"""


def to_svg(
    plan: FloorPlan, picture: str, *, image: Image.Image | None = None, metres_per_pixel: float | None = None
) -> bytes:
    """The drawing, with `image`, the upright picture of the plan, embedded below it if given.

    `picture` is its name. One unit is one pixel; a browser shows the drawing as large as its window. What is known of
    an object shows where one points at it.

    Raises ValueError: see check_scale().
    """
    check_scale(metres_per_pixel)
    width, height = plan.size
    body = [] if image is None else [_picture(image, plan.size)]
    rooms = list(enumerate(plan.rooms, start=1))
    body += [_room(number, room, metres_per_pixel) for number, room in rooms]
    for number, wall in enumerate(plan.walls, start=1):
        line = f'<path class="centre" d="M{_at(wall.start)}L{_at(wall.end)}"/>'
        thickness = length_text(wall.thickness, metres_per_pixel)
        title = f"Wall {number}: {thickness} thick, score {wall.score:.2f}"
        body.append(_group(title, _rectangle("wall", wall.body) + line))
    for opening in plan.openings:
        body.append(_group(f"{opening.label}, score {opening.score:.2f}", _rectangle("opening", opening.box)))
    text_size = max(width, height) / _TEXTS_PER_SIDE
    body += [
        f'<text x="{_n(room.inside[0])}" y="{_n(room.inside[1])}" font-size="{_n(text_size)}">'
        f"{number}: {area_text(room, metres_per_pixel)}</text>"
        for number, room in rooms
    ]
    notes = f"<desc>{escape(sanitise(' '.join(plan.notes)))}</desc>" if plan.notes else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">'
        f"<title>{escape(sanitise(picture))}</title>{notes}<style>{_STYLE}</style>\n" + "\n".join(body) + "\n</svg>\n"
    ).encode()


def shown_jpeg(image: Image.Image) -> bytes:
    """The picture below the drawing."""
    shown = image.convert("RGB")
    shown.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    shown.save(data, "JPEG", quality=_QUALITY)
    return data.getvalue()


def _picture(image: Image.Image, size: tuple[int, int]) -> str:
    text = base64.b64encode(shown_jpeg(image)).decode()
    return (
        f'<image class="picture" width="{size[0]}" height="{size[1]}" preserveAspectRatio="none" '
        f'href="data:image/jpeg;base64,{text}"/>'
    )


def _room(number: int, room: Room, scale: float | None) -> str:
    kind = "room" if room.outline == "walls" else "room box"
    path = "".join(_ring(ring) for ring in (room.exterior, *room.holes))
    return _group(room_text(number, room, scale), f'<path class="{kind}" d="{path}"/>')


def _rectangle(kind: str, box: Box) -> str:
    x0, y0, x1, y1 = box
    return f'<rect class="{kind}" x="{_n(x0)}" y="{_n(y0)}" width="{_n(x1 - x0)}" height="{_n(y1 - y0)}"/>'


def _group(title: str, content: str) -> str:
    return f"<g><title>{escape(title)}</title>{content}</g>"


def _ring(ring: Ring) -> str:
    return f"M{'L'.join(map(_at, ring))}Z"


def _at(point: Point) -> str:
    return f"{_n(point[0])} {_n(point[1])}"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
