"""CubiCasa5K (https://zenodo.org/record/2613548): raw plans with model.svg to images with boxes of walls, rooms, doors
and windows.

The units of model.svg are pixels of F1_scaled.png; viewBox, width and height say only how far the annotation reaches.
Boxes are therefore scaled by (F1_original / F1_scaled), plan by plan.
"""

from __future__ import annotations

import filecmp
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from dataset_contract.findings import Finding, FindingLog, Place, worst
from dataset_prep.broken_images import IMAGE_BROKEN
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.progress import Advance, no_progress
from dataset_prep.rounding import rounded
from dataset_prep.sources.cubicasa5k_plans import (
    ANNOTATION,
    CATEGORIES,
    ORIGINAL,
    SCALED,
    PlanFolder,
    find_plans,
    find_root,
)
from dataset_prep.sources.cubicasa5k_policy import DOOR, ROOM, WALL, WINDOW, Policy
from dataset_prep.sources.ink_overlap import grey_thumbnail, ink_overlap
from dataset_prep.sources.model_svg import MAX_BYTES, Model, Polygon, Space, SvgError, parse_model
from dataset_prep.sources.repairs import NONE, Repairs
from dataset_prep.sources.source import Source, SourceBox, SourceImage
from dataset_prep.sources.source_files import LEADS_OUT, SourceFolders, read_source_file, report_refused
from image_reader.header import ImageError, ImageHeader, read_header

_OUTSIDE_SHARE = 0.05  # of the walls' area; more of it outside the image is not rounding
_TOLERANCE = 1.0  # pixels by which an outline may reach beyond the image without a finding
_AT_ONCE = 64  # plans handed to the threads; few enough to stop soon once --limit is reached


def read_cubicasa5k(
    source: Path,
    policy: Policy,
    repairs: Repairs = NONE,
    *,
    advance: Advance = no_progress,
    limit: int | None = None,
    workers: int = 1,
) -> Source:
    """All plans below `source` that have an image and an annotation, in the order of their ids.

    Ids are the official lists' line numbers (val's go on after train's); plans that no list names follow in sorted
    order. What a plan lacks is a finding, and the plan is left out. A plan whose walls are not on its image is a
    finding too, and marked as mismatched. `advance` is called with 1 and the image's bytes for each plan looked at.

    Raises UsageError if `source` has no category folder, PrepError if there is not one plan to convert.
    """
    root = find_root(source)
    if root is None:
        raise UsageError(f"{source} has none of the folders {', '.join(CATEGORIES)}: give the folder that holds them.")
    found = FindingLog()
    folders = SourceFolders([source])
    plans = find_plans(root, folders, found)
    if not plans:
        linked = [finding for finding in found.findings() if finding.code == "FOLDER_LINKED"]
        if linked:
            raise PrepError(f"{root} holds no plan of its own: {linked[0].message} {linked[0].fix}")
        raise PrepError(f"{root} holds no plan: there is no folder such as high_quality/17 with {ORIGINAL} in it.")
    images: list[SourceImage] = []
    for image, findings in _read_plans(plans, folders, policy, repairs, advance=advance, workers=workers):
        found.take(findings)
        if image is not None:
            images.append(image)
        if len(images) == limit:
            break
    if not images:
        first = worst(found.findings())
        assert first is not None, "each plan that is left out has a finding"
        raise PrepError(
            f"None of the {len(plans)} plans in {root} can be converted; the first problem: {first.message} {first.fix}"
        )
    options = {
        "railings": "wall" if policy.railings_are_walls else "ignore",
        "outdoor": "room" if policy.outdoor_is_room else "ignore",
        "undefined": "room" if policy.undefined_is_room else "ignore",
    }
    if DOOR in policy.openings:
        options["door_swing"] = "include" if policy.doors_with_swing else "ignore"
    return Source("cubicasa5k", images, found.findings(), options)


def _read_plans(
    plans: Sequence[PlanFolder],
    folders: SourceFolders,
    policy: Policy,
    repairs: Repairs,
    *,
    advance: Advance,
    workers: int,
) -> Iterator[tuple[SourceImage | None, list[Finding]]]:
    """Each plan's image and findings, in the order of `plans` however many threads read them."""

    def read(plan: PlanFolder) -> tuple[SourceImage | None, list[Finding]]:
        found = FindingLog()
        image = _read_plan(plan, folders, policy, repairs, found)
        advance(1, image.path.stat().st_size if image else 0)
        return image, found.findings()

    with ThreadPoolExecutor(min(workers, os.cpu_count() or 1)) as pool:  # work for the cores: decoding, parsing
        for start in range(0, len(plans), _AT_ONCE):
            yield from pool.map(read, plans[start : start + _AT_ONCE])


def _read_plan(
    plan: PlanFolder, folders: SourceFolders, policy: Policy, repairs: Repairs, found: FindingLog
) -> SourceImage | None:
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
        if not folders.hold(path):
            report_refused(f"{plan.name}/{path.name}", LEADS_OUT, found)
            return None
    _compare_floors(plan, folders, found)
    file = original
    try:
        header = read_header(file := original)
        frame = read_header(file := scaled)
        model = parse_model(read_source_file(file := annotation, MAX_BYTES))
        thumbnail = grey_thumbnail(file := original)
    except (ImageError, SvgError, OSError) as error:
        problem = f"cannot be read ({error.strerror or error})" if isinstance(error, OSError) else error
        found.error(
            "ANNOTATION_BROKEN" if file is annotation else IMAGE_BROKEN,
            f"{plan.name}/{file.name} {problem}.",
            getattr(error, "fix", None) or "Copy it again from the original download, or remove the plan's folder.",
            file=f"{plan.name}/{file.name}",
            image_id=plan.image_id,
        )
        return None
    boxes, cut, lost = _boxes(_outlines(model, policy), header, frame)
    lost += sum(model.without_outline[kind] for kind in _kinds(policy))
    _report_changes(plan, repairs, cut=cut, lost=lost, found=found)
    mismatch = _find_mismatch(model.walls, frame, thumbnail)
    if mismatch is not None:
        found.warning(
            "ANNOTATION_MISMATCHED",
            f"{plan.name}/{ANNOTATION} seems to belong to another image: {mismatch}.",
            "Look at the plan: boxes beside the walls teach wrong things. Correct it, or leave such plans out with "
            "--drop-mismatched; all others stay in their splits.",
            file=f"{plan.name}/{ANNOTATION}",
            image_id=plan.image_id,
        )
    return SourceImage(
        plan.image_id, original, header.width, header.height, tuple(boxes), plan.split, mismatched=mismatch is not None
    )


def _compare_floors(plan: PlanFolder, folders: SourceFolders, found: FindingLog) -> None:
    """Further floors are usually the same sheet, and the SVG holds all floors: another sheet is worth a warning."""
    for other in sorted(plan.folder.glob("F[2-9]_original.png")):
        if not (folders.hold(other) and other.is_file() and filecmp.cmp(plan.folder / ORIGINAL, other, shallow=False)):
            found.warning(
                "OTHER_FLOOR_NOT_USED",
                f"{plan.name}/{other.name} differs from {ORIGINAL}; only {ORIGINAL} is used.",
                "Look at the plan's boxes in the report; remove the plan if walls of the other floor show.",
                file=f"{plan.name}/{other.name}",
                image_id=plan.image_id,
            )


def _boxes(
    outlines: Iterable[tuple[str, str | None, Polygon]], header: ImageHeader, frame: ImageHeader
) -> tuple[list[SourceBox], int, int]:
    """The outlines' bounding boxes in pixels of F1_original, how many were cut at its edge, how many were lost."""
    scale = header.width / frame.width, header.height / frame.height
    boxes, cut, lost = [], 0, 0
    for label, room_type, outline in outlines:
        xs, ys = [x * scale[0] for x, _ in outline], [y * scale[1] for _, y in outline]
        bbox = _clipped_bbox(xs, ys, header)
        if bbox is None:
            lost += 1
            continue
        beyond = max(-min(xs), -min(ys), max(xs) - header.width, max(ys) - header.height)
        cut += beyond > _TOLERANCE
        boxes.append(SourceBox(label, bbox, room_type))
    return boxes, cut, lost


def _report_changes(plan: PlanFolder, repairs: Repairs, *, cut: int, lost: int, found: FindingLog) -> None:
    file = f"{plan.name}/{ANNOTATION}"
    place: Place = {"file": file, "image_id": plan.image_id}
    if cut:
        (found.info if repairs.clip else found.warning)(
            "OUTLINE_CLIPPED",
            f"{cut} of the outlines in {file} reach beyond the image: cut at its edge.",
            "Nothing to do: --clip was given."
            if repairs.clip
            else "Nothing, if the plan's boxes are right; --clip says that they are.",
            **place,
        )
    if lost:
        (found.info if repairs.drop_zero_size else found.warning)(
            "OUTLINE_WITHOUT_AREA",
            f"{lost} of the outlines in {file} have no area inside the image: left out.",
            "Nothing to do: --drop-zero-size was given."
            if repairs.drop_zero_size
            else "Nothing, if the plan lacks no box; --drop-zero-size says that it does not.",
            **place,
        )


def _outlines(model: Model, policy: Policy) -> Iterator[tuple[str, str | None, Polygon]]:
    """Class, room type and outline of each wall, then of each room, door and window."""
    for outline in model.walls + (model.railings if policy.railings_are_walls else []):
        yield WALL, None, outline
    for space in model.spaces:
        if _is_room(space, policy):
            yield ROOM, space.kind or None, space.outline
    for label, openings in ((DOOR, model.doors), (WINDOW, model.windows)):
        if label in policy.openings:
            for opening in openings:
                with_swing = label == DOOR and policy.doors_with_swing
                yield label, None, opening.outline + opening.swing if with_swing else opening.outline


def _kinds(policy: Policy) -> list[str]:
    """The classes of CubiCasa5K whose loss is worth telling."""
    wanted = {"Door": DOOR in policy.openings, "Window": WINDOW in policy.openings}
    return ["Wall", "Space", "Railing", *(kind for kind, is_wanted in wanted.items() if is_wanted)]


def _find_mismatch(walls: list[Polygon], frame: ImageHeader, thumbnail: Image.Image) -> str | None:
    """Why the annotation seems to belong to another image, or None."""
    outside = _share_outside(walls, frame)
    if outside > _OUTSIDE_SHARE:
        return f"{outside:.0%} of its walls are outside of {SCALED} ({frame.width} x {frame.height})"
    overlap = ink_overlap(thumbnail, walls, (frame.width, frame.height))
    if overlap is None or overlap.fits:
        return None
    by_chance = f"{overlap.aside:.0%} would by chance"
    return f"{overlap.in_place:.0%} of its walls' sides lie on lines of {ORIGINAL}, and {by_chance}"


def _is_room(space: Space, policy: Policy) -> bool:
    first = space.kind.partition(" ")[0]
    if first in ("Background", "Railing"):
        return False
    if first == "Outdoor":
        return policy.outdoor_is_room
    return policy.undefined_is_room or first != "Undefined"


def _clipped_bbox(xs: list[float], ys: list[float], header: ImageHeader) -> tuple[float, float, float, float] | None:
    """The bounding box [x, y, width, height] of the part inside the image, or None if nothing is."""
    x0, x1 = _span(xs, header.width)
    y0, y1 = _span(ys, header.height)
    width, height = rounded(x1 - x0), rounded(y1 - y0)
    return (x0, y0, width, height) if width > 0 and height > 0 else None


def _span(values: list[float], limit: int) -> tuple[float, float]:
    low, high = (rounded(min(max(edge, 0.0), float(limit))) for edge in (min(values), max(values)))
    return low, high


def _share_outside(walls: list[Polygon], frame: ImageHeader) -> float:
    """The share of the walls' bounding boxes outside the image which the annotation was drawn on."""
    total = inside = 0.0
    for outline in walls:
        x0, x1 = min(x for x, _ in outline), max(x for x, _ in outline)
        y0, y1 = min(y for _, y in outline), max(y for _, y in outline)
        total += (x1 - x0) * (y1 - y0)
        inside += max(min(x1, frame.width) - max(x0, 0), 0) * max(min(y1, frame.height) - max(y0, 0), 0)
    return 1 - inside / total if total else 0.0
