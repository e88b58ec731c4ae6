"""The answers that the serving function has filed about plans: which there are, and their files for a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code
from pipeline.client_types import S3Client
from serving.answer_files import JSON, PICTURE, SVG
from serving.requests import PlanInBucket

from dataset_contract.atomic_write import atomic_path, write_atomically
from dataset_contract.bounded_json import JsonError, parse_bounded, read_at_most
from runs.batch_plans import BatchPlan
from runs.state_input import text

_MOST_BYTES = 100_000_000
"""Of an answer's JSON."""


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """What the function says about a plan: which model predicted, or why it refused."""

    model: str
    """The ARN of the model's package; empty if the plan was refused."""
    error: str
    """The sentence; empty unless it was refused."""
    content: bytes


@dataclass(frozen=True, slots=True)
class BatchAnswers:
    """Those in the bucket."""

    s3: S3Client
    bucket: str

    def about(self, plan: BatchPlan) -> BatchAnswer | None:
        """The answer about the plan as it is now; None if there is none."""
        try:
            found = self.s3.get_object(Bucket=self.bucket, Key=_answers(plan) + JSON)
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None
        try:
            content = read_at_most(found["Body"], _MOST_BYTES)
            said = parse_bounded(content)
        except JsonError:
            return None  # not the function's
        if not isinstance(said, dict):
            return None
        # A file's key is made from its content. An object may have been replaced since it was answered; S3 tells whole
        # seconds, and a small plan is answered within the one in which it came.
        if plan.modified is not None and found["LastModified"] < plan.modified:
            return None
        refusal = said.get("error")
        return BatchAnswer(text(said, "model", "package_arn"), refusal if isinstance(refusal, str) else "", content)

    def write(self, plan: BatchPlan, answer: BatchAnswer, folder: Path) -> None:
        """Write the files to `folder`, the JSON last; nothing if they are there already."""
        target = folder / f"{plan.name}{JSON}"
        if target.is_file() and target.stat().st_size == len(answer.content) and target.read_bytes() == answer.content:
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in (SVG, PICTURE):
            with atomic_path(folder / f"{plan.name}{suffix}") as temporary:
                self.s3.download_file(self.bucket, _answers(plan) + suffix, str(temporary))
        write_atomically(target, answer.content)


def _answers(plan: BatchPlan) -> str:
    """How the keys of its answers begin."""
    return PlanInBucket(plan.key).answers
