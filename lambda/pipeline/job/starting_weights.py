"""The weights that a job starts from: which file below pretrained/ it gets, and what the message says about it."""

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from pipeline.aws_errors import error_message, raising_unavailable
from pipeline.client_types import S3Client
from pipeline.errors import LaunchFailed
from pipeline.name_list import name_list
from pipeline.quote.earlier_model import EarlierModel
from pipeline.request import PRESETS, WEIGHTS_NAME, Request
from pipeline.s3_layout import PRETRAINED, uri
from training_code.recipes import RECIPES

CHANNEL = "pretrained"
"""The trainer starts from the one file in it."""


def choose_weights(s3: S3Client, *, bucket: str, request: Request) -> str | None:
    """The key of the file below pretrained/ that the job starts from; None: it starts from random weights.

    Raises LaunchFailed if the file is missing or which one is meant cannot be told, since a job would cost money first.
    """
    if request.pretrained is None and not needs_weights(request.preset):
        return None  # the files there are for other models: none of their tensors would fit
    names = _names(s3, bucket)
    if request.pretrained is None and not names:
        return None
    name = request.pretrained or _only_one(names, bucket)
    place = uri(bucket, PRETRAINED)
    if name not in names:
        raise LaunchFailed(
            f"There are no weights {place}{name}: {f'there is {name_list(names)}' if names else 'nothing is there'}. "
            f"Upload the file with `aws s3 cp {name} {place}`, or give the name of one that is there."
        )
    brought_along = [other for other in names if other.startswith(name) and other != name]
    if brought_along:
        raise LaunchFailed(
            f"The weights {place}{name} cannot be told from {name_list(brought_along)}, which SageMaker would copy as "
            "well, because the names start alike: rename or remove what is not wanted."
        )
    return PRETRAINED + name


def needs_weights(preset: str) -> bool:
    """Whether the preset's model learns badly from random weights, since its backbone's norms never move."""
    return RECIPES[PRESETS[preset].recipe].model.backbone_norm == "frozen_batch_norm"


def starting_weights(
    job: Mapping[str, Any], *, preset: str, bucket: str, earlier_model: EarlierModel | None
) -> str | None:
    """What the job started from, for people; None if its model is meant to learn from scratch.

    `job` is DescribeTrainingJob's answer, which knows it even of a job that an earlier try created.
    """
    for channel in job.get("InputDataConfig", []):
        if channel["ChannelName"] == CHANNEL:
            weights = channel["DataSource"]["S3DataSource"]["S3Uri"]
            # A failed job may be one that refused them; any other has taken all that its model needs.
            given = "was given" if job["TrainingJobStatus"] == "Failed" else "started from"
            more = f" {earlier_model.sentence}" if earlier_model else ""
            return f"It {given} the weights {weights}.{more}"
    if not needs_weights(preset):
        return None
    return (
        "It started from random weights: expect poor results, since its backbone's frozen norms cannot learn. Upload "
        f"ResNet-50's with `aws s3 cp resnet50-0676ba61.pth {uri(bucket, PRETRAINED)}` and start again."
    )


def _names(s3: S3Client, bucket: str) -> list[str]:
    """The files below pretrained/, sorted, without the "folder" itself that the S3 console makes."""
    try:
        with raising_unavailable():
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=PRETRAINED)
            keys = [item["Key"] for page in pages for item in page.get("Contents", [])]
    except ClientError as error:
        raise LaunchFailed(
            f"The weights below {uri(bucket, PRETRAINED)} could not be listed: {error_message(error)} "
            "Deploy the stack again."
        ) from error
    return sorted(key.removeprefix(PRETRAINED) for key in keys if key != PRETRAINED)


def _only_one(names: list[str], bucket: str) -> str:
    """The one of `names` that can be a file of weights."""
    possible = [name for name in names if WEIGHTS_NAME.fullmatch(name)]
    if len(possible) == 1:
        return possible[0]
    place = uri(bucket, PRETRAINED)
    if possible:
        raise LaunchFailed(
            f"There are several files of weights at {place}: {name_list(possible)}. "
            f'Start again with the name of one, as in {{"pretrained": "{possible[0]}"}}.'
        )
    raise LaunchFailed(
        f"There are no weights at {place}, only {name_list(names)}: upload a .pth or .safetensors file whose name has "
        f"letters, digits, dots, hyphens and underscores only with `aws s3 cp FILE {place}`, or remove what is there."
    )
