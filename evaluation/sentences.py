"""What came out, in plain sentences."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from dataset_contract.sanitise import sanitise
from evaluation.bootstrap import ALL_CLASSES, FEWEST_PLANS, FigureKey
from evaluation.comparison import Comparison, Difference, ModelResult
from evaluation.detections import VALIDATION
from evaluation.rules import COCO, RULE_NAMES

_MORE_RESULTS = "give its results on val too, by --model {name}=... once more"
_MOST_PLANS = 100_000
"""Of more it says no number."""


def difference_sentences(comparison: Comparison) -> list[str]:
    """Which model finds what better, by F1: one sentence for each pair, rule and class, and for all classes."""
    return [difference_sentence(each) for each in _f1_differences(comparison)]


def leading_sentences(comparison: Comparison) -> list[str]:
    """Of those, one for each pair: of all classes together, under the first of the rules."""
    first: dict[tuple[str, str], Difference] = {}
    for each in _f1_differences(comparison):
        first.setdefault((each.a, each.b), each)
    return [difference_sentence(each) for each in first.values()]


def _f1_differences(comparison: Comparison) -> list[Difference]:
    several = len(comparison.truth.classes) > 1
    return [each for each in comparison.differences if each.figure == "f1" and (each.class_name is not None or several)]


def difference_sentence(each: Difference) -> str:
    """ "DINO finds rooms better than yolo: F1 0.912 against 0.895, +1.7 points, 95 % between +0.4 and +3.1 ..."."""
    what = "boxes of all classes" if each.class_name is None else plural(each.class_name)
    better, other, sign = (each.a, each.b, 1) if each.difference >= 0 else (each.b, each.a, -1)
    values = sorted((each.a_value, each.b_value), reverse=True)
    bounds = sorted((sign * each.interval.low, sign * each.interval.high))
    are_few = each.plans < FEWEST_PLANS
    certain = "" if are_few else f", 95 % between {points(bounds[0])} and {points(bounds[1])}"
    figures = (
        f"F1 {values[0]:.3f} against {values[1]:.3f}, {points(abs(each.difference))} points{certain}, "
        f"by {RULE_NAMES[each.rule]}"
    )
    better, other = sanitise(better), sanitise(other)
    if each.is_certain:
        return f"{better} finds {what} better than {other}: {figures}."
    shown_by = "1 plan" if each.plans == 1 else f"{each.plans:,} plans"
    needed = f"; at least {FEWEST_PLANS} plans would be needed" if are_few else _needed(each.plans_needed)
    return f"{better} and {other}: no difference in {what} that {shown_by} can show: {figures}{needed}."


def model_sentences(comparison: Comparison) -> list[str]:
    """How well each model finds the boxes of all classes together, under the first of the rules."""
    rule = comparison.rules[0]
    return [_model_sentence(result, rule) for result in comparison.models]


def _model_sentence(result: ModelResult, rule: str) -> str:
    figures, where = result.figures[rule].overall, result.intervals.get(FigureKey(rule, ALL_CLASSES, "f1"))
    certain = f", 95 % between {where.low:.3f} and {where.high:.3f}" if where else ""
    return (
        f"{sanitise(result.name)} finds {100 * (figures.recall or 0):.1f} % of the boxes, and "
        f"{100 * (figures.precision or 0):.1f} % of what it finds is right: F1 {figures.f1 or 0:.3f}{certain}, "
        f"by {RULE_NAMES[rule]}."
    )


def notes(comparison: Comparison, *, more_results: str = _MORE_RESULTS) -> list[str]:
    """What a reader of the figures must know: remarks, how thresholds were chosen, and what models do not know.

    `more_results` says how to bring results by which a threshold can be chosen, with {name} for the model's name.
    """
    of_models = (note for result in comparison.models for note in _notes(comparison, result, more_results))
    return [*comparison.remarks, *of_models]


def _notes(comparison: Comparison, result: ModelResult, more_results: str) -> Iterator[str]:
    name, model = sanitise(result.name), result.model
    if COCO in comparison.rules:
        yield _threshold_note(result, comparison, more_results)
    if unknown := model.unknown_classes:
        known = ",".join(each for each in comparison.truth.classes if each not in unknown)
        them = "it" if len(unknown) == 1 else "them"
        advice = f"; --classes {shlex.quote(known)} leaves {them} out" if known else ""
        yield f"{name} does not know {_listed(unknown)}: boxes of {them} count as missed{advice}."
    if model.further_classes:
        yield (
            f"{name} also finds {_listed(model.further_classes)}, which the data set does not have: such boxes are "
            "left out."
        )
    without = len(comparison.truth.plans) - len(set(result.detections.plan.tolist()))
    if without:
        yield f"On {without:,} of {len(comparison.truth.plans):,} plans {name} finds nothing."


def _threshold_note(result: ModelResult, comparison: Comparison, more_results: str) -> str:
    name, split = sanitise(result.name), comparison.split
    how = {
        "given": "was given",
        "validation": "has the best F1 on the validation split",
        "model": "is the model's own, with the best F1 on the validation split of its training",
        "split": f"has the best F1 on {split} itself, so its F1 is a little too high",
    }
    advice = ""
    if result.point.origin == "split" and split != VALIDATION and VALIDATION in comparison.dataset.splits:
        advice = f"; {more_results.format(name=name)}"
    return f"The threshold of {name} {how[result.point.origin]}{advice}."


def plural(name: str) -> str:
    """A class's name for several of its objects: rooms. Where an s is not enough, as of a balcony: boxes of balcony."""
    shown = sanitise(name)
    takes_s = shown.isalpha() and not shown.endswith(("s", "x", "y", "z", "ch", "sh"))
    return f"{shown}s" if takes_s else f"boxes of {shown}"


def _listed(names: tuple[str, ...]) -> str:
    shown = [sanitise(name) for name in names[:5]]
    return ", ".join(shown) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _needed(plans: int | None) -> str:
    if plans is None:
        return ""
    unit: int = 10 ** max(0, len(str(plans)) - 2)  # to two digits: it is an estimate
    amount = f"about {-(-plans // unit) * unit:,}" if plans <= _MOST_PLANS else f"more than {_MOST_PLANS:,}"
    return f"; {amount} plans would be needed"


def points(share: float) -> str:
    """A difference in points, with a sign unless it rounds to nothing."""
    shown = f"{100 * share:+.1f}"
    return shown if float(shown) else "0.0"
