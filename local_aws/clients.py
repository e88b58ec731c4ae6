"""boto3 clients from a given environment only, without this process's profile, configuration files or proxy."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

# Where botocore looks for a setting: (name in a configuration file, variable, default, conversion).
NO_SETTINGS_OF_OURS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


CREATING = threading.Lock()  # sessions are not made for several threads, the clients they make are


def client(environment: Mapping[str, str], service: str) -> Any:  # noqa: ANN401  boto3's stubs want a literal name
    """A client for `service` ("s3", "sagemaker", ...) as any SDK would make it from these AWS_* variables."""
    own_endpoint = environment.get(f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}")
    with CREATING:
        return session(
            environment["AWS_ACCESS_KEY_ID"],
            environment["AWS_SECRET_ACCESS_KEY"],
            environment.get("AWS_SESSION_TOKEN"),
            environment["AWS_REGION"],
        ).client(
            service,  # type: ignore[call-overload]
            endpoint_url=own_endpoint or environment.get("AWS_ENDPOINT_URL"),
            verify=environment.get("AWS_CA_BUNDLE"),
        )


@lru_cache(maxsize=8)
def session(access_key: str, secret_key: str, token: str | None, region: str) -> boto3.Session:
    """A session with these settings only; kept, since the first client of each takes long to make."""
    botocore_session = botocore.session.Session(session_vars=NO_SETTINGS_OF_OURS)
    botocore_session.set_default_client_config(Config(proxies={}))
    return boto3.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        aws_session_token=token,
        region_name=region,
        botocore_session=botocore_session,
    )
