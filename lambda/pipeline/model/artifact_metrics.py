"""Reads metrics, health and comparison in model.tar.gz as a stream: nothing is unpacked, every size has a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from archive_reader.tar_members import MODEL_LIMITS, ArchiveError, read_members
from dataset_contract.bounded_json import parse_bounded
from dataset_contract.class_names import MAX_NAME_BYTES
from dataset_contract.sanitise import sanitise
from dataset_contract.split_checks import MAX_CATEGORY_ID
from evaluation.results.baseline_files import COMPARISON
from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.job.evaluated_epochs import EvaluatedEpoch, read_evaluations
from pipeline.job.health_reader import HEALTH_FILE, StageHealth, read_health
from pipeline.model.baseline_comparison import Comparisons, parse_comparisons
from pipeline.request import MAX_EPOCHS
from pipeline.s3_layout import bucket_and_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

METRICS_FILE, COMPARISON_FILE = "metrics.json", COMPARISON
MAX_FILE_BYTES = 4_000_000
"""A metrics.json of many evaluations has some 100 kB."""
MAX_CLASSES = MAX_CATEGORY_ID + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMetrics:
    """What was measured on one split; each from 0 to 1."""

    ap: float
    f1: float
    f1_by_class: Mapping[str, float | None]
    """None: the split has no box of the class."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMetrics(SplitMetrics):
    """What the gate compares, on the validation split."""

    test: SplitMetrics | None = None
    """The test split at the thresholds of validation; None: the data set has none."""
    dataset_version: str | None = None
    """What the trainer found and trained on; None: it does not say."""
    epochs_trained: int | None = None
    """Fewer than asked for where it stopped early; None: it does not say."""
    evaluations: tuple[EvaluatedEpoch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """What an artifact tells about its stage."""

    metrics: StageMetrics | None
    metrics_file: bytes | None
    """metrics.json as it is, if it could be read."""
    health: StageHealth | None
    complaint: str | None
    """One sentence why there are no metrics; None if there are."""
    has_model: bool = True
    """False: it does not exist, or is whole and without the metrics.json that the trainer writes before the model."""
    comparisons: Comparisons | None = None
    comparison_file: bytes | None = None
    """The file as it is, if it could be read."""
    comparison_complaint: str | None = None
    """One sentence why there are no comparisons; None if there are, or none were asked for."""


def read_artifact(s3: S3Client, uri: str, *, compared: bool = False) -> Artifact:
    """The metrics and the health in s3://bucket/.../model.tar.gz, and the comparison if the model was `compared`.

    Raises AwsUnavailable.
    """
    bucket, key = bucket_and_key(uri)
    wanted = {METRICS_FILE, HEALTH_FILE, *([COMPARISON_FILE] if compared else [])}
    try:
        with raising_unavailable():
            body = s3.get_object(Bucket=bucket, Key=key)["Body"]
            try:
                files, missing, absent = _files(cast("IO[bytes]", body), wanted)
            finally:
                body.close()
    except ClientError as error:
        if error_code(error) != "NoSuchKey":
            raise
        files, missing, absent = {}, dict.fromkeys(wanted, "it does not exist"), wanted
    complaints = {name: f"Of the model {uri} {reason}." for name, reason in missing.items()}
    health = read_health(files[HEALTH_FILE]) if HEALTH_FILE in files else None
    metrics: StageMetrics | None = None
    comparisons: Comparisons | None = None
    for name, content in files.items():
        try:
            if name == METRICS_FILE:
                metrics = parse_metrics(content)
            elif name == COMPARISON_FILE:
                comparisons = parse_comparisons(content)
        except ValueError as error:
            complaints[name] = f"Of the model {uri} {name} cannot be used: {sanitise(error, longest=200)}."
    return Artifact(
        metrics=metrics,
        metrics_file=files.get(METRICS_FILE) if metrics else None,
        health=health,
        complaint=complaints.get(METRICS_FILE),
        has_model=METRICS_FILE not in absent,
        comparisons=comparisons,
        comparison_file=files.get(COMPARISON_FILE) if comparisons else None,
        comparison_complaint=complaints.get(COMPARISON_FILE),
    )


def parse_metrics(content: bytes) -> StageMetrics:
    """The metrics in metrics.json. Raises ValueError, which says what is wrong."""
    metrics = parse_bounded(content)
    if not isinstance(metrics, dict):
        raise ValueError("it is not an object")
    test = None
    if metrics.get("test") is not None:
        if not isinstance(metrics["test"], dict):
            raise ValueError("test is not an object")
        test = SplitMetrics(**_split_metrics(metrics["test"], "test."))
    version = metrics.get("dataset_version")
    dataset_version = sanitise(version, longest=100) if isinstance(version, str) else None
    epochs = metrics.get("epochs_trained")
    return StageMetrics(
        **_split_metrics(metrics, ""),
        test=test,
        dataset_version=dataset_version,
        epochs_trained=epochs if type(epochs) is int and 1 <= epochs <= MAX_EPOCHS else None,
        evaluations=read_evaluations(content),
    )


def _split_metrics(metrics: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The fields of SplitMetrics; `where` they stand in metrics.json."""
    classes = metrics.get("classes")
    if not isinstance(classes, dict) or len(classes) > MAX_CLASSES:
        raise ValueError(f"{where}classes is not an object of at most {MAX_CLASSES} entries")
    f1_by_class: dict[str, float | None] = {}
    for name, figures in classes.items():
        if not isinstance(figures, dict):
            raise ValueError(f"{where}classes.{name} is not an object")
        shown = sanitise(name, longest=MAX_NAME_BYTES)
        if len(shown.encode()) > MAX_NAME_BYTES:
            raise ValueError(f"{where}classes has a name longer than {MAX_NAME_BYTES} bytes")
        f1_by_class[shown] = None if figures.get("f1") is None else _share(f"{where}classes.{name}.f1", figures["f1"])
    return {name: _share(f"{where}{name}", metrics.get(name)) for name in ("ap", "f1")} | {"f1_by_class": f1_by_class}


def _files(body: IO[bytes], wanted: set[str]) -> tuple[dict[str, bytes], dict[str, str], set[str]]:
    """Those of the files `wanted` at the archive's top, why the others could not be read, and which are not there."""
    found: dict[str, bytes] = {}
    too_large: dict[str, str] = {}
    reason = None
    try:
        for member in read_members(body, MODEL_LIMITS):
            if member.name not in wanted or member.is_folder:
                continue
            if member.size > MAX_FILE_BYTES:
                too_large[member.name] = f"{member.name} has {member.size:,} bytes, more than {MAX_FILE_BYTES:,}"
                continue
            found[member.name] = member.content.read()
            if len(found) + len(too_large) == len(wanted):
                break
    except ArchiveError as error:
        reason = str(error)
    lacking = {name: reason or f"it has no {name}" for name in wanted if name not in found}
    absent = set() if reason else wanted - found.keys() - too_large.keys()
    return found, lacking | too_large, absent


def _share(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} is not a number from 0 to 1")
    return float(value)
