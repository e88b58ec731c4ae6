#!/usr/bin/env python3
"""The command line of the preparation: from your plans to a checked data set, on this machine and in S3.

python dataset_prep/run.py --source path/to/plans --output build/dataset --bucket MY_BUCKET
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn


def _stop_loading(number: int, frame: FrameType | None) -> None:
    os.write(2, b"Stopped before anything was done.\n")
    os._exit(130)


# Ctrl-C while the modules below are imported would come out as whatever they make of it; prepare.py's imports inside
# of functions run under main(), which ends cleanly.
if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, _stop_loading)


def _end_without(error: ModuleNotFoundError) -> NoReturn:
    """End with what to do about a package that is not installed; a module inside of one of ours is a bug."""
    if error.name is None or "." in error.name:
        raise error
    sys.stderr.write(
        f"This Python ({sys.executable}) lacks the package {error.name}: "
        "run `make setup`, then use .venv/bin/python dataset_prep/run.py.\n"
    )
    raise SystemExit(2)


try:
    import io

    from dataset_contract.out_of_memory import is_out_of_memory
    from dataset_prep.command_line import parse_options
    from dataset_prep.errors import PrepError, UsageError
    from dataset_prep.prepare import prepare
    from dataset_prep.summary import show_summary
    from terminal.console import Terminal
except ModuleNotFoundError as error:
    _end_without(error)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names may hold what a terminal's code page lacks
        sys.stdout.reconfigure(errors="backslashreplace")
    errors = Terminal(stderr=True)
    try:
        if signal.getsignal(signal.SIGINT) is _stop_loading:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        options = parse_options(argv)
        console = Terminal()
        prepared = prepare(options, console)
        show_summary(
            console, prepared, output=options.output, report_folder=options.report, destination=options.destination
        )
    except (UsageError, PrepError) as error:
        errors.print(f"run.py: {error}")
        return 2 if isinstance(error, UsageError) else 1
    except PermissionError as error:
        errors.print(
            f"run.py: {error.filename} must not be read or written: change its permissions or give another path."
        )
        return 1
    except OSError as error:  # a full disk, a file where a folder should be, a drive that was taken away
        place = error.filename or options.output
        errors.print(
            f"run.py: {place} cannot be read or written ({error.strerror or error}): "
            "correct that, then give the same command again."
        )
        return 1
    except ModuleNotFoundError as error:  # of a step that few runs need
        _end_without(error)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        errors.print(
            "run.py: The memory does not suffice: end other programs, give --workers 1, or use a machine with more; "
            "then give the same command again."
        )
        return 1
    except KeyboardInterrupt:
        errors.print("Stopped. Give the same command again to resume.")
        return 130
    return 1 if prepared.report.verdict == "invalid" else 0


if __name__ == "__main__":
    sys.exit(main())
