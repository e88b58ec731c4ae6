"""The report is one page that needs no other file, shows names as text, and its pictures can be seen."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from dataset_contract.coco import Annotation, Category, CocoDataset, coco_to_bytes
from dataset_contract.coco import Image as Plan
from dataset_contract.layout import annotations_path
from evaluation.__main__ import main
from tests.evaluation.datasets import BOXES, HEIGHT, WIDTH

HOSTILE = "<script>alert(1)</script>"
HOSTILE_CLASS = "<b>$_bold"
HOSTILE_FOLDER = "<i>colorful"
GIVEN = {1: "wall", 2: HOSTILE_CLASS}
PLANS = (1, 2, 3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of plans of which one has no picture, and a class whose name is HTML."""
    root = tmp_path_factory.mktemp("data")
    for split, first in (("val", 0), ("test", 10)):
        path = root / annotations_path(split)
        (path.parent / "images").mkdir(parents=True)
        plans = [
            Plan(
                first + number, f"images/{first + number:06d}.png", WIDTH, HEIGHT, HOSTILE_FOLDER if number > 1 else ""
            )
            for number in PLANS
        ]
        annotations = [
            Annotation(100 * plan.id + label, plan.id, label, box, box[2] * box[3])
            for plan in plans
            for label, box in BOXES.items()
        ]
        path.write_bytes(coco_to_bytes(CocoDataset(plans, annotations, [Category(*each) for each in GIVEN.items()])))
        for plan in plans[1:]:
            Image.effect_noise((WIDTH, HEIGHT), 80).save(path.parent / plan.file_name)
    return root


def results(path: Path, *, score: float, shift: float = 0.0, classes: tuple[int, ...] = (1, 2)) -> Path:
    """All boxes of both splits, moved to the right; the last plan's wall is found as the other class."""
    entries = [
        {
            "image_id": first + number,
            "category_id": 3 - label if (number, label) == (3, 1) and len(classes) > 1 else label,
            "bbox": [box[0] + shift, *box[1:]],
            "score": score,
        }
        for first in (0, 10)
        for number in PLANS
        for label, box in BOXES.items()
        if label in classes
    ]
    path.write_text(json.dumps(entries))
    return path


@pytest.fixture(scope="module")
def page(data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The report of two models, one of them with a name that is HTML."""
    folder = tmp_path_factory.mktemp("results")
    good, poor = results(folder / "good.json", score=0.9), results(folder / "poor.json", score=0.8, shift=90)
    arguments = [f"--data={data}", f"--to={folder / 'to'}", f"--model={HOSTILE}={good}", f"--model=poor={poor}"]
    assert main([*arguments, f"--names=poor=1:wall,2:{HOSTILE_CLASS}", "--threshold=0.5"]) == 0
    return (folder / "to" / "report.html").read_text()


def test_the_plain_sentence_comes_first(page: str) -> None:
    said = re.findall(r"<h1>(.*?)</h1>.*?<p class=\"word\">(.*?)</p>", page, re.DOTALL)
    assert said[0][0] == "Which model is better"
    assert "and poor: no difference in boxes of all classes that 3 plans can show: F1 0.8" in said[0][1]
    assert page.index('class="word"') < page.index("<table>")


def test_of_several_pairs_the_first_sentences_are_of_all_classes(data: Path, tmp_path: Path) -> None:
    found = results(tmp_path / "found.json", score=0.9)
    arguments = [
        f"--data={data}",
        f"--to={tmp_path}",
        "--threshold=0.5",
        *(f"--model={name}={found}" for name in "abc"),
    ]
    assert main(arguments) == 0
    page = (tmp_path / "report.html").read_text()
    leading, _, further = page.partition("<details>")
    assert leading.count("no difference in") == leading.count("no difference in boxes of all classes") == 3
    folded = further.partition("</details>")[0]
    assert folded.count("<li>") == len(json.loads((tmp_path / "metrics.json").read_text())["sentences"]) - 3


def test_f1_by_folder_of_the_source_is_shown_where_there_are_several(page: str) -> None:
    table = page.partition("F1 by folder of the source")[2].partition("</table>")[0]
    rows = re.findall(r"<th scope=\"row\" class=\"any\">(.*?)</th><td>(\d+)</td><td>(.*?)</td>", table)
    assert rows == [("&lt;i&gt;colorful", "2", "0.750"), ("not known", "1", "1.000")]
    assert "all are in metrics.json" not in page


def test_one_model_is_told_alone(data: Path, tmp_path: Path) -> None:
    good = results(tmp_path / "good.json", score=0.9)
    assert main([f"--data={data}", f"--to={tmp_path}", f"--model=good={good}"]) == 0
    page = (tmp_path / "report.html").read_text()
    assert "<h1>How good the model is</h1>" in page
    assert "good finds 83.3 % of the boxes, and 83.3 % of what it finds is right: F1 0.833" in page
    assert "Differences</h2>" not in page
    assert "disagree" not in page


def test_under_the_lenient_rule_alone_nothing_of_the_other_is_shown(data: Path, tmp_path: Path) -> None:
    models = [f"--model={name}={results(tmp_path / name, score=0.9)}" for name in ("good", "same")]
    assert main([f"--data={data}", f"--to={tmp_path}", *models, "--rule=lenient"]) == 0
    shown = (tmp_path / "report.html").read_text()
    assert "by the lenient rule" in shown
    assert "COCO" not in shown
    assert ">AP" not in shown
    assert "Curves</h2>" not in shown


def test_it_has_every_part(page: str) -> None:
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "Figures",
        "Differences",
        "Where it errs",
        "Curves",
        "Plans on which the models disagree most",
        "Plans: &lt;script&gt;alert(1)&lt;/script&gt;",
        "Plans: poor",
        "Labels to look at",
    ]
    assert len(re.findall(r"<svg ", page)) == 4
    for kind in ("class", "localisation", "both", "duplicate", "background", "missed"):
        assert f'<th scope="row">{kind}</th>' in page


def test_it_needs_no_other_file(page: str) -> None:
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith(("data:image/webp;base64,", "#")) for source in sources)
    assert "url(http" not in page
    assert "@import" not in page
    assert "width=device-width" in page


def test_its_pictures_can_be_seen(page: str) -> None:
    pictures = re.findall(r'src="data:image/webp;base64,([^"]*)"', page)
    assert len(pictures) >= 2 * len(PLANS)
    for content in pictures:
        with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as picture:
            picture.load()
            assert picture.size[0] > 50
            assert len(picture.convert("RGB").getcolors(1 << 20) or ()) > 3  # boxes are drawn, on white too


def test_names_from_outside_are_shown_as_text(page: str) -> None:
    assert "<script" not in page
    assert "<b>$" not in page
    assert "&lt;script&gt;" in page
    assert "&lt;b&gt;$_bold" in page


def test_labels_to_look_at_are_shown_with_their_annotation(data: Path, tmp_path: Path) -> None:
    # 10 of 12 boxes are right, so that the model is certain enough.
    good = results(tmp_path / "good.json", score=0.9)
    assert main([f"--data={data}", f"--to={tmp_path}", f"--model=good={good}"]) == 0
    page = (tmp_path / "report.html").read_text()
    rows = (tmp_path / "labels.csv").read_text().splitlines()
    assert rows[0].startswith("contradiction,split,image_id,file_name,annotation_id,")
    assert page.count("<figcaption><b>") == len(rows) - 1


def test_the_same_comparison_gives_the_same_files(data: Path, tmp_path: Path) -> None:
    good = results(tmp_path / "good.json", score=0.9)
    for folder in ("one", "two"):
        assert main([f"--data={data}", f"--to={tmp_path / folder}", f"--model=good={good}"]) == 0
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / folder).iterdir()} for folder in ("one", "two"))
    assert one == two
    assert one.keys() == {"report.html", "labels.csv", "errors.csv", "metrics.json"}
