"""The baselines that a run's model is compared with: checked and copied before anything is spent.

One that cannot be compared with is said and left out: a run is worth its money without it, and the bucket may hold
baselines of other data sets.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice

from botocore.exceptions import ClientError

from dataset_contract.bounded_json import JsonError, read_at_most
from dataset_contract.coco import parse_coco
from dataset_contract.layout import annotations_path
from dataset_contract.sanitise import sanitise
from dataset_contract.stores import S3Store
from evaluation.refusal import EvaluationError
from evaluation.results.baseline_files import MAX_BYTES, NAMES_FILE, SPLIT, check_files, is_of_baseline, read_baseline
from evaluation.results.plan_index import PlanIndex
from pipeline.aws_errors import error_message, raising_unavailable
from pipeline.client_types import S3Client
from pipeline.dataset.validation import DatasetCheck
from pipeline.execution import Execution
from pipeline.s3_layout import BASELINES, baselines_prefix, bucket_and_key, uri

MOST_BASELINES = 5
MOST_OBJECTS = 1_000
"""Below baselines/, looked at."""
_MOST_NOTES = 10
"""On what is not compared: the bucket may hold anything, and a quote has a limit."""
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,29}")
_SPLITS = ("val", SPLIT)
"""Those whose plans a baseline may be about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baselines:
    """What Quote has chosen."""

    names: tuple[str, ...]
    prefix: str
    """Of the copies, a folder for each name: what was checked stays as it is while the jobs run."""


def find_baselines(
    s3: S3Client, *, bucket: str, dataset: DatasetCheck, execution: Execution
) -> tuple[Baselines | None, list[str]]:
    """The baselines in the bucket that are about the data set, None if there is none, and why others are not taken.

    Raises AwsUnavailable.
    """
    found, notes = _find(s3, bucket, dataset, execution)
    if (more := len(notes) - _MOST_NOTES) > 0:
        also = "1 more is" if more == 1 else f"{more:,} more are"
        notes = [
            *notes[:_MOST_NOTES],
            f"At {uri(bucket, BASELINES)} {also} not compared: remove what is not a baseline.",
        ]
    return found, notes


def _find(s3: S3Client, bucket: str, dataset: DatasetCheck, execution: Execution) -> tuple[Baselines | None, list[str]]:
    notes: list[str] = []
    try:
        with raising_unavailable():
            folders = _folders(s3, bucket, notes)
            if not folders:
                return None, notes
            plans = _plans(s3, dataset)
            prefix = baselines_prefix(execution.name, redrive_count=execution.redrive_count)
            names = []
            for name, sizes in folders.items():
                try:
                    with raising_unavailable():
                        files = _checked(s3, bucket, f"{BASELINES}{name}/", sizes, plans)
                except (ClientError, EvaluationError, JsonError) as error:
                    notes.append(_not_compared(name, _reason(error)))
                    continue
                for file, content in files.items():
                    kind = "text/plain" if file == NAMES_FILE else "application/json"
                    s3.put_object(Bucket=bucket, Key=f"{prefix}{name}/{file}", Body=content, ContentType=kind)
                names.append(name)
    except (ClientError, EvaluationError, OSError) as error:
        return None, [f"The baselines at {uri(bucket, BASELINES)} are not compared: {_reason(error)}", *notes]
    return (Baselines(names=tuple(names), prefix=prefix) if names else None), notes


def _folders(s3: S3Client, bucket: str, notes: list[str]) -> dict[str, dict[str, int]]:
    """By name, the files of each baseline with their bytes."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=BASELINES)
    listed = list(islice((item for page in pages for item in page.get("Contents", [])), MOST_OBJECTS + 1))
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for item in listed[:MOST_OBJECTS]:
        name, slash, file = item["Key"].removeprefix(BASELINES).partition("/")
        if slash and file:
            files = found[name]
            if is_of_baseline(file) and "/" not in file:
                files[file] = item["Size"]
        elif name and not slash:
            notes.append(
                f"{sanitise(uri(bucket, item['Key']), longest=200)} is not compared: it is in no folder; copy it to "
                f"{uri(bucket, BASELINES)}NAME/."
            )
    usable = {name: files for name, files in found.items() if _NAME.fullmatch(name)}
    notes += [
        _not_compared(name, "the folder's name needs letters, digits, hyphens and underscores, at most 30: rename it.")
        for name in found
        if name not in usable
    ]
    chosen = dict(list(usable.items())[:MOST_BASELINES])
    notes += [
        _not_compared(name, f"only the first {MOST_BASELINES} by name are: remove some.")
        for name in list(usable)[MOST_BASELINES:]
    ]
    if len(listed) > MOST_OBJECTS:
        notes.append(
            f"Of what is at {uri(bucket, BASELINES)} only the first {MOST_OBJECTS:,} objects were looked at: keep the "
            "results files there, not pictures."
        )
    return chosen


def _plans(s3: S3Client, dataset: DatasetCheck) -> PlanIndex:
    """The plans that the data set's splits list. Raises EvaluationError if they have changed meanwhile."""
    bucket, prefix = bucket_and_key(dataset.uri)
    store, splits = S3Store(s3, bucket, prefix), {}
    for split in _SPLITS:
        if dataset.splits.get(split):
            content, _ = parse_coco(store.read(annotations_path(split)), file=annotations_path(split), split=split)
            if content is None:
                raise EvaluationError(f"{annotations_path(split)} was changed after it had been checked.")
            splits[split] = content
    if SPLIT not in splits:
        raise EvaluationError(f"the data set has no plans in its split {SPLIT}.")
    return PlanIndex.of(dataset.uri, splits)


def _checked(s3: S3Client, bucket: str, folder: str, sizes: Mapping[str, int], plans: PlanIndex) -> dict[str, bytes]:
    """The files of a baseline. Raises EvaluationError or JsonError if it cannot be compared with."""
    check_files(sizes)
    files = {file: read_at_most(s3.get_object(Bucket=bucket, Key=folder + file)["Body"], MAX_BYTES) for file in sizes}
    read_baseline(files, plans)
    return files


def _not_compared(name: str, reason: str) -> str:
    return f"The baseline {sanitise(name, longest=60)} is not compared: {reason}"


def _reason(error: Exception) -> str:
    return sanitise(error_message(error) if isinstance(error, ClientError) else error, longest=600)
