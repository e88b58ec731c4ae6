"""Compares models as the options say: reads them, writes the page and the files beside it, and prints the tables."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from dataset_contract.atomic_write import check_folder, write_atomically
from dataset_contract.class_names import class_name
from dataset_contract.out_of_memory import is_out_of_memory
from evaluation.comparison import Comparison, compare
from evaluation.dataset import EvaluatedDataset, load_dataset
from evaluation.errors_csv import errors_csv
from evaluation.metrics_json import metrics_json
from evaluation.options import Options
from evaluation.refusal import EvaluationError, EvaluationUsageError
from evaluation.report import LABELS, REPORT, report_files
from evaluation.rules import COCO
from evaluation.sources.names_option import parse_names
from evaluation.sources.reading import read_model
from evaluation.terminal_table import table_lines
from terminal.console import Terminal

METRICS, ERRORS = "metrics.json", "errors.csv"


def run_comparison(options: Options, progress: Terminal, remarks: Sequence[str] = ()) -> None:
    """Do all that the options ask for. `remarks` are sentences that a reader of the figures must know.

    Raises EvaluationError or EvaluationUsageError; then nothing is written.
    """
    try:
        comparison = _compare(options, progress, remarks)
        content = json.dumps(metrics_json(comparison), indent=1, allow_nan=False) + "\n"
        files = {**report_files(comparison), ERRORS: errors_csv(comparison), METRICS: content}
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        raise EvaluationError("The memory does not suffice: end other programs, or use a machine with more.") from None
    try:
        options.to.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_atomically(options.to / name, text)
    except OSError as error:
        raise _cannot_be_written(options.to, error) from None
    if options.json:
        sys.stdout.write(content)
        return
    console = Terminal()
    for line in table_lines(comparison):
        console.print(line)
    console.print("")
    console.print(f"Written to {options.to}: {REPORT} to look at, {LABELS}, {ERRORS}, {METRICS}.")


def check_target(folder: Path) -> None:
    """Raise EvaluationError if the result cannot be written to `folder`: before hours of predicting, not after."""
    try:
        check_folder(folder)
    except OSError as error:
        raise _cannot_be_written(folder, error) from None


def _cannot_be_written(folder: Path, error: OSError) -> EvaluationError:
    return EvaluationError(
        f"{error.filename or folder} cannot be written ({error.strerror}): name a folder that you may write to with "
        "--to, with room on its disk."
    )


def _compare(options: Options, progress: Terminal, remarks: Sequence[str]) -> Comparison:
    names = {name: parse_names(text) for name, text in options.names.items()}
    dataset = load_dataset(options.data, options.split)
    classes = _classes(dataset, options)
    check_target(options.to)
    models = [
        read_model(
            name,
            sources,
            names.get(name),
            dataset,
            options.split,
            needs_validation=COCO in options.rules and name not in options.thresholds,
            console=progress,
        )
        for name, sources in options.models.items()
    ]
    return compare(
        dataset,
        options.split,
        models,
        classes=classes,
        thresholds=options.thresholds,
        rules=options.rules,
        remarks=remarks,
    )


def _classes(dataset: EvaluatedDataset, options: Options) -> tuple[str, ...] | None:
    """Those of --classes as the data set names them."""
    if options.classes is None:
        return None
    known = {class_name(name): name for name in dataset.truth(options.split).classes}
    for name in options.classes:
        if class_name(name) not in known:
            raise EvaluationUsageError(f"--classes names {name!r}, but the data set has {', '.join(known.values())}.")
    return tuple(known[class_name(name)] for name in options.classes)
