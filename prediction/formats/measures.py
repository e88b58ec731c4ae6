"""Areas and lengths of a plan as the formats tell them: in pixels, and in metres where the scale is known."""

from prediction.vectors.plan import MEANINGS, Room

LEAST_SCALE, MOST_SCALE = 1e-6, 1e3
"""Metres per pixel: beyond, lengths round to 0 or areas are no numbers."""


def check_scale(metres_per_pixel: float | None) -> None:
    """Raises ValueError: the scale is not within LEAST_SCALE and MOST_SCALE."""
    if metres_per_pixel is not None and not LEAST_SCALE <= metres_per_pixel <= MOST_SCALE:
        raise ValueError(
            f"The scale must be the metres of one pixel, such as 0.02, from {LEAST_SCALE:f} to {MOST_SCALE:g}, not"
            f" {metres_per_pixel}."
        )


def square_metres(room: Room, metres_per_pixel: float | None) -> float | None:
    """The room's area; None without a scale."""
    return None if metres_per_pixel is None else room.area * metres_per_pixel**2


def area_text(room: Room, metres_per_pixel: float | None) -> str:
    """The room's area with its unit."""
    metres = square_metres(room, metres_per_pixel)
    return f"{room.area:.0f} px²" if metres is None else f"{metres:.1f} m²"


def length_text(pixels: float, metres_per_pixel: float | None) -> str:
    """A length with its unit."""
    return f"{pixels:.1f} px" if metres_per_pixel is None else f"{pixels * metres_per_pixel:.2f} m"


def room_text(number: int, room: Room, metres_per_pixel: float | None) -> str:
    """What is said of a room where one points at it; `number` counts from 1."""
    return f"Room {number}: {area_text(room, metres_per_pixel)}, {MEANINGS[room.outline]}, score {room.score:.2f}"
