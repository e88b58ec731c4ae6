"""The figures of a training: lines of the log, and the same as TensorBoard events, with the validation pictures."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tensorboardX import RecordWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from training_code.job.disk import disk_failures
from training_code.job.metric_lines import VALIDATION_FIGURES, class_line, test_line, training_line, validation_line


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a plan, in colour."""

    name: str
    """The plan's image id, with leading zeros."""
    width: int
    height: int
    png: bytes


class TrainingLog:
    """The log of one start of a job, which TensorBoard shows as one run with the starts before it.

    Events are written at once, not by a thread as in tensorboardX's SummaryWriter: what the log says is in a file,
    however the process ends. Each evaluation ends a file: SageMaker copies a file as a whole whenever it has grown, and
    TensorBoard may read on in the copy of a file that was replaced since.
    """

    def __init__(self, log_line: Callable[[str], None], folder: Path, *, step: int) -> None:
        """Go on after `step` updates: TensorBoard then hides what an interrupted start wrote of later ones.

        `log_line` writes a line, `folder` gets the events.
        """
        self._log_line = log_line
        self._folder = folder
        self._file: RecordWriter | None = None
        with disk_failures(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._write(step=step + 1, session_log=SessionLog(status=SessionLog.START))

    def training(self, *, step: int, steps: int, epoch: int, figures: Mapping[str, float]) -> None:
        """Log a window of training; `figures` has the keys TRAINING_FIGURES, `epoch` counts from 1."""
        self._log_line(training_line(step=step, steps=steps, epoch=epoch, figures=figures))
        self._write_scalars("train", step, figures)

    def validation(self, *, step: int, epoch: int, metrics: Mapping[str, Any], pictures: Sequence[Picture]) -> None:
        """Log an evaluation; `metrics` are those of evaluation.metrics.evaluate."""
        self._evaluation("validation", validation_line, step=step, epoch=epoch, metrics=metrics)
        images = [
            Summary.Value(
                tag=f"validation/plan {picture.name}",
                image=Summary.Image(
                    width=picture.width, height=picture.height, colorspace=3, encoded_image_string=picture.png
                ),
            )
            for picture in pictures
        ]
        self._write(step=step, summary=Summary(value=images))
        self.close()

    def test(self, *, step: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Log the evaluation of the test split, with the step and the epoch of the model that is shipped."""
        self._evaluation("test", test_line, step=step, epoch=epoch, metrics=metrics)

    def close(self) -> None:
        """Close the event file; what is logged afterwards begins another one."""
        if self._file:
            with disk_failures(self._folder):
                self._file.close()
            self._file = None

    def _evaluation(
        self, split: str, line: Callable[..., str], *, step: int, epoch: int, metrics: Mapping[str, Any]
    ) -> None:
        figures = {name: metrics[name] for name in VALIDATION_FIGURES}
        self._log_line(line(step=step, epoch=epoch, figures=figures))
        for name, of_class in metrics["classes"].items():
            self._log_line(class_line(step=step, name=name, figures=of_class, split=split))
        self._write_scalars(split, step, figures)

    def _write_scalars(self, part: str, step: int, figures: Mapping[str, float]) -> None:
        values = [Summary.Value(tag=f"{part}/{name}", simple_value=value) for name, value in figures.items()]
        self._write(step=step, summary=Summary(value=values))

    def _write(self, **fields: Any) -> None:  # noqa: ANN401  the fields of an Event
        with disk_failures(self._folder):
            events = [Event(wall_time=time.time(), **fields)]
            if self._file is None:
                self._file = RecordWriter(str(self._folder / f"events.out.tfevents.{time.time_ns()}"))
                events.insert(0, Event(wall_time=time.time(), file_version="brain.Event:2"))
            for event in events:
                self._file.write(event.SerializeToString())
            self._file.flush()
