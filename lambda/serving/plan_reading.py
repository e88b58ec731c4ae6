"""Reads a plan within the function's limits: its bytes from S3, and its picture."""

from botocore.exceptions import ClientError
from PIL import Image
from pipeline.aws_errors import error_code, raising_unavailable
from pipeline.client_types import S3Client

from image_reader.header import ImageError, read_header
from prediction.plans.errors import PlanError
from prediction.plans.pages import open_pages
from serving.errors import PlanRefused
from serving.settings import MAX_BYTES, MAX_PIXELS

_PDF = b"%PDF-"


def content_tag(s3: S3Client, bucket: str, key: str) -> str | None:
    """The ETag of the plan as it is now; None if there is none. Raises AwsUnavailable."""
    try:
        with raising_unavailable():
            return s3.head_object(Bucket=bucket, Key=key)["ETag"]
    except ClientError as error:
        if error_code(error) not in ("404", "NoSuchKey"):
            raise
        return None


def read_plan(s3: S3Client, bucket: str, key: str) -> bytes:
    """The plan's bytes. Raises PlanRefused, which calls it by its key, or AwsUnavailable."""
    try:
        with raising_unavailable():
            answer = s3.get_object(Bucket=bucket, Key=key)
            size = answer["ContentLength"]
            if size > MAX_BYTES:
                answer["Body"].close()
                raise PlanRefused(
                    f"{key} has {size:,} bytes, more than the {MAX_BYTES:,} that are taken: save it smaller, or "
                    "predict on it with `python -m prediction`."
                )
            return answer["Body"].read()
    except ClientError as error:
        if error_code(error) == "InvalidObjectState":
            sentence = f"{key} is in an archive's storage class: put it there again in the class STANDARD."
            raise PlanRefused(sentence) from None
        if error_code(error) != "NoSuchKey":
            raise
        raise PlanRefused(f"{key} is no longer there.", status=404) from None


def open_plan(data: bytes, name: str) -> Image.Image:
    """The picture of a plan of one page: upright, in RGB. Raises PlanRefused, which calls it `name`."""
    try:
        if _PDF not in data[:1024]:  # of which nobody knows the pixels before it is drawn
            header = read_header(data, one_page=False)
            _check_pixels(header.width, header.height, name)
        with open_pages(data) as pages:
            if len(pages) > 1:
                raise PlanRefused(
                    f"{name} has {len(pages)} pages: send each as a file of its own, or predict on it with "
                    "`python -m prediction`."
                )
            picture = pages.picture(0)
    except (ImageError, PlanError) as error:
        raise PlanRefused(f"{name} {error}.") from None
    _check_pixels(*picture.size, name)
    return picture


def _check_pixels(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise PlanRefused(
            f"{name} has {width} x {height} pixels, more than the {MAX_PIXELS:,} that are taken: save it smaller, or "
            "predict on it with `python -m prediction`."
        )
