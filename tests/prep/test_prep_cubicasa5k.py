"""Plans of CubiCasa5K become images with boxes where the ink is; what a plan lacks is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from dataset_contract.findings import Severity
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.sources.cubicasa5k import read_cubicasa5k
from dataset_prep.sources.cubicasa5k_plans import find_root
from dataset_prep.sources.cubicasa5k_policy import Policy
from dataset_prep.sources.repairs import Repairs
from dataset_prep.sources.source import Source

REAL = Path(__file__).resolve().parents[3] / "shared" / "cubicasa5k"
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 60 40" width="60" height="40"><g class="Model">'
    '<g class="Floor"><g class="Floorplan">{}</g></g></g></svg>'
)
WALL = '<g class="Wall"><polygon points="{}"/></g>'


@pytest.fixture
def plan(tmp_path: Path, make_image: Callable[..., Path]) -> Callable[..., Path]:
    """Makes a plan: F1_original of 100 x 50 pixels, F1_scaled of 200 x 200, model.svg with `inside`."""

    def make(name: str = "high_quality/17", inside: str = WALL.format("20,40 60,40 60,80 20,80 ")) -> Path:
        make_image(f"{name}/F1_original.png", size=(100, 50))
        make_image(f"{name}/F1_scaled.png", size=(200, 200))
        (tmp_path / name / "model.svg").write_text(SVG.format(inside))
        return tmp_path / name

    return make


def read(root: Path, policy: Policy | None = None) -> Source:
    return read_cubicasa5k(root, policy or Policy())


def codes(source: Source) -> list[str]:
    return [finding.code for finding in source.findings]


def test_hidden_folders_are_no_plans(tmp_path: Path, plan: Callable[..., Path]) -> None:
    plan()
    (tmp_path / "high_quality/.ipynb_checkpoints").mkdir()
    source = read(tmp_path)
    assert len(source.images) == 1
    assert "PLAN_WITHOUT_IMAGE" not in codes(source)


def test_boxes_are_scaled_from_the_scaled_image_not_from_the_viewbox(tmp_path: Path, plan: Callable[..., Path]) -> None:
    plan()
    (image,) = read(tmp_path).images
    assert (image.width, image.height) == (100, 50)
    assert [box.bbox for box in image.boxes] == [(10.0, 10.0, 20.0, 10.0)]


def test_slivers_are_kept_as_floats_and_boxes_end_at_the_edge(tmp_path: Path, plan: Callable[..., Path]) -> None:
    plan(inside=WALL.format("0,0 1,0 1,100 0,100") + WALL.format("-50,-50 100,-50 100,100 -50,100"))
    (image,) = read(tmp_path).images
    assert [box.bbox for box in image.boxes] == [(0.0, 0.0, 0.5, 25.0), (0.0, 0.0, 50.0, 25.0)]


def test_what_lies_outside_is_left_out_counted_and_warned_about(tmp_path: Path, plan: Callable[..., Path]) -> None:
    plan(inside=WALL.format("0,0 9,0 9,9") + WALL.format("300,0 400,0 400,90") + WALL.format("5,5 5,5 5,5"))
    source = read(tmp_path)
    assert len(source.images[0].boxes) == 1
    assert codes(source) == ["OUTLINE_WITHOUT_AREA", "ANNOTATION_MISMATCHED"]
    assert "2 of the outlines" in source.findings[0].message


def test_policies_decide_on_railings_outdoor_and_undefined(tmp_path: Path, plan: Callable[..., Path]) -> None:
    spaces = ("Outdoor Terrace", "Undefined", "Kitchen", "Background", "Railing")
    shape = '<polygon points="0,0 50,0 50,50"/>'
    groups = "".join(f'<g class="Space {kind}">{shape}</g>' for kind in spaces)
    plan(inside=f'{groups}<g class="Railing">{shape}</g>')

    def labels(policy: Policy) -> list[tuple[str, str | None]]:
        return [(box.label, box.room_type) for box in read(tmp_path, policy).images[0].boxes]

    assert labels(Policy()) == [("room", "Outdoor Terrace"), ("room", "Undefined"), ("room", "Kitchen")]
    strict = Policy(railings_are_walls=True, outdoor_is_room=False, undefined_is_room=False)
    assert labels(strict) == [("wall", None), ("room", "Kitchen")]
    assert read(tmp_path, strict).options == {"railings": "wall", "outdoor": "ignore", "undefined": "ignore"}


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("folder", [".", "splits"])
def test_ids_are_the_lists_line_numbers(tmp_path: Path, plan: Callable[..., Path], line_end: str, folder: str) -> None:
    for name in ("high_quality/17", "colorful/9", "colorful/100", "high_quality/5", "high_quality_architectural/3"):
        plan(name)
    (tmp_path / folder).mkdir(exist_ok=True)
    (tmp_path / folder / "train.txt").write_bytes(
        line_end.join(["/colorful/1/", "/high_quality/17/", "colorful/9"]).encode()
    )
    (tmp_path / folder / "val.txt").write_bytes(b"/high_quality/5/\n")
    source = read(tmp_path)
    found = {"/".join(image.path.parts[-3:-1]): (image.image_id, image.official_split) for image in source.images}
    assert found == {
        "high_quality/17": (2, "train"),
        "colorful/9": (3, "train"),
        "high_quality/5": (4, "val"),
        "colorful/100": (5, None),
        "high_quality_architectural/3": (6, None),
    }
    assert codes(source) == ["LISTED_PLAN_ABSENT"]


def test_without_lists_ids_follow_the_sorted_order(tmp_path: Path, plan: Callable[..., Path]) -> None:
    for name in ("high_quality/10", "high_quality/9", "colorful/30"):
        plan(name)
    order = [(image.image_id, image.path.parts[-2]) for image in read(tmp_path).images]
    assert order == [(1, "30"), (2, "9"), (3, "10")]


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("F1_original.png", "PLAN_WITHOUT_IMAGE"),
        ("F1_scaled.png", "PLAN_WITHOUT_SCALED_IMAGE"),
        ("model.svg", "PLAN_WITHOUT_ANNOTATION"),
    ],
)
def test_an_incomplete_plan_is_skipped_with_a_warning(
    tmp_path: Path, plan: Callable[..., Path], file: str, code: str
) -> None:
    plan("high_quality/1")
    (plan("high_quality/2") / file).unlink()
    source = read(tmp_path)
    assert [image.image_id for image in source.images] == [1]
    assert [(finding.code, finding.severity) for finding in source.findings] == [(code, Severity.WARNING)]
    assert f"high_quality/2 has no {file}" in source.findings[0].message


@pytest.mark.parametrize(
    ("file", "content", "code"),
    [
        ("model.svg", b"<svg", "ANNOTATION_BROKEN"),
        ("F1_scaled.png", b"no image", "IMAGE_BROKEN"),
        ("F1_original.png", b"", "IMAGE_BROKEN"),
    ],
)
def test_a_broken_file_is_an_error_that_names_it(
    tmp_path: Path, plan: Callable[..., Path], file: str, content: bytes, code: str
) -> None:
    plan("high_quality/1")
    (plan("high_quality/2") / file).write_bytes(content)
    (finding,) = read(tmp_path).findings
    assert (finding.code, finding.severity, finding.file) == (code, Severity.ERROR, f"high_quality/2/{file}")


def test_a_second_floor_that_is_another_sheet_is_warned_about(tmp_path: Path, plan: Callable[..., Path]) -> None:
    folder = plan()
    shutil.copy(folder / "F1_original.png", folder / "F2_original.png")
    assert codes(read(tmp_path)) == []
    shutil.copy(folder / "F1_scaled.png", folder / "F3_original.png")
    assert codes(read(tmp_path)) == ["OTHER_FLOOR_NOT_USED"]


def test_kaggles_nesting_is_seen_through(tmp_path: Path, plan: Callable[..., Path]) -> None:
    plan("cubicasa5k/cubicasa5k/colorful/3")
    assert find_root(tmp_path) == tmp_path / "cubicasa5k" / "cubicasa5k"
    assert len(read(tmp_path).images) == 1


def test_a_source_without_any_usable_plan_is_refused(tmp_path: Path, plan: Callable[..., Path]) -> None:
    with pytest.raises(UsageError, match="none of the folders high_quality"):
        read(tmp_path)
    (plan() / "model.svg").unlink()
    with pytest.raises(PrepError, match=r"None of the 1 plans .* has no model.svg"):
        read(tmp_path)


def test_the_limit_counts_plans_that_can_be_used(tmp_path: Path, plan: Callable[..., Path]) -> None:
    for number in range(1, 5):
        plan(f"colorful/{number}")
    (tmp_path / "colorful/1/model.svg").unlink()
    assert [image.image_id for image in read_cubicasa5k(tmp_path, Policy(), limit=2).images] == [2, 3]


SIDES = st.integers(20, 400)


@settings(deadline=None, max_examples=60)
@given(
    original=st.tuples(SIDES, SIDES),
    scaled=st.tuples(SIDES, SIDES),
    box=st.tuples(*[st.floats(0, 1)] * 4),
    shift=st.tuples(st.floats(-50, 50), st.floats(-50, 50)),
)
def test_a_wall_keeps_its_place_in_the_image_whatever_the_frames_and_transforms(
    original: tuple[int, int],
    scaled: tuple[int, int],
    box: tuple[float, float, float, float],
    shift: tuple[float, float],
) -> None:
    """Shares of F1_scaled's sides are the same shares of F1_original's; viewBox and transforms change nothing."""
    left, right = sorted(box[:2])
    top, bottom = sorted(box[2:])
    assume((right - left) * min(original[0], scaled[0]) > 1 and (bottom - top) * min(original[1], scaled[1]) > 1)
    dx, dy = shift
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    points = "".join(f"{x * scaled[0] - dx:.6f},{y * scaled[1] - dy:.6f} " for x, y in corners)
    wall = f'<g transform="translate({dx:.6f},{dy:.6f})">{WALL.format(points)}</g>'
    with TemporaryDirectory() as root:
        folder = Path(root) / "colorful" / "1"
        folder.mkdir(parents=True)
        Image.new("L", original, 255).save(folder / "F1_original.png")
        Image.new("L", scaled, 255).save(folder / "F1_scaled.png")
        (folder / "model.svg").write_text(SVG.format(wall))
        (image,) = read(Path(root)).images
    (found,) = image.boxes
    expected = left * original[0], top * original[1], (right - left) * original[0], (bottom - top) * original[1]
    assert found.bbox == pytest.approx(expected, abs=0.01)
    assert found.bbox[0] + found.bbox[2] <= original[0] + 1e-3
    assert found.bbox[1] + found.bbox[3] <= original[1] + 1e-3


def test_an_annotation_larger_than_its_image_is_mismatched_with_figures(
    tmp_path: Path, plan: Callable[..., Path]
) -> None:
    """As high_quality_architectural/20107: F1_scaled has 485 x 430 pixels, its SVG reaches to 1066 x 744."""
    plan(inside=WALL.format("0,0 500,0 500,20 0,20") + WALL.format("0,0 20,0 20,350 0,350"))
    source = read(tmp_path)
    assert [image.mismatched for image in source.images] == [True]
    assert codes(source) == ["OUTLINE_CLIPPED", "ANNOTATION_MISMATCHED"]
    assert "53% of its walls are outside of F1_scaled.png (200 x 200)" in source.findings[1].message
    assert {finding.severity for finding in source.findings} == {Severity.WARNING}
    assert "--drop-mismatched" in source.findings[1].fix


def test_an_annotation_of_another_plan_is_mismatched_with_figures(tmp_path: Path, plan: Callable[..., Path]) -> None:
    """As colorful/12769: all of it is inside of the image, but there is no ink under the walls."""
    folder = plan(
        inside=WALL.format("100,100 700,100 700,130 100,130") + WALL.format("100,100 130,100 130,500 100,500")
    )
    for name, walls in (("F1_original.png", (60, 60, 370, 75)), ("F1_scaled.png", (120, 120, 740, 150))):
        image = Image.new("L", (400, 300) if name == "F1_original.png" else (800, 600), 255)
        ImageDraw.Draw(image).rectangle(walls, fill=0)
        image.save(folder / name)
    source = read(tmp_path)
    assert codes(source) == ["ANNOTATION_MISMATCHED"]
    assert "of its walls' sides lie on lines of F1_original.png" in source.findings[0].message
    fitting = WALL.format("120,120 740,120 740,150 120,150")
    (folder / "model.svg").write_text(SVG.format(fitting))
    assert codes(read(tmp_path)) == []


def test_with_the_repairs_asked_for_what_is_cut_or_left_out_is_no_warning(
    tmp_path: Path, plan: Callable[..., Path]
) -> None:
    plan(inside=WALL.format("-5,0 90,0 90,90 -5,90") + WALL.format("5,5 5,5 5,5"))
    for repairs, severity in ((Repairs(), Severity.WARNING), (Repairs(clip=True, drop_zero_size=True), Severity.INFO)):
        findings = read_cubicasa5k(tmp_path, Policy(), repairs).findings
        told = [(finding.code, finding.severity) for finding in findings if finding.code.startswith("OUTLINE")]
        assert told == [("OUTLINE_CLIPPED", severity), ("OUTLINE_WITHOUT_AREA", severity)]


def test_the_number_of_threads_changes_nothing(samples: Path) -> None:
    alone, many = (read_cubicasa5k(samples, Policy(), workers=workers) for workers in (1, 8))
    assert alone == many


@pytest.mark.skipif(not REAL.is_dir(), reason="the real plans are not here")
def test_the_walls_of_the_real_plan_lie_on_its_ink() -> None:
    source = read(REAL)
    (image,) = source.images
    assert (image.image_id, image.official_split, image.path.parent.name) == (3847, "train", "10004")
    assert [box.label for box in image.boxes].count("wall") == 16
    assert [box.label for box in image.boxes].count("room") == 8
    with Image.open(image.path) as opened:
        dark = np.asarray(opened.convert("L")) < 128
    shares = []
    for box in image.boxes:
        x, y, width, height = box.bbox
        x0, y0, x1, y1 = round(x), round(y), round(x + width), round(y + height)
        if box.label == "wall" and min(width, height) < 20:
            shares.append(dark[y0:y1, x0:x1].mean())
    assert np.median(shares) > 0.75, "in a wrong frame the median is below 0.2"
    assert sum(finding.code == "PLAN_WITHOUT_ANNOTATION" for finding in source.findings) == 10
    assert "ANNOTATION_MISMATCHED" not in codes(source)
