"""Copies of an image are found however they were made, plans that differ are not, and each leak can be fixed."""

from __future__ import annotations

import io
import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dataset_contract.findings import Finding
from dataset_contract.layout import SPLITS
from dataset_prep.compare import Pair, check_pairs, describe_moves, find_moves, find_pairs
from dataset_prep.near_duplicates import find_groups, take_fingerprints
from dataset_prep.run import main
from dataset_prep.samples import write_samples
from dataset_prep.similarity import Fingerprint, Similarity
from dataset_prep.sources.source import SourceImage

REAL = Path(__file__).resolve().parents[3] / "shared" / "cubicasa5k" / "high_quality"


@pytest.fixture(scope="module")
def plans(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The images of 40 different plans."""
    root = tmp_path_factory.mktemp("plans")
    write_samples(root, 40, seed=23)
    return sorted(root.rglob("F1_original.png"))


def prints_of(*paths: Path) -> dict[int, Fingerprint]:
    images = [SourceImage(number, path, 1, 1, ()) for number, path in enumerate(paths)]
    return take_fingerprints(images, workers=2)


@pytest.fixture(scope="module")
def prints(plans: list[Path]) -> dict[int, Fingerprint]:
    return prints_of(*plans)


def test_different_plans_are_not_alike(prints: dict[int, Fingerprint]) -> None:
    assert len(prints) == 40
    assert find_groups(prints) == []


COPIES = st.fixed_dictionaries(
    {
        "number": st.integers(0, 39),
        "scale": st.floats(0.4, 1.6),
        "quality": st.integers(40, 95),
        "paper": st.integers(225, 255),
        "mode": st.sampled_from(("L", "RGB")),
        "crop": st.tuples(*[st.floats(0, 0.01)] * 4),
    }
)


@settings(max_examples=40, deadline=None)
@given(COPIES)
def test_a_rescaled_re_encoded_slightly_cropped_copy_is_found(
    plans: list[Path], prints: dict[int, Fingerprint], tmp_path_factory: pytest.TempPathFactory, how: dict[str, Any]
) -> None:
    with Image.open(plans[how["number"]]) as opened:
        plan = opened.convert(how["mode"])
    left, top, right, bottom = (round(share * side) for share, side in zip(how["crop"], 2 * plan.size, strict=True))
    copy = plan.crop((left, top, plan.width - right, plan.height - bottom))
    copy = copy.resize((round(how["scale"] * copy.width), round(how["scale"] * copy.height)), Image.Resampling.BICUBIC)
    copy = copy.point(lambda value: value * how["paper"] // 255)
    path = tmp_path_factory.mktemp("copy") / "copy.jpg"
    copy.save(path, quality=how["quality"])
    assert find_groups({**prints, 40: prints_of(path)[0]}) == [(how["number"], 40)]


def test_the_same_pixels_in_other_files_are_the_same(plans: list[Path], tmp_path: Path) -> None:
    with Image.open(plans[0]) as opened:
        grey = opened.convert("L")
    copies = {"plain.png": (grey, {}), "rgb.png": (grey.convert("RGB"), {"compress_level": 1}), "bmp.bmp": (grey, {})}
    for name, (image, options) in copies.items():
        image.save(tmp_path / name, **options)  # type: ignore[arg-type]
    prints = prints_of(*(tmp_path / name for name in copies))
    assert len({taken.pixels for taken in prints.values()}) == 1
    transposed = tmp_path / "turned.png"
    grey.transpose(Image.Transpose.ROTATE_90).save(transposed)
    assert prints_of(transposed)[0].pixels != prints[0].pixels


def test_images_of_one_colour_have_no_perceptual_hash(tmp_path: Path) -> None:
    for shade in (250, 255):
        Image.new("L", (40, 30), shade).save(tmp_path / f"{shade}.png")
    assert find_groups(prints_of(tmp_path / "250.png", tmp_path / "255.png")) == []


def test_an_image_that_cannot_be_decoded_is_left_to_the_writing(plans: list[Path], tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(plans[0].read_bytes()[:2000])
    assert prints_of(broken, tmp_path / "absent.png", plans[0]).keys() == {2}


def test_an_image_with_too_many_pixels_is_not_decoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.new("L", (300, 300)).save(tmp_path / "large.png")
    monkeypatch.setattr("image_reader.header.MAX_PIXELS", 300 * 300 - 1)
    monkeypatch.setattr("image_reader.decoding._normalised", lambda image: pytest.fail("decoded"))
    assert prints_of(tmp_path / "large.png") == {}


def test_images_of_one_cubicasa5k_plan_belong_together(plans: list[Path], tmp_path: Path) -> None:
    floors = [tmp_path / "colorful/17/F1_original.png", tmp_path / "colorful/17/F2_original.png"]
    other = tmp_path / "colorful/18/F1_original.png"
    no_plan = tmp_path / "other/17/F1_original.png"
    for plan, path in zip(plans, [*floors, other, no_plan], strict=False):
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(plan, path)
    prints = prints_of(*floors, other, no_plan)
    assert find_groups(prints) == [(0, 1)]
    assert find_pairs([(0, 1)], prints, dict.fromkeys(range(4), "train")) == []
    leak = find_pairs([(0, 1)], prints, {0: "train", 1: "val", 2: "val", 3: "val"})
    assert leak == [Pair(0, 1, Similarity.PLAN, True)]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real plans are not here")
def test_of_the_real_plans_717_and_743_are_alike_and_no_others() -> None:
    paths = sorted(REAL.glob("*/F1_original.png"))
    assert [{paths[number].parent.name for number in group} for group in find_groups(prints_of(*paths))] == [
        {"717", "743"}
    ]


def test_groups_grow_by_what_lies_between() -> None:
    """An image like two others joins them, although those two are too far from each other."""
    looks = [0, (1 << 40) - 1, (1 << 80) - 1, 1 << 255 | ((1 << 100) - 1) << 120]
    prints = {number: Fingerprint(bytes([number]), look, None) for number, look in enumerate(looks)}
    assert find_groups(prints) == [(0, 1, 2)]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 7), max_size=60), st.integers(0, 2**32))
def test_groups_are_those_of_a_plain_comparison_of_all_pairs(kinds: list[int], seed: int) -> None:
    chance = random.Random(seed)
    centres = [chance.getrandbits(256) for _ in range(8)]
    prints = {
        number: Fingerprint(number.to_bytes(2, "big"), centres[kind] ^ 1 << chance.randrange(256), None)
        for number, kind in enumerate(kinds)
    }
    expected = {tuple(n for n, other in enumerate(kinds) if other == kind) for kind in kinds}
    assert find_groups(prints) == sorted(group for group in expected if len(group) > 1)


GROUPED = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(SPLITS)), min_size=1, max_size=60)


@settings(max_examples=200, deadline=None)
@given(GROUPED, st.randoms(use_true_random=False))
def test_after_the_moves_no_group_is_in_two_splits_and_nothing_else_has_changed(
    placed: list[tuple[int, str]], chance: random.Random
) -> None:
    splits = {number: split for number, (_, split) in enumerate(placed)}
    groups = [tuple(n for n, (own, _) in enumerate(placed) if own == kind) for kind in range(1, 13)]
    groups = [group for group in groups if len(group) > 1]
    moves = find_moves(groups, splits)
    after = {**splits, **{move.image_id: move.new for move in moves}}
    assert after.keys() == splits.keys()
    for group in groups:
        assert len({after[number] for number in group}) == 1
        assert {after[number] for number in group} <= {splits[number] for number in group}
    torn = {number for group in groups if len({splits[n] for n in group}) > 1 for number in group}
    assert all(move.old == splits[move.image_id] != move.new and move.image_id in torn for move in moves)
    assert len({move.image_id for move in moves}) == len(moves)

    shuffled = list(splits.items())
    chance.shuffle(shuffled)
    chance.shuffle(groups)
    assert find_moves(groups, dict(shuffled)) == moves, "the order does not matter"
    assert find_moves(groups, after) == [], "and a second time there is nothing to do"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SPLITS), st.sampled_from(SPLITS)), max_size=60))
def test_pairs_leave_no_split_more_than_two_images_larger_or_smaller(pairs: list[tuple[str, str]]) -> None:
    splits = dict(enumerate(split for pair in pairs for split in pair))
    moves = find_moves([(2 * number, 2 * number + 1) for number in range(len(pairs))], splits)
    after = Counter({**splits, **{move.image_id: move.new for move in moves}}.values())
    assert all(abs(after[split] - Counter(splits.values())[split]) <= 2 for split in SPLITS)


def test_a_lone_pair_goes_to_the_smaller_split() -> None:
    splits = {1: "train", 2: "train", 3: "train", 4: "val"}
    assert [(move.image_id, move.new) for move in find_moves([(1, 4)], splits)] == [(1, "val")]


def codes(findings: list[Finding]) -> Counter[tuple[str, str]]:
    return Counter((finding.code, finding.severity.value) for finding in findings)


def test_pixels_in_two_splits_are_judged_as_the_contract_judges_files() -> None:
    splits = {number: "train" if number < 100 else "val" for number in range(200)}

    def leaks(count: int, similarity: Similarity) -> list[Pair]:
        return [Pair(number, 100 + number, similarity, True) for number in range(count)]

    few, many = (
        check_pairs(leaks(5, Similarity.PIXELS), splits, {}),
        check_pairs(leaks(6, Similarity.PIXELS), splits, {}),
    )
    assert codes(few) == {("LEAKAGE", "warning"): 5}
    assert codes(many) == {("LEAKAGE", "warning"): 6, ("LEAKAGE_HEAVY", "error"): 1}
    assert codes(check_pairs(leaks(6, Similarity.PLAN), splits, {}))["LEAKAGE_HEAVY", "error"] == 1
    looks = check_pairs(leaks(15, Similarity.NEAR_DUPLICATE), splits, {})
    assert codes(looks) == {("LEAKAGE_NEAR_DUPLICATE", "warning"): 15}, "a judgement refuses nothing"
    same_files = {number: str(number % 100) for number in splits}
    assert check_pairs(leaks(50, Similarity.PIXELS), splits, same_files) == [], "those are the contract's to report"
    half = {number: str(number % 100) if number % 100 < 4 else str(number) for number in splits}
    assert codes(check_pairs(leaks(8, Similarity.PIXELS), splits, half))["LEAKAGE_HEAVY", "error"] == 1


def test_moves_are_told_with_their_ids() -> None:
    moves = find_moves([(1, 4), (2, 5)], {1: "train", 2: "train", 3: "train", 4: "val", 5: "test"})
    (told,) = describe_moves(moves, [(1, 4), (2, 5), (3, 6)])
    assert told.message == (
        "2 images were moved, so that each of 2 groups of similar images is in one split: "
        "2 from train to test; 4 from val to train."
    )
    assert describe_moves([], [(3, 6)]) == []


@pytest.fixture
def leaking(tmp_path: Path, samples: Path) -> Path:
    """Sample plans of which one in the list of test is a JPEG-like copy of one in that of train."""
    root = Path(shutil.copytree(samples, tmp_path / "plans"))
    folders = [(root / name.strip("/")) for name in (root / "train.txt").read_text().split()[:1]]
    copy = root / (root / "test.txt").read_text().split()[0].strip("/")
    shutil.rmtree(copy)
    shutil.copytree(folders[0], copy)
    with Image.open(copy / "F1_original.png") as opened:
        buffer = io.BytesIO()
        opened.convert("RGB").save(buffer, "JPEG", quality=70)
    Image.open(buffer).save(copy / "F1_original.png")
    return root


@pytest.mark.parametrize("split", ["official", "0.4,0.3,0.3"])
def test_fix_leakage_leaves_no_leak_and_writes_down_what_it_moved(leaking: Path, tmp_path: Path, split: str) -> None:
    arguments = ["--source", leaking, "--split", split, "--seed", 6]

    def run(name: str, *more: str) -> tuple[dict[str, int], dict[str, dict[int, str]]]:
        out = tmp_path / name
        assert main([str(word) for word in (*arguments, "--output", out, "--report", tmp_path / "r", *more)]) == 0
        placed = {int(path.stem): path.parts[-3] for path in out.glob("*/images/*.png")}
        counts: dict[str, int] = json.loads((tmp_path / "r/report.json").read_bytes())["counts"]["findings_by_code"]
        return counts, {"placed": placed}

    counts, before = run("as_it_is")
    assert counts["LEAKAGE_NEAR_DUPLICATE"] == 1
    counts, after = run("fixed", "--fix-leakage")
    assert not [code for code in counts if code.startswith("LEAKAGE") and code != "LEAKAGE_FIXED"]
    assert counts["LEAKAGE_FIXED"] == 1
    options = json.loads((tmp_path / "fixed/manifest.json").read_bytes())["options"]
    assert options["fix_leakage"] is True
    assert len(options["moved"]) == 1
    moved = {entry["image_id"]: entry["new"] for entry in options["moved"]}
    assert after["placed"] == {**before["placed"], **moved}


def test_without_a_report_it_is_said_that_images_were_not_compared(
    samples: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--source", str(samples), "--output", str(tmp_path / "d")]) == 0
    assert "by their files' bytes only" in capsys.readouterr().out
