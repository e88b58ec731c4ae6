"""`python -m prediction serve`: says where the page is, refuses ports, and ends with Ctrl-C."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from prediction.__main__ import main


@pytest.fixture
def signals() -> Iterator[None]:
    """Signals as in a terminal, whatever this test's process does with them."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def visit(url: str, number: signal.Signals, pages: list[bytes]) -> None:
    """Read the page as soon as it is there, then send the signal to this process."""
    end = time.monotonic() + 100
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  the loopback
                pages.append(answer.read())
            break
        except OSError:
            time.sleep(0.01)
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.usefixtures("signals")
def test_it_serves_until_it_is_stopped(
    model_folder: Path, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    pages: list[bytes] = []
    visitor = threading.Thread(target=visit, args=[f"http://127.0.0.1:{port}/", number, pages])
    visitor.start()
    assert main(["serve", "--model", str(model_folder), "--port", str(port)]) == 0
    visitor.join()
    assert b"<title>Walls and rooms</title>" in pages[0]
    written = capsys.readouterr()
    assert written.out == f"Open http://127.0.0.1:{port}/ in a browser on this machine. Ctrl-C ends it.\nEnded.\n"
    assert written.err == ""
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


def test_a_port_in_use_is_named(model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--model", str(model_folder), "--port", str(port)]) == 1
    assert f"Port {port} cannot be used (Address already in use): give another one" in capsys.readouterr().err


def test_a_port_that_cannot_be(model_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--model", str(model_folder), "--port", "65536"]) == 2
    assert "--port needs a number from 0 to 65,535" in capsys.readouterr().err


def test_a_model_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--model", str(tmp_path / "model.tar.gz")]) == 1
    assert "does not exist" in capsys.readouterr().err
