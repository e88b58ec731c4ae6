"""What several tests of the preparation need: sample plans, and small images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import boto3
import pytest
from PIL import Image

from dataset_contract.findings import Finding, Report
from dataset_prep import run
from dataset_prep.samples import write_samples
from tests.prep.yolo_tree import PrepareYolo

PLANS = 9


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sample plans in CubiCasa5K's layout. Not to be changed."""
    root = tmp_path_factory.mktemp("samples") / "plans"
    write_samples(root, PLANS, seed=7)
    return root


@pytest.fixture
def plans(tmp_path: Path, samples: Path) -> Path:
    """Sample plans that a test may change."""
    return Path(shutil.copytree(samples, tmp_path / "plans"))


@pytest.fixture
def make_image(tmp_path: Path) -> Callable[..., Path]:
    """Makes an image file below the test's folder: make_image("a/b.png", size=(40, 30), mode="RGB", **save options)."""

    def make(
        name: str, *, size: tuple[int, int] = (40, 30), mode: str = "RGB", colour: object = 255, **save: object
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        bands = len(Image.new(mode, (1, 1)).getbands())
        fill = colour if bands == 1 or isinstance(colour, tuple) else (colour,) * bands
        Image.new(mode, size, fill).save(path, **save)  # type: ignore[arg-type]
        return path

    return make


@pytest.fixture
def prepare_yolo(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> PrepareYolo:
    """Runs the command line on a YOLO data set: the exit status, the findings, and what stands on standard error."""
    reports: list[Report] = []
    monkeypatch.setattr(run, "show_summary", lambda console, prepared, **_: reports.append(prepared.report))

    def go(root: Path, *more: str) -> tuple[int, Sequence[Finding], str]:
        split = () if "--split" in more else ("--split", "official")
        arguments = ["--source", root, "--format", "yolo", "--output", tmp_path / "d", "--workers", "1", *split, *more]
        status = run.main([str(argument) for argument in arguments])
        return status, reports[-1].findings if reports else [], capsys.readouterr().err.strip()

    return go


@pytest.fixture
def said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    """Prepares tmp_path/source: exit status, and all that is said."""

    def go(*more: str) -> tuple[int, str]:
        status = run.main(["--source", str(tmp_path / "source"), "--output", str(tmp_path / "data"), *more])
        captured = capsys.readouterr()
        return status, captured.out + captured.err

    return go


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, str]]:
    """The environment variables of an AWS account on the loopback."""
    from local_aws.embedded import EmbeddedAws

    with EmbeddedAws(tmp_path_factory.mktemp("aws")) as embedded:
        yield embedded.environment


@pytest.fixture
def in_aws(aws: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the AWS SDK in this process reach that account and no other."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in aws.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # which keeps the keys that it has found


@pytest.fixture
def bucket(in_aws: None, tmp_path: Path) -> str:
    """A bucket of the test's own."""
    name = f"plans-{abs(hash(tmp_path))}"
    boto3.client("s3").create_bucket(Bucket=name)
    return name
