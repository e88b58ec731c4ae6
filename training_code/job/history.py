"""The figures of every update: one row a step, kept as numbers so that a checkpoint can hold all of them."""

import json
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

COLUMNS = ("step", "epoch", "loss", "loss_class", "loss_bbox", "loss_giou", "grad_norm", "lr", "seconds")
"""Update and epoch counted from 1; the weighted sum of all losses, and the last decoder layer's parts; norm of the
gradient before clipping; learning rate; seconds of training up to here, over all starts."""


class History:
    """A growing table with COLUMNS."""

    def __init__(self, rows: Tensor | None = None) -> None:
        """`rows` (steps, columns) are rows() of an earlier start."""
        self._rows: list[list[float]] = [] if rows is None else rows.tolist()

    def add(self, figures: Mapping[str, float]) -> None:
        """Add one update; `figures` has the keys COLUMNS."""
        self._rows.append([float(figures[name]) for name in COLUMNS])

    def rows(self) -> Tensor:
        """The table as float64 (steps, columns), for a checkpoint."""
        return torch.tensor(self._rows, dtype=torch.float64).reshape(-1, len(COLUMNS))

    def column(self, name: str) -> list[float]:
        """All values of one column."""
        index = COLUMNS.index(name)
        return [row[index] for row in self._rows]

    def json_lines(self) -> Iterator[str]:
        """One JSON object a step, as history.jsonl holds it."""
        for row in self._rows:
            values = dict(zip(COLUMNS, row, strict=True))
            yield json.dumps(values | {"step": int(values["step"]), "epoch": int(values["epoch"])})
