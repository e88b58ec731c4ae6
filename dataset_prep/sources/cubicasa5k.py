"""CubiCasa5K (https://zenodo.org/record/2613548): raw plans with model.svg to images with wall and room boxes.

The units of model.svg are pixels of F1_scaled.png; viewBox, width and height say only how far the annotation reaches.
Boxes are therefore scaled by (F1_original / F1_scaled), plan by plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.findings import FindingLog
from dataset_contract.layout import SPLITS
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.images import ImageError, ImageHeader, read_header
from dataset_prep.sources.model_svg import Model, Polygon, Space, SvgError, parse_model
from dataset_prep.sources.source import Source, SourceBox, SourceImage

CATEGORIES = ("high_quality", "high_quality_architectural", "colorful")
CLASSES = ("wall", "room")
ORIGINAL, SCALED, ANNOTATION = "F1_original.png", "F1_scaled.png", "model.svg"

_DECIMALS = 3  # of a pixel: the SVGs have two, and scaling adds little
_OUTSIDE_SHARE = 0.05  # of the walls' area; more of it outside the picture is no rounding


@dataclass(frozen=True)
class Policy:
    """What counts as wall and room where opinions differ; the defaults are those of the user's Kaggle annotations,
    but for railings, which that conversion took for walls by mistake."""

    railings_are_walls: bool = False
    outdoor_is_room: bool = True
    undefined_is_room: bool = True


@dataclass(frozen=True)
class _Plan:
    """A plan's folder, and its place in the official lists."""

    folder: Path
    name: str  # category/id
    image_id: int
    split: str | None


def find_root(source: Path) -> Path | None:
    """The folder below `source` that holds the category folders (copies nest it up to twice), or None."""
    for root in (source, source / "cubicasa5k", source / "cubicasa5k" / "cubicasa5k"):
        if any((root / category).is_dir() for category in CATEGORIES):
            return root
    return None


def read_cubicasa5k(
    source: Path, policy: Policy, *, advance: Callable[[int], None] = lambda count: None, limit: int | None = None
) -> Source:
    """All plans below `source` that have a picture and an annotation, in the order of their ids.

    Ids are the official lists' line numbers (val's go on after train's); plans that no list names follow in sorted
    order. What a plan lacks is a finding, and the plan is left out. `advance` is called with 1 for each plan looked at.

    Raises UsageError if `source` has no category folder, PrepError if there is not one plan to convert.
    """
    root = find_root(source)
    if root is None:
        raise UsageError(f"{source} has none of the folders {', '.join(CATEGORIES)}: give the folder that holds them.")
    found = FindingLog()
    plans = _plans(root, found)
    if not plans:
        raise PrepError(f"{root} holds no plan: there is no folder such as high_quality/17 with {ORIGINAL} in it.")
    images: list[SourceImage] = []
    for plan in plans:
        if limit is not None and len(images) == limit:
            break
        image = _read_plan(plan, policy, found)
        if image is not None:
            images.append(image)
        advance(1)
    if not images:
        raise PrepError(
            f"None of the {len(plans)} plans in {root} can be converted; the first problem: "
            f"{found.findings()[0].message}"
        )
    options = {
        "railings": "wall" if policy.railings_are_walls else "ignore",
        "outdoor": "room" if policy.outdoor_is_room else "ignore",
        "undefined": "room" if policy.undefined_is_room else "ignore",
    }
    return Source("cubicasa5k", images, found.findings(), options)


def count_plans(source: Path) -> int:
    """How many plans there are to look at, for progress."""
    root = find_root(source)
    return sum(1 for _ in _folders(root)) if root else 0


def _folders(root: Path) -> Iterator[Path]:
    for category in CATEGORIES:
        if (root / category).is_dir():
            yield from sorted(folder for folder in (root / category).iterdir() if folder.is_dir())


def _plans(root: Path, found: FindingLog) -> list[_Plan]:
    """The plans on disk, sorted by image id."""
    listed = _read_lists(root, found)
    on_disk = {f"{folder.parent.name}/{folder.name}": folder for folder in _folders(root)}
    absent = len(listed.keys() - on_disk.keys())
    if absent:
        found.info(
            "LISTED_PLAN_ABSENT",
            f"{absent:,} of the {len(listed):,} plans that the official lists name are not in {root}.",
            "Nothing, if only a part of CubiCasa5K was meant; else complete the download.",
        )
    next_id = max((number for number, _ in listed.values()), default=0) + 1
    plans = []
    for name, folder in sorted(on_disk.items(), key=lambda item: (item[0].partition("/")[0], _natural(item[1].name))):
        if name in listed:
            number, split = listed[name]
            plans.append(_Plan(folder, name, number, split))
        else:
            plans.append(_Plan(folder, name, next_id, None))
            next_id += 1
    return sorted(plans, key=lambda plan: plan.image_id)


def _natural(name: str) -> tuple[int, str]:
    return (int(name), "") if name.isdecimal() else (1 << 62, name)


def _read_lists(root: Path, found: FindingLog) -> dict[str, tuple[int, str]]:
    """category/id -> (id, split) from train.txt, val.txt and test.txt beside the category folders or in splits/.

    Entries are such as /high_quality/17/; CRLF, a missing slash and a missing last newline occur.
    """
    listed: dict[str, tuple[int, str]] = {}
    offset = 0
    for split in SPLITS:
        path = next((p for p in (root / f"{split}.txt", root / "splits" / f"{split}.txt") if p.is_file()), None)
        if path is None:
            continue
        try:
            lines = path.read_text(encoding="utf-8-sig").rstrip().splitlines()
        except UnicodeDecodeError as error:
            raise PrepError(
                f"{path} is not a text file ({error}): take the list from the original download."
            ) from error
        for number, line in enumerate(lines, start=1):
            name = "/".join(part for part in line.strip().replace("\\", "/").split("/") if part)
            if not name:
                continue
            if name in listed:
                found.warning(
                    "PLAN_LISTED_TWICE",
                    f"{path.name} names {name} in line {number}, and it was named before in {listed[name][1]}.txt.",
                    "Take the lists from the original download; here the first mention counts.",
                    file=str(path.relative_to(root)),
                )
                continue
            listed[name] = (offset + number, split)
        offset += len(lines)
    return listed


def _read_plan(plan: _Plan, policy: Policy, found: FindingLog) -> SourceImage | None:
    original, scaled, annotation = (plan.folder / name for name in (ORIGINAL, SCALED, ANNOTATION))
    for path, code, why in (
        (original, "PLAN_WITHOUT_IMAGE", "there is nothing to train on"),
        (annotation, "PLAN_WITHOUT_ANNOTATION", "nothing says where its walls and rooms are"),
        (scaled, "PLAN_WITHOUT_SCALED_IMAGE", "its size is needed to place the boxes"),
    ):
        if not path.is_file():
            found.warning(
                code,
                f"{plan.name} has no {path.name}, and {why}: the plan is skipped.",
                f"Copy {path.name} from the original download, or remove the folder.",
                file=f"{plan.name}/{path.name}",
                image_id=plan.image_id,
            )
            return None
    _compare_floors(plan, found)
    file = original
    try:
        header = read_header(file := original)
        frame = read_header(file := scaled)
        model = parse_model((file := annotation).read_bytes())
    except (ImageError, SvgError) as error:
        found.error(
            "ANNOTATION_BROKEN" if file is annotation else "IMAGE_BROKEN",
            f"{plan.name}/{file.name} {error}.",
            "Copy it again from the original download, or remove the plan's folder.",
            file=f"{plan.name}/{file.name}",
            image_id=plan.image_id,
        )
        return None
    boxes = list(_boxes(plan, model, policy, header=header, frame=frame, found=found))
    return SourceImage(plan.image_id, original, header.width, header.height, tuple(boxes), plan.split)


def _compare_floors(plan: _Plan, found: FindingLog) -> None:
    """Further floors are usually the same sheet, and the SVG holds all floors: another sheet is worth a word."""
    others = sorted(plan.folder.glob("F[2-9]_original.png"))
    original = (plan.folder / ORIGINAL).read_bytes() if others else b""
    for other in others:
        if other.read_bytes() != original:
            found.warning(
                "OTHER_FLOOR_NOT_USED",
                f"{plan.name}/{other.name} is another picture than {ORIGINAL}; only {ORIGINAL} is used.",
                "Look at the plan's boxes in the report; remove the plan if walls of the other floor show.",
                file=f"{plan.name}/{other.name}",
                image_id=plan.image_id,
            )


def _boxes(
    plan: _Plan, model: Model, policy: Policy, *, header: ImageHeader, frame: ImageHeader, found: FindingLog
) -> Iterator[SourceBox]:
    scale = header.width / frame.width, header.height / frame.height
    walls = model.walls + (model.railings if policy.railings_are_walls else [])
    spaces = [space for space in model.spaces if _is_room(space, policy)]
    labelled: list[tuple[str, str | None, Polygon]] = [("wall", None, outline) for outline in walls]
    labelled += [("room", space.kind or None, space.outline) for space in spaces]
    lost = model.without_outline
    for label, room_type, outline in labelled:
        bbox = _clipped_bbox(outline, scale, header)
        if bbox is None:
            lost += 1
        else:
            yield SourceBox(label, bbox, room_type)
    file = f"{plan.name}/{ANNOTATION}"
    if lost:
        found.warning(
            "OUTLINE_WITHOUT_AREA",
            f"{file} has {lost} walls or rooms without an outline inside the picture: left out.",
            "Look at the plan in the report; nothing to do if no wall or room lacks its box.",
            file=file,
            image_id=plan.image_id,
        )
    outside = _share_outside(walls, frame)
    if outside > _OUTSIDE_SHARE:
        found.warning(
            "ANNOTATION_DOES_NOT_FIT",
            f"{outside:.0%} of the walls in {file} lie outside of {SCALED} "
            f"({frame.width} x {frame.height}): the annotation may belong to another picture.",
            "Look at the plan in the report, and remove its folder if the boxes are not on the walls.",
            file=file,
            image_id=plan.image_id,
        )


def _is_room(space: Space, policy: Policy) -> bool:
    first = space.kind.partition(" ")[0]
    if first in ("Background", "Railing"):
        return False
    if first == "Outdoor":
        return policy.outdoor_is_room
    return policy.undefined_is_room or first != "Undefined"


def _clipped_bbox(
    outline: Polygon, scale: tuple[float, float], header: ImageHeader
) -> tuple[float, float, float, float] | None:
    """The outline's bounding box [x, y, width, height] in pixels of F1_original, or None if nothing is inside."""
    x0, x1 = _span((x * scale[0] for x, _ in outline), header.width)
    y0, y1 = _span((y * scale[1] for _, y in outline), header.height)
    width, height = round(x1 - x0, _DECIMALS), round(y1 - y0, _DECIMALS)
    return (x0, y0, width, height) if width > 0 and height > 0 else None


def _span(values: Iterable[float], limit: int) -> tuple[float, float]:
    numbers = list(values)
    low, high = (round(min(max(edge, 0.0), float(limit)), _DECIMALS) for edge in (min(numbers), max(numbers)))
    return low, high


def _share_outside(walls: list[Polygon], frame: ImageHeader) -> float:
    """The share of the walls' bounding boxes that lies outside the picture which the annotation was drawn on."""
    total = inside = 0.0
    for outline in walls:
        x0, x1 = min(x for x, _ in outline), max(x for x, _ in outline)
        y0, y1 = min(y for _, y in outline), max(y for _, y in outline)
        total += (x1 - x0) * (y1 - y0)
        inside += max(min(x1, frame.width) - max(x0, 0), 0) * max(min(y1, frame.height) - max(y0, 0), 0)
    return 1 - inside / total if total else 0.0
