"""Has the shipped model compared with the baselines of the job's channel, in a process of its own with limits.

The model is written by then, and no baseline may cost it: what cannot be compared is said with its reason.
"""

import dataclasses
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dataset_contract.atomic_write import write_atomically
from dataset_contract.bounded_read import read_regular
from evaluation.baselines import DETECTIONS, QUESTION, Question
from evaluation.metrics import ImageDetections, class_thresholds
from evaluation.results.baseline_files import COMPARISON, COMPARISON_FORMAT, SPLIT
from training_code.job.interruptions import StopRequest
from training_code.job.sagemaker_paths import SageMakerPaths

LONGEST_SECONDS = 300.0
"""Two models on 421 plans take some 20."""
_MAX_BYTES = 64 << 20
_POLL_SECONDS = 0.1


def write_comparison(
    paths: SageMakerPaths,
    detections: Sequence[ImageDetections],
    best: Mapping[str, Any],
    *,
    stop: StopRequest,
    log_line: Callable[[str], None],
) -> None:
    """Write COMPARISON beside the model, if there are baselines.

    `detections` are those on the test split, `best` the figures on validation, whose thresholds the model has. Raises
    nothing: the log has what went wrong.
    """
    try:
        if not paths.baselines.is_dir():
            return
        names = sorted(folder.name for folder in paths.baselines.iterdir())
        log_line(f"Comparing the model with {', '.join(names)} on the {SPLIT} split.")
        with tempfile.TemporaryDirectory(prefix="baselines-") as folder:
            question = Question(str(paths.dataset), str(paths.baselines), class_thresholds(best))
            compared = _answer(Path(folder), question, detections, stop, log_line)
        if isinstance(compared, str):
            compared = {
                "format": COMPARISON_FORMAT,
                "split": SPLIT,
                "plans": len(detections),
                "baselines": {},
                "not_compared": dict.fromkeys(names, compared),
            }
        for name, reason in compared["not_compared"].items():
            log_line(f"warning: {name} is not compared: {reason}")
        for each in compared["baselines"].values():
            for difference in each["differences"]:
                if "sentence" in difference:
                    log_line(difference["sentence"])
        write_atomically(paths.model / COMPARISON, json.dumps(compared, indent=1, allow_nan=False) + "\n")
    except Exception:
        log_line("warning: The comparison with the baselines failed, and the model is as good without it:")
        _log_indented(traceback.format_exc(), log_line)


def _log_indented(text: str, log_line: Callable[[str], None]) -> None:
    """So that no text in it begins like a line of figures."""
    for line in text.splitlines():
        log_line(f"  {line}")


def _answer(
    folder: Path,
    question: Question,
    detections: Sequence[ImageDetections],
    stop: StopRequest,
    log_line: Callable[[str], None],
) -> dict[str, Any] | str:
    """What the process says, or why it says nothing."""
    (folder / QUESTION).write_text(json.dumps(dataclasses.asdict(question)))
    np.savez(
        folder / DETECTIONS,
        image_ids=np.repeat([each.image_id for each in detections], [len(each.scores) for each in detections]),
        labels=np.concatenate([np.zeros(0, np.int64), *(each.labels for each in detections)]),
        scores=np.concatenate([np.zeros(0, np.float32), *(each.scores for each in detections)]),
        boxes=np.concatenate([np.zeros((0, 4), np.float32), *(each.boxes for each in detections)]),
    )
    errors = folder / "errors"
    with errors.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "evaluation.baselines", str(folder)], stdout=stream, stderr=stream
        )
        try:
            reason = _wait(process, stop)
        finally:
            process.kill()
            process.wait()
    _log_indented(errors.read_bytes()[-20_000:].decode(errors="replace"), log_line)
    if reason is not None:
        return reason
    compared: dict[str, Any] = json.loads(read_regular(folder / COMPARISON, _MAX_BYTES))
    return compared


def _wait(process: subprocess.Popen[bytes], stop: StopRequest) -> str | None:
    """Why the process gives no answer; None if it does."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while process.poll() is None:
        if stop.received:
            return "the job was asked to stop."
        if time.monotonic() > deadline:
            return f"the comparison takes longer than {LONGEST_SECONDS:g} seconds."
        time.sleep(_POLL_SECONDS)
    if process.returncode:
        return f"the comparison ended with the exit status {process.returncode}; the job's log has its last lines."
    return None
