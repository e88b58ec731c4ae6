"""The demo's page says what happened, needs no other file, and shows text as text."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

from PIL import Image

from dataset_prep.preview import data_uri
from demo.gallery import Pictures, PredictionPair, SamplePicture
from demo.page import Page, curves_svg
from demo.phases import Phase, PhaseLog
from demo.serving import ServedPlans
from demo.summary import Summary
from demo.vectors import VectorPlan
from runs.curves import TrainingCurves
from terminal.console import Terminal
from tests.browser import needs_browser, open_page

SUMMARY = Summary(
    execution_arn="arn:aws:states:us-east-1:000000000000:execution:machine:one",
    execution_status="SUCCEEDED",
    training_job_name="floorplan-one",
    training_job_status="Completed",
    steps=240,
    first_loss=40.25,
    last_loss=9.5,
    model_artifact="s3://bucket/training-jobs/floorplan-one/output/model.tar.gz",
    dataset={
        "images": 24,
        "annotations": 480,
        "splits": {"train": {"images": 16, "annotations": 480, "annotations_by_class": {"wall": 300, "room": 180}}},
    },
    phases=[Phase("deploy", 30.0), Phase("train", 60.0)],
    stack_outputs={"DatasetBucketName": "bucket"},
)

METRICS = {
    "f1": 0.52,
    "mean_f1": 0.5,
    "epoch": 15,
    "step": 3,
    "evaluations": [
        {"epoch": 10, "step": 2, "f1": 0.4, "mean_f1": 0.4},
        {"epoch": 15, "step": 3, "f1": 0.52, "mean_f1": 0.5},
    ],
}


def rendered(
    summary: Summary = SUMMARY,
    test: dict[str, float] | None = None,
    report: str | None = None,
    vectors: VectorPlan | None = None,
    served: ServedPlans | None = None,
) -> str:
    # Not one colour: a real picture has far more characters than any text that is shown.
    picture = data_uri(Image.effect_noise((60, 40), 80))
    return Page(
        summary=summary,
        preset="tiny",
        generated=True,
        classes=["wall", "room"],
        states=["Resolve", "Validate"],
        pictures=Pictures([SamplePicture("train", 3, picture)], "test", [PredictionPair(7, picture, 20, picture, 18)]),
        vectors=vectors,
        served=served,
        request="{}",
        report=report,
        losses=[40.25, 20.0, 9.5],
        metrics={**METRICS, "test": test},
        training_phase="train",
        instance_type="ml.g5.2xlarge",
        billable_seconds=72,
    ).to_html()


def test_the_page_names_the_outcome_the_steps_and_the_price() -> None:
    page = rendered()
    for expected in (
        "SUCCEEDED",
        "Completed",
        "240 steps",
        "40.2 → 9.5",
        "not a trained model",
        "0.0303 USD",
        "90.0 s",
    ):
        assert expected in page, expected


def test_the_page_shows_the_best_epoch_and_the_test_split_where_there_is_one() -> None:
    assert "<b>0.52</b><span>F1 at IoU 0.5, validation split, epoch 15, the best of 2 evaluated" in rendered()
    assert "on the test split" not in rendered()
    assert "<b>0.48</b><span>F1 of the same epoch on the test split" in rendered(test={"f1": 0.481})


def test_the_page_links_the_report_where_there_is_one() -> None:
    assert "<a " not in rendered()
    assert '<a href="evaluation/report.html">' in rendered(report="evaluation/report.html")


def test_the_page_links_the_served_answers_where_there_are_some() -> None:
    assert "Served" not in rendered()
    served = ServedPlans(
        "a&b.png", 3, "data:svg", "data:png", {"SVG": "serving/a.svg"}, {"c.png": "serving/batch/c.svg"}
    )
    page = rendered(served=served)
    assert "here version 3. The plan a&amp;b.png was put into" in page
    assert '<a href="serving/a.svg">SVG</a>' in page
    assert '1 held-out plan as one batch:\n<a href="serving/batch/c.svg">c.png</a>' in page
    assert 'src="data:svg"' in page


def test_the_page_needs_no_other_file() -> None:
    sources = re.findall(r'(?:src|href)="([^"]*)"', rendered())
    assert sources
    assert all(source.startswith(("data:image/png;base64,", "#")) for source in sources)


def test_its_pictures_can_be_seen() -> None:
    pictures = re.findall(r'src="data:image/png;base64,([^"]*)"', rendered())
    assert len(pictures) == 3
    for content in pictures:
        with Image.open(io.BytesIO(base64.b64decode(content, validate=True))) as picture:
            picture.load()
            assert picture.size == (60, 40)


def test_names_from_outside_are_shown_as_text() -> None:
    hostile = "<script>alert(1)</script>"
    page = rendered(replace(SUMMARY, training_job_name=hostile, stack_outputs={hostile: hostile}))
    assert hostile not in page
    assert "&lt;script&gt;" in page


@needs_browser
def test_it_fits_into_a_phone_and_no_figure_leaves_its_card(tmp_path: Path) -> None:
    outputs = {"ModelPackageGroupName": "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/" + 40 * "x"}
    (tmp_path / "page.html").write_text(
        rendered(replace(SUMMARY, stack_outputs=outputs), test={"f1": 0.4}), encoding="utf-8"
    )
    with open_page(tmp_path / "profile") as page:
        page.call("Page.navigate", url=(tmp_path / "page.html").as_uri())
        for width in (320, 390, 700, 1024):
            page.resize(width, 900)
            page.wait("document.readyState === 'complete' && document.images.length")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate("[...document.querySelectorAll('.card b')].every(b => b.scrollWidth <= b.clientWidth)")


def test_the_curves_are_the_same_for_the_same_losses() -> None:
    first, again, other = (curves_svg(TrainingCurves([3.0, 2.0, last], METRICS)) for last in (1.0, 1.0, 2.0))
    assert first == again
    assert first != other


def test_phases_are_numbered_and_timed_and_a_failed_one_is_not_counted() -> None:
    written = io.StringIO()
    log = PhaseLog(Terminal(file=written, width=100), total=2)
    with log.phase("deploy"):
        pass
    try:
        with log.phase("train"):
            raise RuntimeError
    except RuntimeError:
        pass
    assert [phase.name for phase in log.finished] == ["deploy"]
    assert re.search(r"\[1/2\] deploy: \d+\.\d s", written.getvalue())
    assert "[2/2] train:" not in written.getvalue()
