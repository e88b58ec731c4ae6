"""Uploads 4,194 files of 200 KB to an S3 server on this machine: ours beside s5cmd and `aws s3 sync`.

    python benchmarks/upload.py [--files 4194] [--rounds 3] [--json]

The server is `rclone serve s3`, of which every client sees the same. Each side is one process, and uploads to a prefix
of its own; then it uploads again with nothing changed. "work" leaves out the start of Python and the imports of ours.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from benchmarks.measuring import Cost, competitors, in_turn, parser, report, run_side, scratch, side, start, work
from dataset_contract.coco import Category, CocoDataset, Image, coco_to_bytes
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path, image_file_name, image_path
from dataset_contract.manifest import FileEntry, build_manifest, manifest_to_bytes, parse_manifest
from dataset_prep.upload import check_bucket, s3_client, upload_dataset

SIZE = 200_000  # bytes
WORKERS = 8
BUCKET = "plans"
AGAIN = ", again"


def main() -> None:
    options = parser("Compare the upload with s5cmd and aws s3 sync.", rounds=3)
    options.add_argument("--files", type=int, default=4194)
    given = options.parse_args()
    with scratch(given) as folder:
        make_dataset(folder / "dataset", given.files)
        with s3_server(folder / "server") as endpoint:
            costs = compare(folder, endpoint, given.rounds)
    ours, aws = costs["ours"], costs["aws s3 sync"]
    goals = {
        "wall time as a multiple of s5cmd's": (ours.wall_s / costs["s5cmd"].wall_s, 1.3),
        "wall time as a multiple of that of aws s3 sync": (ours.wall_s / aws.wall_s, 1.0),
        "upload with nothing changed as a share of the first": (costs["ours" + AGAIN].work_s / ours.work_s, 0.05),
    }
    table = {f"Upload of {given.files:,} files of {SIZE // 1000} KB": costs}
    report("upload", given, table, goals=goals, packages=["obstore", "boto3"])


def compare(folder: Path, endpoint: str, rounds: int) -> dict[str, Cost]:
    """The costs of a first and of a second upload of every side."""
    from local_aws.embedded import sdk_environment  # noqa: PLC0415  our side, which is timed, does without

    tools = competitors()
    source = folder / "dataset"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment |= sdk_environment() | {"AWS_ENDPOINT_URL": endpoint, "S3_ENDPOINT_URL": endpoint}

    def command(name: str, prefix: str) -> list[str | Path]:
        if name == "ours":
            return side(__file__, source, prefix)
        if name == "s5cmd":
            return [tools / "s5cmd", "--numworkers", "32", "sync", f"{source}/", f"s3://{BUCKET}/{prefix}/"]
        return [tools / "aws", "s3", "sync", "--only-show-errors", source, f"s3://{BUCKET}/{prefix}/"]

    last: dict[str, str] = {}
    """side -> its latest prefix; a new one each time, for the server remembers what was removed from its disk."""
    numbers = count()

    def first(name: str) -> Cost:
        if name in last:
            shutil.rmtree(folder / "server" / BUCKET / last[name])
        last[name] = f"upload{next(numbers)}"
        return run_side(command(name, last[name]), environment)

    def again(name: str) -> Cost:
        return run_side(command(name, last[name]), environment)

    sides = {}
    for name in ("s5cmd", "ours", "aws s3 sync"):
        sides[name] = partial(first, name)
        sides[name + AGAIN] = partial(again, name)
    return in_turn(sides, rounds)


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """An S3 server that keeps its objects in `folder`; its address."""
    (folder / BUCKET).mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = [competitors() / "rclone", "serve", "s3", "--etag-hash=", "--addr", f"127.0.0.1:{port}", folder]
    with subprocess.Popen([*map(str, serve), "--auth-key", "test,test"], stderr=subprocess.DEVNULL) as server:
        try:
            deadline = time.monotonic() + 30
            while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("rclone serve s3 does not start")
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def make_dataset(root: Path, files: int) -> None:
    """A data set of `files` pictures that are noise: nothing in an upload looks into them."""
    entries = []

    def write(path: str, data: bytes) -> None:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
        entries.append(FileEntry(path, len(data), hashlib.sha256(data).hexdigest()))

    datasets = {}
    for index, split in enumerate(SPLITS):
        ids = range(1 + index, files + 1, len(SPLITS))
        images = [Image(number, image_file_name(number), 1000, 1000) for number in ids]
        datasets[split] = CocoDataset(images, [], [Category(1, "wall")])
        write(annotations_path(split), coco_to_bytes(datasets[split]))
        for number in ids:
            write(image_path(split, number), os.urandom(SIZE))
    manifest = build_manifest(tool="benchmark", source={}, options={}, datasets=datasets, files=entries)
    write(MANIFEST, manifest_to_bytes(manifest))


def upload(folder: str, prefix: str) -> None:
    """Our side."""
    root = Path(folder)
    manifest, _ = parse_manifest((root / MANIFEST).read_bytes())
    assert manifest is not None
    with work():
        client = s3_client(WORKERS)
        check_bucket(client, BUCKET)
        done = upload_dataset(client, root, manifest, bucket=BUCKET, prefix=prefix, replace=False, workers=WORKERS)
    print(done)


if __name__ == "__main__":
    start(main, upload)
