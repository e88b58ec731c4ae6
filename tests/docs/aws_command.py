"""A command of the AWS CLI as the call of boto3 that it stands for, since the CLI is no part of the set-up."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Any

import boto3
import botocore.session
import jmespath
from botocore import xform_name

RENAMED = {("sns", "subscribe"): {"--endpoint": "--notification-endpoint"}}
"""Options that the CLI calls otherwise, since they would be its own for all commands."""


@dataclass(frozen=True, slots=True)
class AwsCall:
    """`client(service).operation(**parameters)`, and what `--query` takes from its answer."""

    service: str
    operation: str
    parameters: dict[str, str]
    query: str | None

    def result(self, session: boto3.Session) -> Any:
        """What AWS answers, on all pages, or what the query takes from it."""
        client = session.client(self.service)  # type: ignore[call-overload]
        if client.can_paginate(self.operation):
            answer = client.get_paginator(self.operation).paginate(**self.parameters).build_full_result()
        else:
            answer = getattr(client, self.operation)(**self.parameters)
        return answer if self.query is None else jmespath.search(self.query, answer)


def aws_call(command: str) -> AwsCall:
    """The call that the command stands for; its service, operation and options are those of botocore's own models.

    `aws s3 cp FILE s3://BUCKET/FOLDER/` is a command of the CLI's own and stands for put_object, `aws s3 sync
    s3://BUCKET/FOLDER/ DIR` for list_objects_v2 and downloads, and `aws s3 cp s3://BUCKET/ s3://BUCKET/ --recursive
    --sse AES256` for a copy_object of each object.
    """
    program, service, name, *words = shlex.split(command)
    assert program == "aws"
    if (service, name) == ("s3", "cp") and words[2:] == ["--recursive", "--sse", "AES256"]:
        source, target = (each.removeprefix("s3://").removesuffix("/") for each in words[:2])
        parameters = {"Bucket": target, "Key": "*", "CopySource": f"{source}/*", "ServerSideEncryption": "AES256"}
        return AwsCall("s3", "copy_object", parameters, None)
    if (service, name) == ("s3", "cp"):
        file, target = words
        assert target.startswith("s3://")
        bucket, _, folder = target.removeprefix("s3://").partition("/")
        assert folder.endswith("/")
        return AwsCall("s3", "put_object", {"Bucket": bucket, "Key": f"{folder}{file}"}, None)
    if (service, name) == ("s3", "sync"):
        source, _ = words
        bucket, _, folder = source.removeprefix("s3://").partition("/")
        assert source.startswith("s3://")
        assert folder.endswith("/")
        return AwsCall("s3", "list_objects_v2", {"Bucket": bucket, "Prefix": folder}, None)
    options = dict(zip(words[::2], words[1::2], strict=True))
    query, shape = options.pop("--query", None), options.pop("--output", "json")
    assert shape in ("json", "text", "table", "yaml")
    if query is not None:
        jmespath.compile(query)
    model = botocore.session.get_session().get_service_model(service)
    operations = {xform_name(operation, "-"): operation for operation in model.operation_names}
    assert name in operations, f"aws {service} knows no {name}"
    expected = model.operation_model(operations[name]).input_shape
    assert expected is not None, "every operation that is documented takes something"
    renamed = RENAMED.get((service, name), {})
    members = {
        renamed.get(option, option): member
        for option, member in ((f"--{xform_name(member, '-')}", member) for member in expected.members)
    }
    assert options.keys() <= members.keys(), f"aws {service} {name} knows {', '.join(members)}"
    given = {members[option]: value for option, value in options.items()}
    assert set(expected.required_members) <= given.keys(), f"aws {service} {name} needs {expected.required_members}"
    return AwsCall(service, xform_name(operations[name]), given, query)
