"""Names that follow from an execution: valid, its own, the same for each retry."""

import re
from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st
from pipeline.execution import MAX_JOB_NUMBER, Execution

from tests.pipeline.conftest import context

# What Step Functions allows in a name: up to 80 characters without spaces, brackets, wildcards and some others.
names = st.text(
    st.characters(exclude_characters=' \t\n<>{}[]?*"#%\\^|~`$&,;:/', exclude_categories=["C", "Z"]),
    min_size=1,
    max_size=80,
)


def named(name: str, **more: object) -> Execution:
    return Execution.from_context(context(Id=f"arn:aws:states:us-east-1:1:execution:P:{name}", Name=name, **more))


@given(names, st.integers(0, MAX_JOB_NUMBER))
def test_a_job_name_is_what_sagemaker_accepts(name: str, number: int) -> None:
    job_name = named(name).job_name(number)
    assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", job_name)
    assert len(job_name) <= 63
    assert job_name.startswith("floorplan-dino-"), "the roles are allowed these names only"


@given(names, st.sets(st.integers(0, MAX_JOB_NUMBER), min_size=2, max_size=50))
def test_every_job_of_an_execution_has_its_own_name(name: str, numbers: set[int]) -> None:
    execution = named(name)
    assert len({execution.job_name(number) for number in numbers}) == len(numbers)


@given(st.lists(names, min_size=2, max_size=5, unique=True), st.integers(0, 9), st.integers(0, 9))
def test_executions_never_share_a_job_name(names_: list[str], first: int, second: int) -> None:
    one, other = named(names_[0]), named(names_[1])
    assert one.job_name(first) != other.job_name(second)


@given(names, st.integers(0, 20), st.integers(0, MAX_JOB_NUMBER))
def test_a_retry_or_a_redrive_does_not_change_the_names(name: str, redrives: int, number: int) -> None:
    redriven = named(name, RedriveCount=redrives, RedriveTime="2026-11-21T10:00:00Z")
    assert redriven.job_name(number) == named(name).job_name(number)


@given(names)
def test_a_tag_is_what_aws_accepts(name: str) -> None:
    assert re.fullmatch(r"[\w\s.:/=+@-]{1,256}", named(name).tag)


def test_the_names_are_the_same_where_only_the_description_of_the_execution_is_known() -> None:
    from_context = Execution.from_context(context(RedriveCount=2))
    elsewhere = timezone(timedelta(hours=2))
    described = Execution.from_description(
        {
            "executionArn": from_context.arn,
            "name": from_context.name,
            "startDate": datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=elsewhere),
            "redriveCount": 2,
            "status": "ABORTED",
        }
    )
    assert described.job_name(0) == from_context.job_name(0)
    assert described.redrive_count == 2
    assert described.started == datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)


def test_a_uuid_stays_readable_in_the_name() -> None:
    assert "3f1b1c9e-8a52-4a0e-9d7b-0f6f6c8a1d2e" in Execution.from_context(context()).job_name(0)


def test_a_name_that_is_used_again_after_90_days_gives_another_job() -> None:
    later = Execution.from_context(context(StartTime="2027-03-20T10:00:00.123Z"))
    assert later.job_name(0) != Execution.from_context(context()).job_name(0)


def test_executions_whose_names_begin_alike_have_different_jobs() -> None:
    assert len({named("x" * 70 + end).job_name(0) for end in "ab"}) == 2
