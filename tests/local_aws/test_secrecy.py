"""The secret key of a run is nowhere where another user, or a log, could show it; nor are the files of a run."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from pathlib import Path

import pytest

from local_aws.clients import client
from local_aws.embedded import EmbeddedAws, sdk_environment
from local_aws.supervised_process import living_descendants
from tests.local_aws.conftest import TRUST_SAGEMAKER
from tests.local_aws.test_ministack import HANDLER, create_function


def environment_of_a_function(aws: EmbeddedAws) -> dict[str, str]:
    """What a function sees, after one that fails and is logged."""
    trust = json.dumps(TRUST_SAGEMAKER).replace("sagemaker", "lambda")
    client(aws.environment, "iam").create_role(RoleName="any", AssumeRolePolicyDocument=trust)
    create_function(aws.environment, "broken", "raise RuntimeError('broken')")({})
    seen, failed = create_function(aws.environment, "handler", HANDLER)({})
    assert not failed
    environment: dict[str, str] = seen["environment"]
    return environment


def test_each_run_has_its_own_keys() -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    first, second = sdk_environment(), sdk_environment()
    assert not {first[name] for name in names} & {second[name] for name in names}
    assert len(first["AWS_SECRET_ACCESS_KEY"]) == 40  # as AWS's own


@pytest.mark.parametrize("enforce_iam", [False, True])
def test_the_secret_is_in_no_file_and_no_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, enforce_iam: bool
) -> None:
    (tmp_path / "tmp").mkdir()  # for a run whose own folder has too long a path
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    before = os.umask(0)
    try:
        with EmbeddedAws(tmp_path / "aws", enforce_iam=enforce_iam) as aws:
            seen = environment_of_a_function(aws)
            [run] = tmp_path.glob("*/aws-*")
            assert stat.S_IMODE(run.stat().st_mode) == 0o700
            secrets = {aws.environment["AWS_SECRET_ACCESS_KEY"], seen["AWS_SECRET_ACCESS_KEY"]}
            assert len(secrets) == (2 if enforce_iam else 1)
            for secret in secrets:
                for file in run.rglob("*"):
                    assert not file.is_file() or secret.encode() not in file.read_bytes(), file
                for pid in living_descendants(os.getpid()):
                    assert secret.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    finally:
        os.umask(before)


def test_nobody_can_calculate_the_keys_of_a_functions_session(tmp_path: Path) -> None:
    keys = []
    for number in range(2):
        with EmbeddedAws(tmp_path / str(number), enforce_iam=True) as aws:
            seen = environment_of_a_function(aws)
            keys.append({seen[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")})
    assert not keys[0] & keys[1]
