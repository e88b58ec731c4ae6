"""Runs of the pipeline as executions of a cloud in memory: one that is registered, one that failed, one that trains."""

from tests.archive_reader.hostile_archives import member, packed
from tests.runs.cloud_in_memory import BUCKET, Execution

PACKAGE = "arn:aws:sagemaker:us-east-1:123456789012:model-package/floorplan-dino/1"
GOOD = {
    "decision": "registered",
    "sentence": "The gate is met.",
    "cost_usd": 2.27,
    "training_job_names": ["job"],
    "artifact_uri": f"s3://{BUCKET}/training-jobs/job/output/model.tar.gz",
    "model_package_arn": PACKAGE,
    "comparisons": ["Compared with the baseline yolo:", "The new model finds rooms better than yolo."],
}
BAD = {
    "error": "TrainingFailed",
    "cause": "OOM: the memory did not suffice.",
    "cost_usd": 0.0,
    "training_job_names": [],
}
RUNNING = {"job": {"name": "floorplan-dino-job"}, "watch": {"execution_cost_usd": 0.42}}


def good(name: str = "good") -> Execution:
    return Execution(name, [("Succeeded", {"outcome": GOOD})])


def bad() -> Execution:
    return Execution("bad", [("Failed", {"outcome": BAD})], status="FAILED", error="TrainingFailed")


def running() -> Execution:
    return Execution("running", [("Wait", RUNNING)], status="RUNNING")


def archive(*members: tuple[str, bytes]) -> bytes:
    """A model.tar.gz."""
    return packed(*[member(name, content) for name, content in members])
