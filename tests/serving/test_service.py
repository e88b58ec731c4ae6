"""An event becomes three files, a request an answer; a refusal is one sentence, and what fails is tried again."""

from __future__ import annotations

import base64
import io
import json
import re
from collections.abc import Sequence
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError
from PIL import Image
from pipeline.errors import AwsUnavailable
from serving import handler as serving_handler
from serving.errors import NoApprovedModel, PlanRefused
from serving.handler import Service
from serving.model_in_use import ModelInUse
from serving.settings import MAX_BYTES

from prediction.predictor import Detection
from tests.serving.cloud import BUCKET, FAINT, ROOM, SETTINGS, WALL, Bucket, FoundBy, Registry, arn, png
from tests.serving.test_requests import created, posted


class Function:
    """The function with a bucket, a registry and a model, each in memory."""

    def __init__(self, objects: dict[str, bytes], found: Sequence[Detection] = (WALL, ROOM, FAINT)) -> None:
        self.bucket, self.registry, self.predictor = Bucket(objects), Registry(v7="Approved"), FoundBy(found)
        model = ModelInUse(
            cast("Any", self.registry), cast("Any", self.bucket), SETTINGS, load=lambda *_: cast("Any", self.predictor)
        )
        self._service = Service(cast("Any", self.bucket), model, BUCKET)

    def __call__(self, event: dict[str, Any], *seconds_left: float) -> Any:
        left = list(seconds_left) or [300.0]
        return self._service.handle(event, lambda: left.pop(0) if len(left) > 1 else left[0])

    def json(self, key: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.bucket.objects[key])
        return answer


def test_a_plan_put_into_the_bucket_is_answered_as_json_svg_and_picture() -> None:
    function = Function({"plans/a/house.png": png()})
    summary = function(created("plans/a/house.png"))
    answers = "predictions/a/house.png"
    assert summary == {
        "plan": "plans/a/house.png",
        "answer": f"s3://bucket/{answers}.prediction.json",
        "objects": 2,
        "model_version": 7,
    }
    assert list(function.bucket.types.items()) == [
        (f"{answers}.svg", "image/svg+xml"),
        (f"{answers}.drawn.png", "image/png"),
        (f"{answers}.prediction.json", "application/json"),
    ], "the JSON last: it makes the others valid"
    answer = function.json(f"{answers}.prediction.json")
    assert answer["model"]["package_arn"] == arn(7)
    assert (answer["model"]["version"], answer["model"]["thresholds"]) == (7, {"wall": 0.5, "room": 0.3})
    assert answer["detections"] == [
        {"label": "wall", "score": 0.9, "box": [10, 10, 90, 16]},
        {"label": "room", "score": 0.6, "box": [10, 10, 90, 70]},
    ]
    assert (answer["plan"]["name"], answer["plan"]["width"], answer["plan"]["height"]) == ("plans/a/house.png", 100, 80)
    assert answer["vectors"]["type"] == "FeatureCollection"
    assert answer["files"] == {"svg": f"s3://bucket/{answers}.svg", "png": f"s3://bucket/{answers}.drawn.png"}
    assert Image.open(io.BytesIO(function.bucket.objects[f"{answers}.drawn.png"])).size == (100, 80)
    assert b'href="data:image/jpeg;base64,' in function.bucket.objects[f"{answers}.svg"]


def test_an_event_that_comes_twice_changes_nothing() -> None:
    function = Function({"plans/house.png": png()})
    assert function(created("plans/house.png")) == function(created("plans/house.png"))
    assert len(function.bucket.objects) == 4


def test_names_from_outside_are_made_printable() -> None:
    function = Function({"plans/<b>\x1b[2J.png": png()}, [Detection("wall", 0.9, (0.0, 0.0, 9.0, 9.0))])
    function(created("plans/<b>\x1b[2J.png"))
    answer = function.json("predictions/<b>\x1b[2J.png.prediction.json")
    assert answer["plan"]["name"] == r"plans/<b>\x1b[2J.png"
    svg = function.bucket.objects["predictions/<b>\x1b[2J.png.svg"]
    assert b"<b>" not in svg
    assert b"\x1b" not in svg


REFUSED = {
    "empty": (b"", "is empty"),
    "no picture": (b"hello", "is not an image that can be read"),
    "cut short": (png()[:60], "be read|be decoded"),
    "too many pixels": (png(8000, 5001), r"has 8000 x 5001 pixels, more than the 40,000,000 that are taken"),
    "too many bytes": (bytes(MAX_BYTES + 1), r"has 50,000,001 bytes, more than the 50,000,000 that are taken"),
    "a damaged PDF": (b"%PDF-1.7 nothing", r"plans/x"),
}


def pages(form: str) -> bytes:
    content = io.BytesIO()
    picture = Image.new("RGB", (40, 30), "white")
    picture.save(content, form, save_all=True, append_images=[Image.new("RGB", (40, 30), "black")])
    return content.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        *REFUSED.values(),
        (pages("TIFF"), "has 2 pages: send each as a file of its own"),
        (pages("PDF"), "has 2 pages: send each as a file of its own"),
        (pages("GIF"), "is an animation of 2 pictures"),
    ],
    ids=[*REFUSED, "TIFF with pages", "PDF with pages", "animation"],
)
def test_a_plan_that_cannot_be_served_is_answered_with_one_sentence_and_not_tried_again(data: bytes, said: str) -> None:
    function = Function({"plans/x": data})
    summary = function(created("plans/x"))
    answer = function.json("predictions/x.prediction.json")
    assert answer["error"] == summary["refused"]
    assert answer["error"].startswith("plans/x ")
    assert re.search(said, answer["error"])
    assert "\n" not in answer["error"]
    assert function.predictor.sizes == []
    assert set(function.bucket.types) == {"predictions/x.prediction.json"}


def test_an_answer_about_what_was_replaced_meanwhile_does_not_stay() -> None:
    """The new plan's own event may have been answered before the slower one about the old plan."""
    function = Function({"plans/x.png": png()})
    function.bucket.meanwhile = [
        lambda: function.bucket.objects.update({"plans/x.png": png(60, 50)}),
        lambda: function.bucket.objects.update({"plans/x.png": b"hello"}),
    ]
    assert "is not an image" in function(created("plans/x.png"))["refused"]
    assert function.predictor.sizes == [(100, 80), (60, 50)]
    assert "is not an image" in function.json("predictions/x.png.prediction.json")["error"]


def test_an_event_whose_plan_is_replaced_late_is_tried_again() -> None:
    function = Function({"plans/x.png": png()})
    function.bucket.meanwhile = [lambda: function.bucket.objects.update({"plans/x.png": png(60, 50)})]
    with pytest.raises(AwsUnavailable, match=r"plans/x\.png was replaced while it was predicted on"):
        function(created("plans/x.png"), 300, 100)
    function(created("plans/x.png"))
    assert function.json("predictions/x.png.prediction.json")["plan"]["width"] == 60


def test_what_was_answered_about_a_plan_that_was_deleted_stays() -> None:
    """Events may come twice, and late."""
    function = Function({"plans/x.png": png()})
    function(created("plans/x.png"))
    del function.bucket.objects["plans/x.png"]
    objects = dict(function.bucket.objects)
    assert function(created("plans/x.png"))["refused"] == "plans/x.png is no longer there."
    assert function.bucket.objects == objects


def test_an_event_whose_plan_has_too_long_a_name_for_an_answer_fails_so_that_somebody_hears_of_it() -> None:
    with pytest.raises(PlanRefused, match="longer than 900 bytes"):
        Function({})(created(f"plans/{'x' * 900}"))


def test_a_plan_in_an_archives_storage_class_is_answered_with_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def archived(**_: object) -> None:
        raise ClientError({"Error": {"Code": "InvalidObjectState", "Message": "no"}}, "GetObject")

    function = Function({"plans/x.png": png()})
    monkeypatch.setattr(function.bucket, "get_object", archived)
    assert "is in an archive's storage class" in function(created("plans/x.png"))["refused"]
    assert "put it there again" in function.json("predictions/x.png.prediction.json")["error"]


def test_a_large_plan_is_taken_in_tiles_as_long_as_time_allows() -> None:
    """The model takes 96 pixels: from 288 on there are tiles, of 192."""
    function = Function({"plans/x.png": png(400, 300)}, [WALL])
    function(created("plans/x.png"))
    assert function.predictor.sizes[0] == (400, 300)
    assert len(function.predictor.sizes) > 4
    assert function.json("predictions/x.png.prediction.json")["tiles"] == len(function.predictor.sizes) - 1
    function = Function({"plans/x.png": png(400, 300)}, [WALL])
    summary = function(created("plans/x.png"), 60, 40, 34)  # 20 seconds for the whole plan; 34 are left for a tile
    assert "its tiles take longer than the function may" in summary["refused"]
    assert len(function.predictor.sizes) == 1


def test_what_may_work_later_is_for_lambda_to_try_again() -> None:
    function = Function({"plans/x.png": png()})
    function.registry.approvals[7] = "PendingManualApproval"
    with pytest.raises(NoApprovedModel):
        function(created("plans/x.png"))
    function.registry.busy = True
    with pytest.raises(AwsUnavailable):
        function(created("plans/x.png"))
    assert not function.bucket.types


def post(data: bytes, **query: str) -> dict[str, Any]:
    return posted(base64.b64encode(data).decode(), query=query)


def test_a_posted_plan_is_answered_and_filed() -> None:
    function = Function({})
    response = function(post(png()))
    assert (response["statusCode"], response["headers"]) == (200, {"content-type": "application/json"})
    answer = json.loads(response["body"])
    assert (len(answer["detections"]), answer["model"]["version"]) == (2, 7)
    key = answer["files"]["svg"].removeprefix("s3://bucket/").removesuffix(".svg")
    assert set(function.bucket.types) == {f"{key}{suffix}" for suffix in (".svg", ".drawn.png", ".prediction.json")}
    svg = function(post(png(), format="svg"))
    assert svg["body"].startswith("<svg")
    picture = function(post(png(), format="png"))
    assert (picture["isBase64Encoded"], base64.b64decode(picture["body"])[:4]) == (True, b"\x89PNG")


def test_an_answer_that_lambda_cannot_return_is_fetched_from_the_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanned plan of 1,800 x 1,400 pixels has a picture of 6.2 MB, as Base64 8.3; Lambda returns 6."""
    monkeypatch.setattr(serving_handler, "MAX_RESPONSE_BYTES", 60_000)
    function, scan = Function({}), io.BytesIO()
    Image.effect_noise((180, 140), 90).convert("RGB").save(scan, "JPEG", quality=75)
    response = function(post(scan.getvalue(), format="png"))
    assert response["statusCode"] == 413
    said = re.fullmatch(r"The answer is too large .* s3://bucket/(.*)\.", json.loads(response["body"])["error"])
    assert said is not None
    assert function.bucket.objects[said[1]].startswith(b"\x89PNG")
    assert function(post(scan.getvalue()))["statusCode"] == 200


@pytest.mark.parametrize(
    ("event", "status", "said"),
    [
        (post(b"hello"), 400, "The plan is not an image that can be read"),
        (post(png(), format="dxf"), 400, "The format must be one of json, svg, png."),
        (posted("", method="GET"), 405, "Post a plan"),
    ],
)
def test_a_request_that_cannot_be_served_gets_one_sentence(event: dict[str, Any], status: int, said: str) -> None:
    function = Function({})
    response = function(event)
    assert response["statusCode"] == status
    assert said in json.loads(response["body"])["error"]
    assert not function.bucket.objects


def test_a_request_without_an_approved_model_is_told_so() -> None:
    function = Function({})
    function.registry.approvals[7] = "Rejected"
    response = function(post(png()))
    assert response["statusCode"] == 503
    assert "No model of floorplan-dino is approved" in json.loads(response["body"])["error"]


def test_the_handler_loads_no_model_before_the_first_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda bills the start-up, and a function may be started for no plan at all."""
    for name, value in {"BUCKET": BUCKET, "MODEL_PACKAGE_GROUP": "g", "MODEL_CHECK_SECONDS": "60"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(serving_handler, "s3_client", lambda: None)
    monkeypatch.setattr(serving_handler, "sagemaker_client", lambda: None)
    serving_handler._service.cache_clear()
    try:
        assert serving_handler.handler(created("plans/flats/"), cast("Any", None)) == {"skipped": "a folder"}
    finally:
        serving_handler._service.cache_clear()
