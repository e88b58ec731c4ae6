"""`python -m prediction` as tests call it, and what it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from prediction.__main__ import main
from prediction.predictor import Predictor

ALL = ["a.jpg", "a.png", "b.pdf/page-1", "b.pdf/page-2", "upper floor/a.png"]
"""The names of the results of the fixture `plans`."""


def predict(*arguments: object) -> int:
    return main([str(each) for each in arguments])


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Calls:
    """Counts the pictures that the model is shown."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        original = Predictor.predict

        def predict(predictor: Predictor, *arguments: Any, **options: Any) -> Any:
            self.count += 1
            return original(predictor, *arguments, **options)

        monkeypatch.setattr(Predictor, "predict", predict)
