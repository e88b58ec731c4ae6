"""How a model compares with the baselines, as the training job wrote it: read within bounds, and told."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dataset_contract.bounded_json import parse_bounded
from dataset_contract.class_names import MAX_NAME_BYTES
from dataset_contract.sanitise import sanitise
from evaluation.results.baseline_files import COMPARISON_FORMAT
from pipeline.quote.baselines import MOST_BASELINES

_LONGEST_SENTENCE = 600
_MOST_NOTES = 10
_ALL_CLASSES = "all"
"""In the registry's keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class F1Difference:
    """The model's F1 of one class minus a baseline's, under one rule of counting."""

    rule: str
    class_name: str | None
    """None: all classes together."""
    model: float
    baseline: float
    low: float
    """From `low` to `high` with 95 % certainty."""
    high: float
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BaselineComparison:
    """The model and one baseline on the same plans."""

    name: str
    differences: tuple[F1Difference, ...]
    notes: tuple[str, ...]
    """How thresholds were chosen, and what the baseline does not know."""

    def of_classes(self, classes: Collection[str]) -> list[F1Difference]:
        """Those of `classes`; of all together where the baseline knows none of these."""
        chosen = [each for each in self.differences if each.class_name in classes]
        return chosen or [each for each in self.differences if each.class_name is None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparisons:
    """All that comparison.json tells."""

    split: str
    plans: int
    baselines: tuple[BaselineComparison, ...] = ()
    not_compared: Mapping[str, str]
    """Why not, by the baseline's name."""

    def lines(self, classes: Collection[str]) -> Iterator[str]:
        """For people, by the F1 of `classes`."""
        for each in self.baselines:
            plans = "1 plan" if self.plans == 1 else f"{self.plans:,} plans"
            yield f"Compared with the baseline {each.name} on the {plans} of the {self.split} split:"
            yield from (difference.sentence for difference in each.of_classes(classes))
            yield from each.notes
        for name, reason in self.not_compared.items():
            yield f"The baseline {name} is not compared: {reason}"

    def metadata(self, classes: Collection[str]) -> dict[str, str]:
        """The same as figures, for the registry."""
        return {
            f"baseline.{each.name}.{found.rule}.f1.{found.class_name or _ALL_CLASSES}": (
                f"{found.model:.4f} against {found.baseline:.4f}: {found.model - found.baseline:+.4f} from "
                f"{found.low:+.4f} to {found.high:+.4f} on {self.plans} plans of {self.split}"
            )
            for each in self.baselines
            for found in each.of_classes(classes)
        }


def parse_comparisons(content: bytes) -> Comparisons:
    """What comparison.json says. Raises ValueError, which says what is wrong."""
    value = parse_bounded(content)
    if not isinstance(value, dict) or value.get("format") != COMPARISON_FORMAT:
        raise ValueError(f"its format is not {COMPARISON_FORMAT}")
    plans, found, not_compared = value.get("plans"), value.get("baselines"), value.get("not_compared")
    if type(plans) is not int or plans < 0 or not isinstance(found, dict) or not isinstance(not_compared, dict):
        raise ValueError("it lacks plans, baselines or not_compared")
    if len(found) + len(not_compared) > MOST_BASELINES:
        raise ValueError(f"it has more than {MOST_BASELINES} baselines")
    return Comparisons(
        split=_text(value.get("split")),
        plans=plans,
        baselines=tuple(_baseline(name, each) for name, each in found.items()),
        not_compared={_name(name): _text(reason) for name, reason in not_compared.items()},
    )


def _baseline(name: str, value: object) -> BaselineComparison:
    if not isinstance(value, dict) or not all(isinstance(value.get(part), list) for part in ("differences", "notes")):
        raise ValueError(f"baselines.{_name(name)} has no lists differences and notes")
    return BaselineComparison(
        name=_name(name),
        differences=tuple(_difference(each) for each in value["differences"] if _is_told(each)),
        notes=tuple(_text(note) for note in value["notes"][:_MOST_NOTES]),
    )


def _is_told(difference: object) -> bool:
    return isinstance(difference, dict) and difference.get("figure") == "f1"


def _difference(value: Mapping[str, Any]) -> F1Difference:
    class_name = value.get("class")
    if class_name is not None and not isinstance(class_name, str):
        raise ValueError("the class of a difference is not a name")
    return F1Difference(
        rule=_text(value.get("rule")),
        class_name=None if class_name is None else sanitise(class_name, longest=MAX_NAME_BYTES),
        model=_share(value.get("a_value"), least=0),
        baseline=_share(value.get("b_value"), least=0),
        low=_share(value.get("low"), least=-1),
        high=_share(value.get("high"), least=-1),
        sentence=_text(value.get("sentence")),
    )


def _share(value: object, *, least: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= 1:
        raise ValueError(f"a figure of a difference is not a number from {least:g} to 1")
    return float(value)


def _name(name: str) -> str:
    return sanitise(name, longest=60)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a sentence is missing")
    return sanitise(value, longest=_LONGEST_SENTENCE)
