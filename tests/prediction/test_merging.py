"""Tiles of a large plan give each object once and whole, whatever the tiles' size."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from PIL import Image

from prediction.merging import merge
from prediction.predictor import Detection
from prediction.tiled import predict_tiled
from prediction.tiling import Tile, tiles_of

Box = tuple[float, float, float, float]
Objects = list[tuple[str, Box]]
SIZE = (4000, 3000)
WALL = 24.0


def office() -> Objects:
    """A floor with 48 rooms along two corridors, walls from junction to junction, and outer walls from end to end."""
    found: Objects = [
        ("wall", (100, 100, 3900, 100 + WALL)),
        ("wall", (100, 2900 - WALL, 3900, 2900)),
        ("wall", (100, 100, 100 + WALL, 2900)),
        ("wall", (3900 - WALL, 100, 3900, 2900)),
    ]
    for top, bottom in ((124, 800), (1000, 1480), (1504, 2100), (2300, 2876)):
        for column in range(12):
            left = 124 + column * 314
            found.append(("room", (left, top, left + 290, bottom)))
            if column < 11:
                found.append(("wall", (left + 290, top, left + 314, bottom)))
            if bottom < 2876:
                found.append(("wall", (left, bottom, left + 290, bottom + WALL)))
    found.append(("room", (124, 824, 3876, 1000)))  # corridors, as long as the floor
    found.append(("room", (124, 2124, 3876, 2300)))
    return found


def seen(objects: Objects, tile: Tile, *, noise: float = 0.0, rng: random.Random | None = None) -> list[Detection]:
    """What a model without faults finds on a tile: what is to be seen there of each object; `noise` in pixels."""
    rng, found = rng or random.Random(1), []
    for label, box in objects:
        x0, y0 = max(box[0], tile.x0), max(box[1], tile.y0)
        x1, y1 = min(box[2], tile.x1), min(box[3], tile.y1)
        if min(x1 - x0, y1 - y0) < 4:
            continue
        x0, x1 = (min(max(edge + rng.gauss(0, noise), tile.x0), tile.x1) for edge in (x0, x1))
        y0, y1 = (min(max(edge + rng.gauss(0, noise), tile.y0), tile.y1) for edge in (y0, y1))
        found.append(Detection(label, rng.uniform(0.5, 1), (x0, y0, x1, y1)))
    return found


def iou(box: Box, other: Box) -> float:
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    shared = max(0.0, width) * max(0.0, height)
    areas = [(each[2] - each[0]) * (each[3] - each[1]) for each in (box, other)]
    return shared / (sum(areas) - shared)


@pytest.mark.parametrize("side", [700, 1000, 1700, 2900])
def test_each_object_is_found_once_and_whole(side: int) -> None:
    objects = office()
    tiles = tiles_of(SIZE, side)
    merged = merge([(tile, seen(objects, tile)) for tile in tiles], seen(objects, Tile(0, 0, *SIZE)), SIZE)
    assert len(merged) == len(objects)
    for label, box in objects:
        [same] = [each for each in merged if each.label == label and iou(each.box, box) > 0.5]
        assert same.box == pytest.approx(box, abs=0.01)
    assert [each.score for each in merged] == sorted((each.score for each in merged), reverse=True)


@pytest.mark.parametrize("side", [700, 1000, 1700, 2900])
def test_boxes_that_are_a_little_off_are_neither_doubled_nor_cut(side: int) -> None:
    objects, rng = office(), random.Random(side)
    by_tile = [(tile, seen(objects, tile, noise=1.5, rng=rng)) for tile in tiles_of(SIZE, side)]
    merged = merge(by_tile, seen(objects, Tile(0, 0, *SIZE), noise=4, rng=rng), SIZE)
    assert len(merged) == len(objects)
    for label, box in objects:
        [same] = [each for each in merged if each.label == label and iou(each.box, box) > 0.5]
        assert same.box == pytest.approx(box, abs=20)


def test_a_hall_whose_inside_no_tile_can_tell_is_taken_from_the_whole_picture() -> None:
    hall: Objects = [("room", (200, 200, 3800, 2800))]

    def walls_in_sight(tile: Tile) -> list[Detection]:
        inner = tile.x0 > 200 and tile.y0 > 200 and tile.x1 < 3800 and tile.y1 < 2800
        return [] if inner or tile.x0 == 0 else seen(hall, tile)

    by_tile = [(tile, walls_in_sight(tile)) for tile in tiles_of(SIZE, 800)]
    [found] = merge(by_tile, seen(hall, Tile(0, 0, *SIZE)), SIZE)
    assert found.box == pytest.approx(hall[0][1], abs=0.01)


def test_neighbours_and_what_is_inside_of_another_stay_apart() -> None:
    """A closet in a room's box, parallel walls, and objects of two classes at one place."""
    objects: Objects = [
        ("room", (100, 100, 1900, 900)),
        ("room", (1500, 600, 1880, 880)),
        ("wall", (100, 900, 1900, 910)),
        ("wall", (100, 914, 1900, 924)),
        ("door", (1500, 600, 1880, 880)),
    ]
    size = (2000, 1000)
    by_tile = [(tile, seen(objects, tile)) for tile in tiles_of(size, 900)]
    merged = merge(by_tile, seen(objects, Tile(0, 0, *size)), size)
    assert sorted((each.label, each.box) for each in merged) == sorted(objects)


@pytest.mark.parametrize(("size", "side"), [((1000, 400), 300), ((300, 300), 300), ((301, 50), 300), ((77, 5000), 64)])
def test_tiles_cover_the_picture_and_overlap(size: tuple[int, int], side: int) -> None:
    tiles = tiles_of(size, side)
    for axis in (0, 1):
        spans = sorted({(tile[axis], tile[axis + 2]) for tile in tiles})
        assert (spans[0][0], spans[-1][1]) == (0, size[axis])
        assert all(later[0] <= earlier[1] - side * 0.25 + 1 for earlier, later in pairwise(spans))
        assert {end - start for start, end in spans} == {min(side, size[axis])}


def finder(objects: Objects, tiles: list[tuple[int, int]]) -> Callable[[Image.Image], tuple[list[Detection], bool]]:
    """A model that knows the objects of a plan and notes the sizes of what it is shown; full on the second tile."""

    def predict(picture: Image.Image) -> tuple[list[Detection], bool]:
        tiles.append(picture.size)
        found = [Detection(label, 0.9, box) for label, box in objects] if len(tiles) == 1 else []
        return found, len(tiles) == 3

    return predict


def test_one_flat_in_many_pixels_is_taken_as_a_whole_unless_tiles_are_asked_for() -> None:
    flat: Objects = [("room", (100, 100, 1900, 2900)), ("room", (2000, 100, 3900, 2900)), ("wall", (100, 80, 3900, 99))]
    shown: list[tuple[int, int]] = []
    whole = predict_tiled(finder(flat, shown), Image.new("L", SIZE), 1000, always=False)
    assert (whole.tiles, len(whole.detections), shown) == (0, 3, [SIZE])
    shown.clear()
    tiled = predict_tiled(finder(flat, shown), Image.new("L", SIZE), 1000, always=True)
    assert (tiled.tiles, tiled.full) == (len(tiles_of(SIZE, 1000)), 1)
    assert set(shown[1:]) == {(1000, 1000)}


@pytest.mark.parametrize("objects", [[], [("room", (100, 100, 400, 400))]])
def test_a_large_floor_is_cut_into_tiles(objects: Objects) -> None:
    found = predict_tiled(finder(objects, []), Image.new("L", SIZE), 1000, always=False)
    assert found.tiles == len(tiles_of(SIZE, 1000))


def test_a_plan_no_larger_than_a_tile_is_taken_as_a_whole() -> None:
    assert predict_tiled(finder([], []), Image.new("L", (900, 300)), 900, always=True).tiles == 0
