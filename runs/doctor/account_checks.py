"""Whether account and region have what a run with the deployment's defaults takes: quotas, prices, image, functions."""

from __future__ import annotations

import re

from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code
from pipeline.clients import PRICING_REGION
from pipeline.quote.prices import listed_price
from pipeline.quote.quotas import listed_quotas, quota_name, quotas_link

from runs.doctor.account import Account
from runs.doctor.result import Result, bad, doubtful, good

_IMAGE = re.compile(r"(?P<registry>\d{12})\.dkr\.ecr\.[^/]+/(?P<repository>[^:]+):(?P<tag>.+)")
_NEW_ACCOUNT_MB = 3008
"""Of memory, the most that Lambda gives a function of a new account; no call tells an account's limit."""
_NEW_ACCOUNT_FUNCTIONS = 10
"""At a time, in many new accounts: enough for the pipeline, which waits where functions are throttled."""


def quotas(subject: str, account: Account) -> Result:
    """How many instances of the default type the account may train on."""
    wanted = account.defaults.instance_type
    listed = dict(listed_quotas(account.client("service-quotas")))
    spot, on_demand = (listed.get(quota_name(wanted, spot=spot)) for spot in (True, False))
    ask = 'Ask for 1 or more of "{}" at ' + quotas_link(account.region)
    if spot is None or on_demand is None:
        return doubtful(
            subject,
            f"Service Quotas lists no quota of {wanted} in {account.region}.",
            "Look whether SageMaker offers it there; if not, set another default_instance_type and `cdk deploy`.",
        )
    have = f"{wanted}: {spot:g} on spot, {on_demand:g} on demand"
    if spot >= 1 and on_demand >= 1:
        return good(subject, have)
    if spot >= 1:
        remedy = f"{ask.format(quota_name(wanted, spot=False))}, if you want to train without interruptions."
        return doubtful(subject, f"{have}: runs with spot=false are refused.", remedy)
    remedy = ask.format(quota_name(wanted, spot=True))
    if on_demand >= 1:
        remedy += ", or train on demand: `python -m runs start --set spot=false`"
    return bad(subject, f"{have}: runs on spot, the default, are refused.", f"{remedy}.")


def prices(subject: str, account: Account) -> Result:
    """Whether a quote would go by the Price List."""
    wanted = account.defaults.instance_type
    price = listed_price(account.client("pricing", PRICING_REGION), region=account.region, instance_type=wanted)
    if price is not None:
        return good(subject, f"{wanted}: {price:f} USD an hour on demand")
    return doubtful(
        subject,
        f"The AWS Price List has no price of {wanted} in {account.region}: quotes go by a dated table.",
        "Look whether SageMaker offers it there; if not, set another default_instance_type and `cdk deploy`.",
    )


def image(subject: str, account: Account) -> Result:
    """Whether the training image is in the region's registry."""
    uri = account.launch.training_image
    parts = _IMAGE.fullmatch(uri)
    remedy = "Set image_repository and image_tag in cdk.json to an image that AWS offers there, and `cdk deploy`."
    if parts is None:
        return bad(subject, f"{uri} is not an image of ECR.", remedy)
    try:
        answer = account.client("ecr").batch_get_image(
            registryId=parts["registry"],
            repositoryName=parts["repository"],
            imageIds=[{"imageTag": parts["tag"]}],
        )
    except ClientError as error:
        if error_code(error) != "RepositoryNotFoundException":
            raise
        return bad(subject, f"There is no repository {parts['repository']} for {uri}.", remedy)
    if answer["images"]:
        return good(subject, f"{parts['repository']}:{parts['tag']}")
    code = answer["failures"][0]["failureCode"] if answer["failures"] else "no reason given"
    if code == "ImageNotFound":
        return bad(subject, f"There is no image {uri}.", remedy)
    return doubtful(subject, f"The registry does not show {uri} ({code}).", remedy)


def functions(subject: str, account: Account) -> Result:
    """Whether Lambda runs as many functions, and as large ones, as the pipeline has."""
    limits = account.client("lambda").get_account_settings()["AccountLimit"]
    free = limits["UnreservedConcurrentExecutions"]
    largest = max(int(function.get("MemorySize", 128)) for function in account.template.functions())
    have = f"{free:,} at a time; the largest has {largest:,} MB"
    if largest > _NEW_ACCOUNT_MB:
        return doubtful(
            subject,
            f"{have}, and many accounts allow {_NEW_ACCOUNT_MB:,} MB only.",
            "If its calls fail, ask AWS Support for more memory for functions.",
        )
    if free < _NEW_ACCOUNT_FUNCTIONS:
        return doubtful(
            subject,
            f"{have}: steps wait for each other, and for the account's other functions.",
            'Ask Service Quotas for more of Lambda\'s "Concurrent executions", or reserve fewer for other functions.',
        )
    return good(subject, have)
