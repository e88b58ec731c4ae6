"""The demo has the serving stack predict on one held-out plan by its event, and on all of them as a batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest

from demo import serving
from demo.serving import ServingError, serve_folder, serve_plan
from runs.bucket import Bucket
from terminal.console import Terminal
from tests.runs.cloud_in_memory import BUCKET, Cloud
from tests.runs.serving_in_memory import MODELS, ServingCloud


class DemoCloud(ServingCloud):
    """With an execution that registered a model, and a function that is called for each new plan."""

    def __init__(self, *, answers: bool = True, error: str = "") -> None:
        super().__init__()
        self.approvals = {f"{MODELS}1": "PendingManualApproval"}
        self.answers, self.error = answers, error

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str = "", **others: Any) -> None:
        super().put_object(Bucket=Bucket, Key=Key, Body=Body, IfNoneMatch=IfNoneMatch, **others)
        if Key.startswith("plans/") and self.answers:
            self.answer(Key, self.error)

    def describe_execution(self, *, executionArn: str) -> dict[str, Any]:
        if executionArn == "run":
            return {"output": json.dumps({"model_package_arn": f"{MODELS}1"})}
        return super().describe_execution(executionArn=executionArn)

    def get_paginator(self, operation_name: str) -> Any:
        return Cloud.get_paginator(self, operation_name)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("000001.png", "000002.png"):
        (folder / name).write_bytes(name.encode())
    return folder


def test_the_answers_are_beside_the_page(images: Path, tmp_path: Path) -> None:
    cloud, page = cast("Any", DemoCloud()), tmp_path / "demo"
    served = serve_plan(cloud, BUCKET, "run", images, page)
    assert cloud.approvals == {f"{MODELS}1": "Approved"}
    assert (served.plan, served.version) == ("000001.png", 1)
    assert served.svg.startswith("data:image/svg+xml;base64,")
    served = serve_folder(Terminal(), cloud, served, images, page)
    assert list(served.batch) == ["000001.png", "000002.png"]
    assert set(served.links) == {"SVG", "picture", "JSON"}
    for link in (*served.links.values(), *served.batch.values()):
        assert (page / link).is_file()


def test_without_an_answer_the_demo_says_so(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "_PATIENCE_SECONDS", 0)
    monkeypatch.setattr(Bucket, "files", lambda *_: [])
    with pytest.raises(ServingError, match="has not answered within 0 seconds"):
        serve_plan(cast("Any", DemoCloud(answers=False)), BUCKET, "run", images, tmp_path)


def test_what_is_refused_is_said(images: Path, tmp_path: Path) -> None:
    with pytest.raises(ServingError, match=r"refuses a plan: plans/000001\.png is no picture"):
        serve_plan(
            cast("Any", DemoCloud(error="plans/000001.png is no picture")), BUCKET, "run", images, tmp_path / "demo"
        )
    for path in images.iterdir():
        path.unlink()
    with pytest.raises(ServingError, match="no plan is held out"):
        serve_plan(cast("Any", DemoCloud()), BUCKET, "run", images, tmp_path / "demo")
