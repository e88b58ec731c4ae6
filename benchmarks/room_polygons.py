"""How many rooms get the right polygon, from true boxes and from a model's: on generated plans, whose rooms are known.

    python benchmarks/room_polygons.py --model build/demo/model

A room is right if a polygon has an IoU of at least 0.75 with it; `box` counts those with which a box alone has it.
The generator's rooms are rectangles, for which boxes suffice. So there are angled plans, too, in which two pairs of
rooms are made one; plans whose walls stop at doors; and open ones, without two of the walls between rooms.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import shapely
from PIL import Image
from shapely import Polygon, affinity

from benchmarks.measuring import RESULTS
from benchmarks.training import machine
from dataset_prep.sample_plans.drawing import choose_style, draw
from dataset_prep.sample_plans.plan import SamplePlan, make_plan
from dataset_prep.sample_plans.rooms import Cell
from dataset_prep.sample_plans.walls import Wall
from dataset_prep.sources.cubicasa5k_plans import CATEGORIES
from prediction.predictor import Detection, Predictor
from prediction.vectors.floor_plan import floor_plan
from prediction.vectors.plan import Box, FloorPlan

ENOUGH = 0.75
"""IoU from which on a polygon is right."""


@dataclass(frozen=True)
class Kind:
    """How a generated plan is changed."""

    joined: int = 0
    """Pairs of rooms made one."""
    opened: int = 0
    """Walls left out between rooms that stay two."""
    gaps: bool = False
    """Whether wall boxes stop at doors."""


KINDS = {
    "rectangles": Kind(),
    "angled": Kind(joined=2),
    "angled, gaps": Kind(joined=2, gaps=True),
    "angled, gaps, open": Kind(joined=2, gaps=True, opened=2),
}


@dataclass(frozen=True)
class Sample:
    """A plan with what is known of it, in pixels."""

    picture: Image.Image
    boxes: list[Detection]
    rooms: list[Polygon]


@dataclass
class Tally:
    """What came of many plans."""

    rooms: int = 0
    right: int = 0
    right_boxes: int = 0
    closed: int = 0

    def add(self, truth: Sequence[Polygon], plan: FloorPlan, boxes: Sequence[Box]) -> None:
        """Count the rooms of one plan."""
        found = [(each.outline, Polygon(each.exterior, each.holes)) for each in plan.rooms]
        rectangles = [shapely.box(*box) for box in boxes]
        for room in truth:
            outline, best = max(
                ((outline, iou(room, polygon)) for outline, polygon in found),
                key=lambda each: each[1],
                default=("", 0.0),
            )
            self.rooms += 1
            self.right += best >= ENOUGH
            self.closed += outline == "walls"
            self.right_boxes += max((iou(room, box) for box in rectangles), default=0.0) >= ENOUGH


def sample(number: int, kind: Kind) -> Sample:
    """The same one for the same arguments."""
    rng = random.Random(f"room polygons/{number}")
    plan = make_plan(rng)
    width = rng.randint(340, 480)
    scale = width / plan.width
    walls, groups = join_rooms(plan, rng, kind.joined)
    solid = shapely.union_all([Polygon(wall.polygon) for wall in walls])
    floors = [shapely.union_all([shapely.box(*cell.box) for cell in group]).difference(solid) for group in groups]
    between = [wall for wall in walls if None not in wall.sides and len(wall.indoor) == 2]
    opened = rng.sample(between, min(kind.opened, len(between)))
    walls = [wall for wall in walls if wall not in opened]
    pieces = [piece for wall in walls for piece in wall_boxes(wall, gaps=kind.gaps)]
    rooms = [affinity.scale(largest(floor), scale, scale, origin=(0, 0)) for floor in floors]
    boxes = [Detection("wall", 1.0, scaled(box, scale)) for box in pieces]
    boxes += [Detection("room", 1.0, room.bounds) for room in rooms]
    drawn = replace(plan, walls=walls)
    picture = draw(drawn, choose_style(rng, rng.choice(CATEGORIES)), width, round(plan.height * scale))
    return Sample(picture, boxes, rooms)


def join_rooms(plan: SamplePlan, rng: random.Random, pairs: int) -> tuple[list[Wall], list[list[Cell]]]:
    """The walls that are left when so many pairs of rooms have become one, and the cells of each room."""
    cells = list({cell.box: cell for wall in (*plan.walls, *plan.railings) for cell in wall.sides if cell}.values())
    room_of = {cell.box: number for number, cell in enumerate(cells)}
    between = [wall for wall in plan.walls if len(wall.indoor) == 2]
    for wall in rng.sample(between, len(between)):
        one, other = (room_of[cell.box] for cell in wall.indoor)
        if pairs and one != other:
            room_of = {box: one if room == other else room for box, room in room_of.items()}
            pairs -= 1
    walls = [wall for wall in plan.walls if len({room_of[cell.box] if cell else None for cell in wall.sides}) == 2]
    groups = [[cell for cell in cells if room_of[cell.box] == room] for room in sorted(set(room_of.values()))]
    return walls, groups


def wall_boxes(wall: Wall, *, gaps: bool) -> list[Box]:
    """The wall's bounding box, or what doors leave of it."""
    whole = Polygon(wall.polygon).envelope
    doors = [shapely.box(*opening.box) for opening in wall.openings if gaps and opening.kind == "Door"]
    rest = whole.difference(shapely.union_all([door.buffer(0.01, join_style="mitre") for door in doors]))
    return [part.bounds for part in shapely.get_parts(rest)]


def scaled(box: Box, scale: float) -> Box:
    x0, y0, x1, y1 = box
    return x0 * scale, y0 * scale, x1 * scale, y1 * scale


def iou(one: Polygon, other: Polygon) -> float:
    shared = one.intersection(other).area
    return float(shared / (one.area + other.area - shared))


def largest(geometry: shapely.Geometry) -> Polygon:
    return max(shapely.get_parts(geometry), key=lambda part: part.area)


def measure(kind: Kind, plans: int, predictor: Predictor | None) -> dict[str, float]:
    """Shares of the rooms of so many plans, and milliseconds of processor time per plan."""
    tally, times = Tally(), []
    for number in range(plans):
        one = sample(number, kind)
        found = one.boxes if predictor is None else predictor.predict(one.picture)
        start = time.process_time()
        plan = floor_plan(found, one.picture.size)
        times.append(1000 * (time.process_time() - start))
        tally.add(one.rooms, plan, [detection.box for detection in found if detection.label == "room"])
    return {
        "rooms": tally.rooms,
        "right": round(tally.right / tally.rooms, 4),
        "right_by_box": round(tally.right_boxes / tally.rooms, 4),
        "closed_by_walls": round(tally.closed / tally.rooms, 4),
        "median_ms": round(statistics.median(times), 2),
        "longest_ms": round(max(times), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure room polygons on generated plans.")
    parser.add_argument("--plans", type=int, default=200, help="of each kind (default: 200)")
    parser.add_argument("--model", type=Path, help="folder of a trained model, to measure its predictions as well")
    parser.add_argument("--json", action="store_true", help="also write benchmarks/results/")
    options = parser.parse_args()
    sources = {"true boxes": None} | ({"predictions": Predictor.load(options.model)} if options.model else {})
    print(f"{options.plans} plans of each kind; shares of rooms, milliseconds per plan")
    print(f"{'boxes':<14}{'plans':<22}{'rooms':>6}{'right':>8}{'box':>8}{'closed':>8}{'median':>8}{'longest':>9}")
    results = {}
    for source, predictor in sources.items():
        for name, kind in KINDS.items():
            if predictor is not None and kind.gaps and not kind.opened:
                continue  # its pictures are those of the plans without gaps
            figures = measure(kind, options.plans, predictor)
            results[f"{source}: {name}"] = figures
            rooms, *shares, median, longest = figures.values()
            percents = "".join(f"{share:>8.1%}" for share in shares)
            print(f"{source:<14}{name:<22}{rooms:>6}{percents}{median:>8.1f}{longest:>9.1f}")
    if options.json:
        RESULTS.mkdir(exist_ok=True)
        written = {"machine": machine(), "plans": options.plans, "figures": results}
        (RESULTS / "room_polygons.json").write_text(json.dumps(written, indent=1) + "\n")


if __name__ == "__main__":
    main()
