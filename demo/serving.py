"""Has the serving stack on the embedded AWS predict with the demo's model: one plan by its event, and a folder."""

from __future__ import annotations

import argparse
import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import boto3
from pipeline.s3_layout import PLANS, PREDICTIONS
from serving.answer_files import JSON, PICTURE, SVG

from dataset_prep.sources.image_files import PLAN_SUFFIXES
from runs.bucket import Bucket
from runs.deployed_stack import STACK, find_stack
from runs.predict import predict
from terminal.console import Terminal

FOLDER = "serving"
_NAMES = {SVG: "SVG", PICTURE: "picture", JSON: "JSON"}
_PATIENCE_SECONDS = 120
"""For one answer: the function has to start and to load the model."""


class ServingError(Exception):
    """There is no answer; the message is one sentence."""


@dataclass(frozen=True, slots=True)
class ServedPlans:
    """What the page shows."""

    plan: str
    """The file that was put into the bucket."""
    version: int
    """Of the model in the registry."""
    svg: str
    """Of the answer, as a data URI."""
    picture: str
    links: Mapping[str, str]
    """From the page to the files of the answer, by their names."""
    batch: Mapping[str, str]
    """From the page to the SVG of each plan of the folder, by the plan's name."""


def serve_plan(session: boto3.Session, bucket: str, execution_arn: str, images: Path, page_folder: Path) -> ServedPlans:
    """Approve the model of the execution, put the first image into the bucket, and fetch the answer.

    Raises ServingError, and RunsError if a file cannot be fetched.
    """
    plans = sorted(path for path in images.glob("*") if path.suffix.lower() in PLAN_SUFFIXES)
    if not plans:
        raise ServingError("no plan is held out that could be served: take more plans.")
    plan = plans[0]
    outcome = session.client("stepfunctions").describe_execution(executionArn=execution_arn)["output"]
    package = json.loads(outcome)["model_package_arn"]
    session.client("sagemaker").update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    s3 = session.client("s3")
    s3.put_object(Bucket=bucket, Key=PLANS + plan.name, Body=plan.read_bytes())
    folder = page_folder / FOLDER
    answers = Bucket(s3, bucket)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while f"{PREDICTIONS}{plan.name}{JSON}" not in answers.files(PREDICTIONS):
        if time.monotonic() > deadline:
            raise ServingError(f"the serving function has not answered within {_PATIENCE_SECONDS} seconds.")
        time.sleep(0.5)
    said = json.loads(answers.download(f"{PREDICTIONS}{plan.name}{JSON}", folder).read_text())
    if "error" in said:
        raise ServingError(f"the serving function refuses a plan: {said['error']}")
    svg, picture = (answers.download(f"{PREDICTIONS}{plan.name}{suffix}", folder) for suffix in (SVG, PICTURE))
    return ServedPlans(
        plan=plan.name,
        version=said["model"]["version"],
        svg=_uri(svg, "image/svg+xml"),
        picture=_uri(picture, "image/png"),
        links={name: f"{FOLDER}/{plan.name}{suffix}" for suffix, name in _NAMES.items()},
        batch={},
    )


def serve_folder(
    console: Terminal, session: boto3.Session, served: ServedPlans, images: Path, page_folder: Path
) -> ServedPlans:
    """Predict on all images as `python -m runs predict` does; `served` with their answers. Raises ServingError."""
    to = page_folder / FOLDER / "batch"
    options = argparse.Namespace(plans=str(images), to=to, yes=True, stack=STACK)
    if predict(console, session, find_stack(session, STACK), options):
        raise ServingError("the serving stack has not predicted on all plans, for the reasons above.")
    batch = {path.name.removesuffix(SVG): f"{FOLDER}/batch/{path.name}" for path in sorted(to.glob(f"*{SVG}"))}
    return replace(served, batch=batch)


def _uri(path: Path, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
