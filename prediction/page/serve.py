"""`python -m prediction serve`: its options, and the life of its server.

python -m prediction serve --model build/demo/model
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

from prediction.command.errors import PredictionError, PredictionUsageError
from prediction.command.model import open_model
from terminal.console import Terminal

NAME = "serve"
"""The word after `python -m prediction`."""
PORT = 8765
_LARGEST_PORT = 65535


def build_serve_parser() -> argparse.ArgumentParser:
    """Its options."""
    parser = argparse.ArgumentParser(
        prog=f"python -m prediction {NAME}",
        description="Open a page on this machine that shows walls and rooms over a plan. Only this machine can open it,"
        " and no plan leaves it. Ctrl-C ends it.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model", required=True, metavar="MODEL", help="a model.tar.gz, its folder, s3://... or run:NAME"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"0 takes any that is free (default: {PORT})")
    return parser


def serve(arguments: Sequence[str], errors: Terminal) -> None:
    """Do what the command line after the word says, until Ctrl-C. Raises PredictionError or PredictionUsageError."""
    given = build_serve_parser().parse_args(arguments)
    if not 0 <= given.port <= _LARGEST_PORT:
        raise PredictionUsageError(f"--port needs a number from 0 to {_LARGEST_PORT:,}, not {given.port}.")
    with tempfile.TemporaryDirectory(prefix="prediction-") as scratch:
        try:
            model = open_model(given.model, Path(scratch), backend="auto", score=None)
            for sentence in model.notes:
                errors.print(sentence)
            from prediction.page.server import PageServer  # noqa: PLC0415  most calls serve nothing

            try:
                server = PageServer(model, given.port)
            except OSError as error:
                raise PredictionError(
                    f"Port {given.port} cannot be used ({error.strerror}): give another one with --port."
                ) from None
            with server:
                Terminal().print(f"Open http://{server.host}/ in a browser on this machine. Ctrl-C ends it.")
                threading.Thread(target=server.serve_forever, args=[0.05], name="page", daemon=True).start()
                try:
                    server.worker.work()
                finally:
                    server.shutdown()
        except KeyboardInterrupt:
            Terminal().print("Ended.")
