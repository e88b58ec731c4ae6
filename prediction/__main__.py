"""Walls and rooms on plans, by a trained model: from a terminal.

python -m prediction plans/ --model build/demo/model --to build/predictions --draw
python -m prediction export build/demo/model
python -m prediction serve --model build/demo/model
"""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from dataset_contract.out_of_memory import is_out_of_memory
from prediction.command.errors import PredictionError, PredictionUsageError
from prediction.command.export import NAME as EXPORT
from prediction.command.export import run as export
from prediction.command.options import Options, parse_options
from prediction.command.plan_list import list_plans
from prediction.page.serve import NAME as SERVE
from prediction.page.serve import serve
from terminal.console import Terminal


def predict(options: Options, errors: Terminal) -> int:
    """Predict on the plans; return the exit status. Raises PredictionError or PredictionUsageError."""
    listed = list_plans(options.plans, options.to)
    for sentence in (*listed.notes, *listed.problems):
        errors.print(sentence)
    if not listed.plans:
        return 1
    from prediction.command.model import open_model  # noqa: PLC0415  imports torch, which takes seconds
    from prediction.command.run import Run  # noqa: PLC0415

    with tempfile.TemporaryDirectory(prefix="prediction-") as scratch:
        model = open_model(options.model, Path(scratch), backend=options.backend, score=options.score)
        for sentence in model.notes:
            errors.print(sentence)
        run = Run(options, model, errors)
        run.predict(listed.plans)
    counts = run.counts
    parts = [f"{counts.predicted:,} predicted"]
    if counts.done_before:
        parts.append(f"{counts.done_before:,} done before")
    if failed := counts.failed + len(listed.problems):
        parts.append(f"{failed:,} that cannot be used, named above")
    Terminal().print(f"{', '.join(parts)}; {counts.boxes:,} boxes. Written to {options.to}.")
    return 1 if failed else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says; return the exit status."""
    errors = Terminal(stderr=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run(sys.argv[1:] if arguments is None else list(arguments), errors)
    except PredictionUsageError as error:
        errors.print(f"prediction: {error}")
        return 2
    except PredictionError as error:
        errors.print(f"prediction: {error}")
        return 1
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        errors.print(
            "prediction: The memory does not suffice: end other programs, or use a machine with more. The same command"
            " goes on where this one ended."
        )
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped. The same command goes on where this one ended.")
        return 130


def _run(words: list[str], errors: Terminal) -> int:
    if words[:1] == [EXPORT]:
        export(words[1:])
        return 0
    if words[:1] == [SERVE]:
        serve(words[1:], errors)
        return 0
    return predict(parse_options(words), errors)


if __name__ == "__main__":
    sys.exit(main())
