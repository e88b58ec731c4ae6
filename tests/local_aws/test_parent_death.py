"""When the process that runs the embedded AWS is killed, nothing of it is left: no process, no port, no file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.local_aws.conftest import SECONDS, eventually, is_running
from tests.local_aws.test_ministack import listening_sockets, port_of

ROOT = Path(__file__).resolve().parents[2]
# A process with a Lambda worker and a training job that has a child of its own.
PARENT = """
import itertools, json, sys
from pathlib import Path
from local_aws.clients import client
from local_aws.embedded import EmbeddedAws
from local_aws.supervised_process import living_descendants
from tests.local_aws.conftest import BUCKET, TRUST_SAGEMAKER, Account, eventually
from tests.local_aws.test_ministack import HANDLER, create_function
import os
with EmbeddedAws(Path(sys.argv[1])) as aws:
    create_function(aws.environment, "handler", HANDLER)({})
    client(aws.environment, "s3").create_bucket(Bucket=BUCKET)
    role = client(aws.environment, "iam").create_role(
        RoleName="training", AssumeRolePolicyDocument=json.dumps(TRUST_SAGEMAKER))["Role"]["Arn"]
    account = Account(aws, role, iter(["job"]))
    account.start(account.request(
        "import subprocess; print('started', flush=True); subprocess.run(['sleep', '600'], start_new_session=True)"))
    aws.training_jobs.wait_for("job", ["Training"], 30)
    eventually(lambda: account.log("job") == ["started"], "the job has started")
    print(json.dumps({"pids": living_descendants(os.getpid()), "environment": aws.environment}), flush=True)
    aws.wait()
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_nothing_is_left_when_the_parent_is_killed(
    tmp_path_factory: pytest.TempPathFactory, end: signal.Signals
) -> None:
    directory = tmp_path_factory.mktemp("aws")
    command = [sys.executable, "-c", PARENT, str(directory)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            line = parent.stdout.readline()
            assert line, parent.communicate()[1]
            started = json.loads(line)
            endpoints = [url for name, url in started["environment"].items() if name.startswith("AWS_ENDPOINT_URL")]
            ports = {port_of(url) for url in endpoints}  # of ministack, and of all services beside it
            # Two supervisors, ministack, its Lambda worker, the job's Python and its sleep.
            assert len(started["pids"]) >= 6
            sockets = listening_sockets(*ports)
            assert len(sockets) == len(ports) == 2
            parent.send_signal(end)
            parent.communicate(timeout=SECONDS)
        finally:
            parent.kill()
    eventually(lambda: not any(map(is_running, started["pids"])), "no process is left")
    assert not sockets & listening_sockets(*ports)
    eventually(lambda: not list(directory.iterdir()), "no file is left")
