"""Names that follow from an execution: valid, its own, the same for each retry."""

import re

from hypothesis import given
from hypothesis import strategies as st
from pipeline.execution import Execution

from tests.pipeline.conftest import context

# What Step Functions allows in a name: up to 80 characters without spaces, brackets, wildcards and some others.
names = st.text(
    st.characters(exclude_characters=' \t\n<>{}[]?*"#%\\^|~`$&,;:/', exclude_categories=["C", "Z"]),
    min_size=1,
    max_size=80,
)


@given(names, st.integers(0, 999))
def test_a_job_name_is_what_sagemaker_accepts(name: str, redrives: int) -> None:
    execution = Execution.from_context(context(Id=f"arn:aws:states:us-east-1:1:execution:P:{name}", Name=name))
    job_name = execution.job_name(redrives)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", job_name)
    assert len(job_name) <= 63
    assert job_name.startswith("floorplan-dino-"), "the roles are allowed these names only"


@given(names)
def test_a_tag_is_what_aws_accepts(name: str) -> None:
    execution = Execution.from_context(context(Id=f"arn:aws:states:us-east-1:1:execution:P:{name}", Name=name))
    assert re.fullmatch(r"[\w\s.:/=+@-]{1,256}", execution.tag)


def test_every_retry_has_the_same_name_and_every_redrive_another() -> None:
    first = Execution.from_context(context())
    assert first.job_name() == Execution.from_context(context()).job_name()
    redriven = Execution.from_context(context(RedriveCount=2, RedriveTime="2026-11-21T10:00:00Z"))
    assert redriven.job_names() == [redriven.job_name(2), redriven.job_name(1), first.job_name()]
    assert len(set(redriven.job_names())) == 3


def test_a_uuid_stays_readable_in_the_name() -> None:
    assert "3f1b1c9e-8a52-4a0e-9d7b-0f6f6c8a1d2e" in Execution.from_context(context()).job_name()


def test_a_name_that_is_used_again_after_90_days_gives_another_job() -> None:
    later = Execution.from_context(context(StartTime="2027-03-20T10:00:00.123Z"))
    assert later.job_name() != Execution.from_context(context()).job_name()


def test_executions_whose_names_begin_alike_have_different_jobs() -> None:
    arns = [f"arn:aws:states:us-east-1:1:execution:P:{'x' * 70}{end}" for end in "ab"]
    jobs = {Execution.from_context(context(Id=arn, Name=arn.split(":")[-1])).job_name() for arn in arns}
    assert len(jobs) == 2
