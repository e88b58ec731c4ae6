"""The plans of a batch: the files of a folder, which are to be uploaded, or what is below plans/ in the bucket."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath

from botocore.exceptions import ClientError
from pipeline.aws_errors import WRITTEN_MEANWHILE, error_code
from pipeline.client_types import S3Client
from pipeline.s3_layout import BATCH_PLANS, PLANS, bucket_and_key, uri
from serving.settings import MAX_BYTES

from dataset_contract.atomic_write import LONGEST_STEM
from dataset_contract.bounded_read import read_regular
from dataset_contract.findings import FindingLog, Severity
from dataset_contract.layout import path_problem
from dataset_contract.sanitise import short
from dataset_prep.progress import Advance
from dataset_prep.sources.image_files import PLAN_SUFFIXES, image_files
from dataset_prep.upload_transfer import as_base64
from runs.errors import RunsError
from runs.parallel import in_parallel

_S3 = "s3://"
_LOOKED_FOR = ", ".join(sorted(PLAN_SUFFIXES))


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlan:
    """One plan. Of a file it has `path` and `sha256`, of an object in the bucket `modified`."""

    name: str
    """Where its answers go: a relative path with forward slashes."""
    key: str
    """In the bucket. A file's is its content's SHA-256, so that the same plan is uploaded and predicted on once."""
    path: Path | None = None
    sha256: str = ""
    modified: datetime | None = None


@dataclass(slots=True)
class BatchPlans:
    """What was found; `problems` are sentences about what cannot be predicted on, `notes` of what was passed over."""

    plans: list[BatchPlan] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def find_plans(given: str, to: Path, s3: S3Client, bucket: str) -> BatchPlans:
    """The plans that `given` names: a folder or a plan, here or as s3://.../plans/...; not those in `to`.

    Raises RunsError.
    """
    if given.startswith(_S3):
        return _objects(given, s3, bucket)
    folder = Path(given)
    if not folder.exists():
        raise RunsError(f"{given} does not exist: give a folder with plans, a plan, or s3://{bucket}/{PLANS}.")
    if not folder.is_dir():
        return _files(folder.parent, [given], BatchPlans())
    if os.path.realpath(folder) == os.path.realpath(to):
        raise RunsError(f"--to {to} is where the plans are, and answers would be taken for plans: name another folder.")
    found, log = BatchPlans(), FindingLog()
    paths = list(image_files(folder, log, exclude=to, suffixes=PLAN_SUFFIXES))
    for finding in log.findings():
        where = found.problems if finding.severity is Severity.ERROR else found.notes
        where.append(f"{given}: {finding.message} {finding.fix}")
    if not paths:
        raise RunsError(f"{given} holds no plan: {_LOOKED_FOR} are looked for.")
    return _files(folder, paths, found)


def upload_plans(plans: Iterable[BatchPlan], s3: S3Client, bucket: str, advance: Advance) -> None:
    """Bring those that are files into the bucket, unless they are there. Raises RunsError if one has changed."""
    by_key = {plan.key: plan for plan in plans if plan.path is not None}

    def upload(plan: BatchPlan) -> None:
        assert plan.path is not None
        data = read_regular(plan.path, MAX_BYTES)
        if hashlib.sha256(data).hexdigest() != plan.sha256:
            raise RunsError(f"{plan.path} has changed since it was looked at: repeat the command.")
        try:
            s3.put_object(
                Bucket=bucket, Key=plan.key, Body=data, ChecksumSHA256=as_base64(plan.sha256), IfNoneMatch="*"
            )
        except ClientError as error:
            if error_code(error) not in WRITTEN_MEANWHILE:
                raise  # it is there, or is being written: by the same content
        advance(1, len(data))

    for _ in in_parallel(upload, by_key.values()):
        pass


def _files(folder: Path, paths: Sequence[str], found: BatchPlans) -> BatchPlans:
    for path in map(Path, paths):
        try:
            sha256 = hashlib.sha256(read_regular(path, MAX_BYTES)).hexdigest()
        except OSError as error:
            found.problems.append(f"{path} cannot be read ({error.strerror}).")
            continue
        name = path.relative_to(folder).as_posix()
        if problem := _too_long(name):
            found.problems.append(f"{path} has a name that {problem}: rename it.")
            continue
        found.plans.append(BatchPlan(name=name, key=BATCH_PLANS + sha256, path=path, sha256=sha256))
    return found


def _objects(given: str, s3: S3Client, bucket: str) -> BatchPlans:
    named, prefix = bucket_and_key(given)
    if named != bucket or not f"{prefix}/".startswith(PLANS):
        raise RunsError(
            f"{short(given)} is not below {uri(bucket, PLANS)}: the serving function reads plans there only. Name a "
            "folder of this machine, which is uploaded."
        )
    prefix = prefix.rstrip("/")
    found = BatchPlans()
    for key, modified in _listed(s3, bucket, prefix):
        name = key.removeprefix(f"{prefix}/") if key != prefix else PurePosixPath(key).name
        if key.endswith("/") or PurePosixPath(key).suffix.lower() not in PLAN_SUFFIXES:
            continue
        if problem := path_problem(name) or _too_long(name):
            found.problems.append(f"{uri(bucket, key)} has a name that {problem}: rename the object.")
        else:
            found.plans.append(BatchPlan(name=name, key=key, modified=modified.replace(microsecond=0)))
    if not found.plans and not found.problems:
        raise RunsError(f"{uri(bucket, prefix)} holds no plan: {_LOOKED_FOR} are looked for.")
    return found


def _listed(s3: S3Client, bucket: str, prefix: str) -> Iterator[tuple[str, datetime]]:
    """Key and time of each object in the folder, or of the object of this name."""
    is_folder = False
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/"):
        for item in page.get("Contents", []):
            is_folder = True
            yield item["Key"], item["LastModified"]
    if is_folder or not prefix.startswith(PLANS):
        return
    try:
        yield prefix, s3.head_object(Bucket=bucket, Key=prefix)["LastModified"]
    except ClientError as error:
        if error_code(error) not in ("404", "NoSuchKey"):
            raise


def _too_long(name: str) -> str | None:
    """Why answers cannot be written under a plan's name (end of the sentence "a name that ..."), None if they can."""
    length = len(os.fsencode(PurePosixPath(name).name))
    return f"is {length} bytes long, too long with the answers' endings" if length > LONGEST_STEM else None
