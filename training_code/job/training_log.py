"""The figures of a training: lines of the log, and the same as TensorBoard events.

tensorboard --logdir FOLDER shows the events, where FOLDER is tensorboard/ of the unpacked output.tar.gz.
"""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tensorboardX import RecordWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.proto.summary_pb2 import Summary

from training_code.job.disk import disk_failures
from training_code.job.metric_lines import VALIDATION_FIGURES, class_line, test_line, training_line, validation_line


class TrainingLog:
    """The log of one start of a job; an event file of its own for each start, which TensorBoard shows as one run.

    Events are written at once, not by a thread as in tensorboardX's SummaryWriter: what the log says is in the file,
    however the process ends.
    """

    def __init__(self, log_line: Callable[[str], None], folder: Path, *, step: int) -> None:
        """Go on after `step` updates: TensorBoard then hides what an interrupted start wrote of later ones.

        `log_line` writes a line, `folder` gets the events.
        """
        self._log_line = log_line
        self._folder = folder
        with disk_failures(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = RecordWriter(str(folder / f"events.out.tfevents.{time.time_ns()}"))
        self._write(file_version="brain.Event:2")
        self._write(step=step + 1, session_log=SessionLog(status=SessionLog.START))

    def training(self, *, step: int, steps: int, epoch: int, figures: Mapping[str, float]) -> None:
        """Log a window of training; `figures` has the keys TRAINING_FIGURES, `epoch` counts from 1."""
        self._log_line(training_line(step=step, steps=steps, epoch=epoch, figures=figures))
        self._write_scalars("train", step, figures)

    def validation(self, *, step: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Log an evaluation; `metrics` are those of evaluation.metrics.evaluate."""
        self._evaluation("validation", validation_line, step=step, epoch=epoch, metrics=metrics)

    def test(self, *, step: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Log the evaluation of the test split, with the step and the epoch of the model that is shipped."""
        self._evaluation("test", test_line, step=step, epoch=epoch, metrics=metrics)

    def close(self) -> None:
        """Close the event file."""
        with disk_failures(self._folder):
            self._file.close()

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
            self._file.write(Event(wall_time=time.time(), **fields).SerializeToString())
            self._file.flush()
