"""Which weights a job starts from: the one that is named, or the only one there; never a guess, never two."""

from dataclasses import replace
from typing import Any, cast

import pytest
from pipeline.errors import AwsUnavailable, LaunchFailed
from pipeline.job.starting_weights import choose_weights
from pipeline.request import Request

from tests.pipeline.bucket_in_memory import BucketInMemory
from tests.pipeline.conftest import StubbedClient


def chosen(request: Request, *names: str) -> str | None:
    """The choice in a bucket that has these files below pretrained/."""
    objects = dict.fromkeys(("dino-data/manifest.json", *(f"pretrained/{name}" for name in names)), b"")
    key = choose_weights(cast("Any", BucketInMemory(objects)), bucket="bucket", request=request)
    return key and key.removeprefix("pretrained/")


def test_the_one_that_is_named(request_: Request) -> None:
    assert chosen(replace(request_, pretrained="b.pth"), "a.pth", "b.pth", "c.pth", "d.safetensors") == "b.pth"


def test_the_only_one_there(request_: Request) -> None:
    assert chosen(request_, "", "README.txt", "old/a.pth", "resnet50.pth") == "resnet50.pth"


@pytest.mark.parametrize("names", [(), ("",)])
def test_none_where_there_is_none(request_: Request, names: tuple[str, ...]) -> None:
    assert chosen(request_, *names) is None


def test_a_model_that_learns_from_scratch_gets_only_what_is_named(request_: Request) -> None:
    tiny = replace(request_, preset="tiny")
    assert chosen(tiny, "resnet50.pth") is None
    assert chosen(tiny, "resnet50.pth", "dino.pth") is None
    assert chosen(replace(tiny, pretrained="tiny.pth"), "resnet50.pth", "tiny.pth") == "tiny.pth"


@pytest.mark.parametrize("there", [(), ("b.pth",)])
def test_a_missing_one_is_refused_with_how_to_upload_it(request_: Request, there: tuple[str, ...]) -> None:
    with pytest.raises(LaunchFailed, match=r"s3://bucket/pretrained/a\.pth") as refusal:
        chosen(replace(request_, pretrained="a.pth"), *there)
    assert "`aws s3 cp a.pth s3://bucket/pretrained/`" in str(refusal.value)
    assert all(name in str(refusal.value) for name in there)


def test_several_are_refused_with_their_names(request_: Request) -> None:
    with pytest.raises(LaunchFailed, match=r"several .* a\.pth, b\.safetensors\. .*\{\"pretrained\": \"a\.pth\"\}"):
        chosen(request_, "b.safetensors", "a.pth", "README.txt")


def test_many_do_not_flood_the_message(request_: Request) -> None:
    with pytest.raises(LaunchFailed, match="and 995 more") as refusal:
        chosen(request_, *(f"{number:04}{'x' * 90}.pth" for number in range(1000)))
    assert len(str(refusal.value)) < 1000


def test_files_that_are_no_weights_are_refused_rather_than_passed_over(request_: Request) -> None:
    with pytest.raises(LaunchFailed, match=r"only resnet50\.pt: upload a \.pth or \.safetensors file"):
        chosen(request_, "resnet50.pt")


@pytest.mark.parametrize("other", ["a.pth.old", "a.pth/b.pth", "a.pth-2.pth"])
def test_one_whose_key_is_also_the_beginning_of_another_is_refused(request_: Request, other: str) -> None:
    """SageMaker would copy both, since the channel is a prefix."""
    with pytest.raises(LaunchFailed, match=other):
        chosen(replace(request_, pretrained="a.pth"), "a.pth", other)


def test_a_refused_listing_is_a_failed_launch(request_: Request, s3: StubbedClient) -> None:
    s3.refuse("list_objects_v2", "AccessDenied", "Access Denied.", 403)
    with pytest.raises(LaunchFailed, match=r"s3://bucket/pretrained/.*Access Denied\. Deploy the stack again"):
        choose_weights(s3.client, bucket="bucket", request=request_)


def test_a_busy_bucket_is_asked_again(request_: Request, s3: StubbedClient) -> None:
    s3.refuse("list_objects_v2", "SlowDown", "Please reduce your request rate.", 503)
    with pytest.raises(AwsUnavailable):
        choose_weights(s3.client, bucket="bucket", request=request_)
