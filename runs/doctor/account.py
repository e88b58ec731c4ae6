"""The account, the region and the stack that are examined; what several checks need of them is read once."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.config import Config
from pipeline.settings import Defaults, LaunchSettings, Settings

from runs.deployed_stack import describe_stack
from runs.doctor.template import Template
from runs.errors import RunsError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

Known = TypeVar("Known", bound=Settings)

_PATIENCE = Config(
    retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=2, read_timeout=5, max_pool_connections=16
)
"""A person waits. Several checks of one service may run at once, and one looks at 16 permissions at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whose credentials these are."""

    account: str
    partition: str
    arn: str


class Account:
    """What the session's credentials see. Each attribute raises what boto3 raises, and RunsError without a stack."""

    def __init__(self, session: boto3.Session, stack_name: str) -> None:
        self.stack_name = stack_name
        self._session = session
        self._clients: dict[tuple[str, str | None], Any] = {}
        self._creating = threading.Lock()  # a session is not made for several threads, its clients are

    @property
    def region(self) -> str:
        """The session's region, without which no client can be made."""
        return self._session.region_name

    def client(self, service: str, region: str | None = None) -> Any:  # noqa: ANN401 - the stubs want a literal name
        """The client for `service`, made once."""
        with self._creating:
            if (service, region) not in self._clients:
                made = self._session.client(service, region_name=region, config=_PATIENCE)  # type: ignore[call-overload]
                self._clients[service, region] = made
            return self._clients[service, region]

    @cached_property
    def identity(self) -> Identity:
        """By STS, which answers everybody."""
        caller = self.client("sts").get_caller_identity()
        return Identity(account=caller["Account"], partition=caller["Arn"].split(":")[1], arn=caller["Arn"])

    @cached_property
    def stack(self) -> StackTypeDef:
        """The stack of the pipeline, as CloudFormation describes it."""
        return describe_stack(self.client("cloudformation"), self.stack_name, self.region)

    @cached_property
    def outputs(self) -> Mapping[str, str]:
        """The stack's outputs."""
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack.get("Outputs", [])}

    def output(self, name: str) -> str:
        """One of the outputs. Raises RunsError if the deployment is older than it."""
        if name not in self.outputs:
            raise RunsError(f"The stack {self.stack_name} has no output {name}: deploy it again (`cdk deploy`).")
        return self.outputs[name]

    @property
    def bucket(self) -> str:
        """The pipeline's bucket."""
        return self.output("DatasetBucketName")

    @cached_property
    def template(self) -> Template:
        """What was deployed."""
        cloudformation = self.client("cloudformation")
        body = cloudformation.get_template(StackName=self.stack_name)["TemplateBody"]
        pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.stack_name)
        return Template(
            body,
            physical_ids={
                item["LogicalResourceId"]: item.get("PhysicalResourceId", "")
                for page in pages
                for item in page["StackResourceSummaries"]
            },
            account=self.identity.account,
            partition=self.identity.partition,
            region=self.region,
        )

    @cached_property
    def defaults(self) -> Defaults:
        """What a request leaves out."""
        return self._settings(Defaults, "resolve")

    @cached_property
    def launch(self) -> LaunchSettings:
        """What every training job has in common."""
        return self._settings(LaunchSettings, "launch")

    def _settings(self, kind: type[Known], step: str) -> Known:
        try:
            return kind.from_environment(self.template.environment_of(f"pipeline.steps.{step}.handler"))
        except RuntimeError:
            raise RunsError(
                f"The deployed function {step.title()} is not this checkout's: deploy the stack again (`cdk deploy`)."
            ) from None
