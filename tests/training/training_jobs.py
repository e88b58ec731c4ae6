"""A data set of a few simple drawings, and training jobs on it laid out as SageMaker does it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw
from tensorboardX.proto.event_pb2 import Event
from tensorboardX.record_writer import masked_crc32c

from dataset_contract.coco import Annotation, Category, CocoDataset, coco_to_bytes
from dataset_contract.coco import Image as CocoImage
from dataset_contract.layout import MANIFEST, SPLITS, annotations_path, image_path
from dataset_contract.manifest import FileEntry, build_manifest, manifest_to_bytes
from tests.training.warm_process import ROOT, WarmProcess

TRAIN = "import sys; from training_code import train; sys.exit(train.main())"
WITHOUT_EXPORT = "from training_code.loop import shipping; shipping.export_model = lambda *_: None\n"
TWO_PROCESS_JOB = "import runpy; runpy.run_module('tests.training.two_process_job')"
WALL, ROOM = Category(1, "wall"), Category(2, "room")
IMAGES = {"train": (1, 2, 3, 4, 5, 6), "val": (7, 8), "test": (9,)}
SMALL = {
    "recipe": "tiny",
    "batch_size": "2",
    "image_short_sides": "64",
    "image_max_side": "96",
    "warmup_steps": "0",
    "log_steps": "1",
    "checkpoint_epochs": "1",
    "evaluation_epochs": "1",
}
"""Hyperparameters of a job that takes tenths of a second a step."""


def draw_plan(image_id: int, *, varied: bool = True) -> tuple[Image.Image, list[tuple[int, tuple[int, int, int, int]]]]:
    """A room between two walls: the picture, and (category id, xyxy) of each box. Image 3 is empty.

    `varied` sizes make batches with padding.
    """
    width, height = (96 + 4 * (image_id % 3), 72 + 6 * (image_id % 2)) if varied else (96, 72)
    picture = Image.new("RGB", (width, height), "white")
    if image_id == 3:
        return picture, []
    left = 8 + 3 * image_id
    boxes = [
        (WALL.id, (left, 10, left + 5, height - 10)),
        (WALL.id, (left + 40, 10, left + 45, height - 10)),
        (ROOM.id, (left + 5, 12, left + 40, height - 12)),
    ]
    pen = ImageDraw.Draw(picture)
    for category_id, (x0, y0, x1, y1) in boxes:
        pen.rectangle((x0, y0, x1 - 1, y1 - 1), fill="black" if category_id == WALL.id else "lightblue")
    return picture, boxes


def write_dataset(
    root: Path,
    *,
    varied: bool = True,
    rooms: Sequence[Category] = (ROOM,),
    images: Mapping[str, Sequence[int]] = IMAGES,
    crowds: Sequence[int] = (),
) -> None:
    """Write the data set to `root`; its plans show one of `rooms` each, and the categories `crowds` as crowds."""
    contents: dict[str, bytes] = {}
    datasets: dict[str, CocoDataset] = {}
    for split in SPLITS:
        coco_images, annotations = [], []
        for image_id in images[split]:
            picture, boxes = draw_plan(image_id, varied=varied)
            file = io.BytesIO()
            picture.save(file, "PNG")
            contents[image_path(split, image_id)] = file.getvalue()
            name = image_path(split, image_id).removeprefix(f"{split}/")
            coco_images.append(CocoImage(image_id, name, picture.width, picture.height))
            for number, (drawn, (x0, y0, x1, y1)) in enumerate(boxes):
                category_id = rooms[image_id % len(rooms)].id if drawn == ROOM.id else drawn
                box = (float(x0), float(y0), float(x1 - x0), float(y1 - y0))
                crowd = int(category_id in crowds)
                annotations.append(
                    Annotation(10 * image_id + number, image_id, category_id, box, box[2] * box[3], crowd)
                )
        datasets[split] = CocoDataset(coco_images, annotations, [WALL, *rooms])
        contents[annotations_path(split)] = coco_to_bytes(datasets[split])
    for path, data in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    entries = [FileEntry(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in contents.items()]
    manifest = build_manifest(tool="test", source={}, options={}, datasets=datasets, files=entries)
    (root / MANIFEST).write_bytes(manifest_to_bytes(manifest))


@dataclass(frozen=True)
class Job:
    """A training job's /opt/ml tree."""

    base: Path

    @property
    def dataset(self) -> Path:
        return self.base / "input" / "data" / "dataset"

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def failure(self) -> str:
        return (self.base / "output" / "failure").read_text()

    def configure(self, **hyperparameters: str) -> None:
        """Write hyperparameters.json."""
        path = self.base / "input" / "config" / "hyperparameters.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(hyperparameters))

    def start(self, program: str = TRAIN, *arguments: str, **environment: str) -> WarmProcess:
        """Start `program`, by default the job's own, as a process of its own: a fork of one that has imported it.

        It leaves out the export of its model, as jobs within the test's process do.
        """
        return WarmProcess(WITHOUT_EXPORT + program, *arguments, environment=self._environment(environment))

    def run(self, program: str = TRAIN, *arguments: str, **environment: str) -> tuple[int, str]:
        """The same to its end: exit status and log, output and errors in one."""
        return self.start(program, *arguments, **environment).finish()

    def run_two(self, program: str, *arguments: str) -> tuple[tuple[int, str], tuple[int, str]]:
        """Run `program` in two processes that train together, with the variables that torchrun would give them."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2"}
        first, second = [self.start(program, *arguments, **place, RANK=rank, LOCAL_RANK=rank) for rank in ("0", "1")]
        return first.finish(), second.finish()

    def start_cold(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """Start the job as the container's entrypoint does, or another command; output and errors in one stream."""
        return subprocess.Popen(
            command or (sys.executable, "-m", "training_code.train"),
            cwd=ROOT,
            env=self._environment(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run_cold(self, *command: str, seconds: float = 120, **environment: str) -> tuple[int, str]:
        """The same to its end: exit status and log. Raises subprocess.TimeoutExpired."""
        process = self.start_cold(*command, **environment)
        try:
            log, _ = process.communicate(timeout=seconds)
        finally:
            process.kill()
        return process.returncode, log

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "OMP_NUM_THREADS": "1", **more, "SAGEMAKER_BASE_DIR": str(self.base)}

    def losses(self) -> list[dict[str, float]]:
        """history.jsonl without what differs from run to run."""
        rows = [json.loads(line) for line in (self.model / "history.jsonl").read_text().splitlines()]
        return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]

    def pictures(self) -> dict[str, bytes]:
        """The validation pictures, by epoch and plan."""
        folder = self.base / "checkpoints" / "pictures"
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.*"))}

    def pictures_in_tensorboard(self) -> dict[tuple[str, int], bytes]:
        """What TensorBoard shows, by name and step."""
        files = sorted((self.base / "checkpoints" / "tensorboard").iterdir())
        return {
            (value.tag, event.step): value.image.encoded_image_string
            for path in files
            for event in _events(path.read_bytes())
            for value in event.summary.value
            if value.HasField("image")
        }

    def scalars(self) -> dict[str, dict[int, float]]:
        """What TensorBoard shows: by name, the value after each step, across all starts of the job."""
        shown: dict[str, dict[int, float]] = {}
        for path in sorted((self.base / "checkpoints" / "tensorboard").iterdir()):
            for event in _events(path.read_bytes()):
                if event.HasField("session_log"):  # a start hides what earlier ones wrote of its steps
                    shown = {tag: {s: v for s, v in old.items() if s < event.step} for tag, old in shown.items()}
                for value in (value for value in event.summary.value if value.HasField("simple_value")):
                    shown.setdefault(value.tag, {})[event.step] = value.simple_value
        return shown


def put_baseline(job: Job, name: str, images: Sequence[int]) -> None:
    """A model's perfect results on these images, in the job's channel of baselines."""
    results = [
        {"image_id": number, "category_id": category_id, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": 0.9}
        for number in images
        for category_id, (x0, y0, x1, y1) in draw_plan(number)[1]
    ]
    folder = job.base / "input" / "data" / "baselines" / name
    folder.mkdir(parents=True)
    (folder / "predictions.json").write_text(json.dumps(results))


def _events(data: bytes) -> Iterator[Event]:
    """The records of an event file: length, its checksum, the event, its checksum."""
    while data:
        (length,), (check,) = struct.unpack("<Q", data[:8]), struct.unpack("<I", data[8:12])
        content = data[12 : 12 + length]
        assert masked_crc32c(data[:8]) == check
        assert struct.pack("<I", masked_crc32c(content)) == data[12 + length : 16 + length]
        yield Event.FromString(content)
        data = data[16 + length :]
