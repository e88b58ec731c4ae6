"""The model of an earlier run is where a later one starts, and what it is compared with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runs import __main__ as runs
from tests.end_to_end.deployed import Deployed

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180), pytest.mark.usefixtures("dataset_version")]


def test_the_model_of_an_earlier_run_is_trained_further_and_compared_with_it(
    deployed: Deployed, tmp_path: Path
) -> None:
    first = deployed.run(epochs=1)
    assert first.status == "SUCCEEDED", first.cause
    name = first.arn.rsplit(":", 1)[-1]
    second = deployed.run(epochs=1, continue_from=name)
    assert second.status == "SUCCEEDED", second.cause
    assert first.job is not None
    assert second.job is not None
    log = deployed.log_of(deployed.jobs_of(second)[0])
    assert "tensors taken as they are" in log
    assert "learning_rate=7e-05" in log
    message = deployed.message_of(second)["Message"]
    assert (
        f"It started from the weights {first.job.model_artifact}. It continues the model of the run {name}" in message
    )
    names = [second.arn.rsplit(":", 1)[-1], name]
    assert runs.main(["compare", *names, "--to", str(tmp_path)]) == 0
    assert list(json.loads((tmp_path / "metrics.json").read_text())["models"]) == names
    assert (tmp_path / "report.html").is_file()
    refused = deployed.run(preset="test", continue_from=name)
    deployed.assert_failed(refused, "RequestInvalid", "continue_from", "start again with the preset tiny")
    assert refused.job is None
