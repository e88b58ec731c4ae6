"""Whether what a run with the deployment's defaults starts from is in the bucket: starting weights and data set."""

from __future__ import annotations

from botocore.exceptions import ClientError
from pipeline.errors import LaunchFailed
from pipeline.job.starting_weights import choose_weights, needs_weights
from pipeline.request_input import parse_request
from pipeline.s3_layout import PRETRAINED, uri

from dataset_contract.check import check_files
from dataset_contract.findings import Severity
from dataset_contract.stores import S3Store
from runs.doctor.account import Account
from runs.doctor.result import Result, bad, doubtful, good


def weights(subject: str, account: Account) -> Result:
    """Which weights a job would start from, by Launch's rule."""
    request = parse_request({}, account.defaults)
    try:
        key = choose_weights(account.client("s3"), bucket=account.bucket, request=request)
    except LaunchFailed as refusal:
        if isinstance(refusal.__cause__, ClientError):
            raise refusal.__cause__ from None
        return bad(subject, str(refusal))
    if key is not None:
        return good(subject, uri(account.bucket, key))
    if not needs_weights(request.preset):
        return good(subject, f"none: the preset {request.preset} learns from scratch")
    place = uri(account.bucket, PRETRAINED)
    return doubtful(
        subject,
        f"There are none at {place}: the model starts from random weights and learns badly.",
        f"Download the file (README), and `aws s3 cp resnet50-0676ba61.pth {place}`.",
    )


def dataset(subject: str, account: Account) -> Result:
    """Whether all is there that the manifest lists; its content is for Validate."""
    store = S3Store(account.client("s3"), account.bucket, account.defaults.dataset_prefix)
    manifest, findings = check_files(store)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if errors or manifest is None:
        more = f" ({len(errors):,} errors, this is the first)" if len(errors) > 1 else ""
        return bad(subject, f"{errors[0].message}{more}", errors[0].fix)
    have = f"{store.location}: {manifest.images:,} images, version {manifest.version[:12]}"
    warnings = [finding for finding in findings if finding.severity is Severity.WARNING]
    if warnings:
        return doubtful(subject, f"{have}. {warnings[0].message}", warnings[0].fix)
    return good(subject, have)
