"""What Validate takes in AWS Lambda, against the number of images and boxes: time, memory and price.

    python benchmarks/validate_dataset.py [--json]

The handlers' own code runs with boto3's real client; only the network is replaced: each answer of S3 comes from this
process after 15 ms, a usual time to the first byte. The largest size is COCO train2017's, which goes through the
batches of the distributed map; its batches are run one by one here, as many at a time as the map would.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import random
import re
import struct
import time
import zlib
from functools import partial
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from pipeline.dataset.batches import check_batch
from pipeline.dataset.validation import Validation
from urllib3 import HTTPResponse

from benchmarks.measuring import Cost, in_turn, parser, report, run_side, side, start, work
from dataset_contract.coco import Annotation, Category, CocoDataset, Image, coco_to_bytes
from dataset_contract.layout import MANIFEST, annotations_path, image_file_name, image_path
from dataset_contract.manifest import FileEntry, build_manifest, manifest_to_bytes

BUCKET = "floorplans"
SECONDS_TO_FIRST_BYTE = 0.015
WIDTH, HEIGHT, IMAGE_BYTES = 972, 866, 200_000
WHOLE = {
    "Validate in one function, by the size": [
        (40, 1_000),
        (400, 10_000),
        (4_000, 100_000),
        (4_194, 173_023),  # the user's
        (9_999, 412_000),  # the most images for one function
    ],
    "Validate in one function, by the boxes of as many images": [
        (1_250, 1_000),
        (1_250, 10_000),
        (1_250, 100_000),
        (1_250, 1_000_000),
    ],
    "Validate in one function, by the images of as many boxes": [(125, 100_000), (1_250, 100_000), (9_999, 100_000)],
}
"""Images and boxes of each data set, by what is compared."""
COCO = (118_287, 1_000_000)
LAMBDA_USD_PER_GB_SECOND = 0.0000133334  # arm64, us-east-1, 2026-08
S3_USD_PER_GET = 0.0000004
MEMORY_GB = 1.769
CONCURRENCY = 40


def main() -> None:
    given = parser("Time and memory of the validation of data sets of many sizes.", rounds=1).parse_args()
    tables = {
        title: in_turn({named(size): partial(cost_of, "whole", size) for size in sizes}, given.rounds)
        for title, sizes in WHOLE.items()
    }
    parts = in_turn({part: partial(cost_of, part, COCO) for part in ("plan", "batch", "merge")}, given.rounds)
    tables["Validate in batches: " + named(COCO)] = parts
    report("validate_dataset", given, tables)
    _price(parts, COCO[0])


def named(size: tuple[int, int]) -> str:
    """For people."""
    images, boxes = size
    return f"{images:,} images, {boxes:,} boxes"


def cost_of(part: str, size: tuple[int, int]) -> Cost:
    """Of one side, run in a process of its own."""
    return run_side(side(__file__, part, *map(str, size)))


def _price(parts: dict[str, Cost], images: int) -> None:
    plan, batch, merge = (cost.work_s for cost in parts.values())
    batches = -(-images // 2000)
    seconds = plan + batch * -(-batches // CONCURRENCY) + merge
    usd = (plan + batch * batches + merge) * MEMORY_GB * LAMBDA_USD_PER_GB_SECOND + 2 * images * S3_USD_PER_GET
    print(
        f"COCO's size: {batches} batches, {CONCURRENCY} at a time: {seconds:.0f} s, {usd:.2f} USD "
        f"({2 * images * S3_USD_PER_GET:.2f} of it for S3's requests)."
    )


def run(part: str, images: int, boxes: int) -> None:
    """One side: validate a data set of that size, or one part of it, and say how long it took."""
    bucket = SyntheticBucket(images, boxes)
    check = Validation(
        s3=bucket.client(),
        bucket=BUCKET,
        prefix="dino-data",
        execution_name="run",
        max_objects_per_image=900,
    )
    if part == "merge":
        planned = check.run()
        for batch in planned.batches:
            bucket.facts_of(batch)
    elif part == "batch":
        planned = check.run()
    with work():
        if part in ("whole", "plan"):
            result = check.run()
            assert result.status == ("valid" if part == "whole" else "in_batches"), result
        elif part == "batch":
            check_batch(check.s3, check.store, bucket=BUCKET, batch=planned.batches[0])
        else:
            result = check.merge(planned.batches)
            assert result.status == "valid", result


class SyntheticBucket:
    """S3 with one data set, behind boto3's real client: what a request asks for is made when it is asked."""

    def __init__(self, images: int, boxes: int) -> None:
        draw = random.Random(7)
        records = [Image(number, image_file_name(number), WIDTH, HEIGHT) for number in range(1, images + 1)]
        annotations: list[Annotation] = []
        for image in records:
            for _ in range(boxes * image.id // images - boxes * (image.id - 1) // images):
                x, y = draw.uniform(0, 800), draw.uniform(0, 700)
                w, h = draw.uniform(8, 160), draw.uniform(8, 160)
                bbox = (round(x, 3), round(y, 3), round(w, 3), round(h, 3))
                area = round(bbox[2] * bbox[3], 3)
                number = len(annotations) + 1
                annotations.append(Annotation(number, image.id, 1 + number % 2, bbox, area, 0, {}))
        categories = [Category(1, "wall"), Category(2, "room")]
        empty = CocoDataset([], [], categories)
        datasets = {"train": CocoDataset(records, annotations, categories), "val": empty, "test": empty}
        self._stored = {annotations_path(split): coco_to_bytes(data) for split, data in datasets.items()}
        self._images = {image_path("train", image.id): image.id for image in records}
        files = [
            FileEntry(path, len(content), hashlib.sha256(content).hexdigest()) for path, content in self._stored.items()
        ]
        files += [FileEntry(path, IMAGE_BYTES, _sha256(number).hex()) for path, number in self._images.items()]
        manifest = build_manifest(tool="benchmark", source={}, options={}, datasets=datasets, files=files)
        self._stored[MANIFEST] = manifest_to_bytes(manifest)
        self._stored = {f"dino-data/{path}": content for path, content in self._stored.items()}
        self._images = {f"dino-data/{path}": number for path, number in self._images.items()}
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)
        self._head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header
        self._head += struct.pack(">I", zlib.crc32(b"IHDR" + header))

    def client(self) -> Any:  # noqa: ANN401 - a client of boto3, whose stubs know no such thing as its type's name
        os.environ |= {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark"}
        client = boto3.client(
            "s3",
            region_name="us-east-1",
            config=Config(max_pool_connections=32, request_checksum_calculation="when_required"),
        )
        client.meta.events.register("before-send.s3", cast("Any", self._answer))
        return client

    def facts_of(self, batch: str) -> None:
        """What a batch's function would have written."""
        facts = {
            path: {
                "sha256": _sha256(self._images[f"dino-data/{path}"]).hex(),
                "png_header": {"width": WIDTH, "height": HEIGHT, "bit_depth": 8, "color_type": 0},
            }
            for path in json.loads(self._stored[batch])
        }
        self._stored[f"{batch.removesuffix('.json')}-facts.json"] = json.dumps(facts).encode()

    def _answer(self, request: AWSPreparedRequest, **_: object) -> AWSResponse:
        time.sleep(SECONDS_TO_FIRST_BYTE)
        url = urlsplit(str(request.url))
        key = unquote(url.path.lstrip("/"))
        if request.method == "PUT":
            self._stored[key] = _body(request)
            return _response(request, b"")
        if "list-type" in url.query:
            return _response(request, self._page(parse_qs(url.query)))
        number = self._images.get(key)
        if number is None:
            return _response(request, self._stored[key])
        checksum = base64.b64encode(_sha256(number)).decode()
        headers = {"content-length": str(IMAGE_BYTES), "x-amz-checksum-sha256": checksum}
        if request.method == "HEAD":
            return _response(request, b"", headers)
        wanted = request.headers["Range"]
        first, last = re.findall(r"\d+", wanted.decode() if isinstance(wanted, bytes) else str(wanted))
        return _response(request, self._head[int(first) : int(last) + 1], status=206)

    def _page(self, query: dict[str, list[str]]) -> bytes:
        keys = sorted([*self._images, *self._stored])
        first = int(query.get("continuation-token", ["0"])[0])
        items = "".join(
            f"<Contents><Key>{escape(key)}</Key><Size>{self._size(key)}</Size>"
            "<LastModified>2026-11-01T00:00:00.000Z</LastModified></Contents>"
            for key in keys[first : first + 1000]
            if key.startswith("dino-data/")
        )
        more = first + 1000 < len(keys)
        token = f"<NextContinuationToken>{first + 1000}</NextContinuationToken>" if more else ""
        text = f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{items}</ListBucketResult>"
        return text.encode()

    def _size(self, key: str) -> int:
        return IMAGE_BYTES if key in self._images else len(self._stored[key])


def _response(
    request: AWSPreparedRequest, body: bytes, headers: dict[str, str] | None = None, status: int = 200
) -> AWSResponse:
    headers = headers or {"content-length": str(len(body))}
    raw = HTTPResponse(io.BytesIO(body), preload_content=False)
    return AWSResponse(request.url, status, cast("Any", headers), cast("Any", raw))


def _body(request: AWSPreparedRequest) -> bytes:
    body: Any = request.body
    return bytes(body) if isinstance(body, bytes | bytearray) else bytes(body.read())


def _sha256(number: int) -> bytes:
    return hashlib.sha256(str(number).encode()).digest()


if __name__ == "__main__":
    start(main, lambda part, images, boxes: run(part, int(images), int(boxes)))
