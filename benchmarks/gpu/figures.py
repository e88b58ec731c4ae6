"""What a section tells: figures with their goals, line by line on its standard output, so that none is lost."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal, Protocol

_MARK = "figure: "

Points = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table."""

    name: str
    value: float | str | Points
    """A text says why there is no figure; points are a curve."""
    unit: str = ""
    limit: float | None = None
    """What it should not be beyond."""
    better: Literal["lower", "higher"] = "lower"

    @property
    def shown(self) -> str:
        """The value with its unit, to four digits."""
        return f"{self.value:.4g} {self.unit}".strip() if isinstance(self.value, float) else str(self.value)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a figure."""
        if self.limit is None or not isinstance(self.value, float):
            return None
        return self.value <= self.limit if self.better == "lower" else self.value >= self.limit


class Tell(Protocol):
    """Takes a figure, as Figure has it."""

    def __call__(
        self,
        name: str,
        value: float | str | Points,
        unit: str = "",
        *,
        at_most: float | None = None,
        at_least: float | None = None,
    ) -> None: ...


def tell(
    name: str,
    value: float | str | Points,
    unit: str = "",
    *,
    at_most: float | None = None,
    at_least: float | None = None,
) -> None:
    """Print a figure for the process that collects them."""
    if isinstance(value, int | float):
        value = float(value)
        value = value if math.isfinite(value) else str(value)
    limit, better = (at_most, "lower") if at_least is None else (at_least, "higher")
    print(_MARK + json.dumps(asdict(Figure(name, value, unit, limit, better))), flush=True)  # type: ignore[arg-type]


def told(lines: Iterable[str]) -> list[Figure]:
    """The figures of a section's output, the last of each name; the line that it was stopped in does not count."""
    figures = {}
    for line in lines:
        if line.startswith(_MARK) and line.endswith("}\n"):
            figure = Figure(**json.loads(line.removeprefix(_MARK)))
            figures[figure.name] = figure
    return list(figures.values())
