"""What came out is said in one sentence for each comparison: which model is better, by how much, how certainly."""

from __future__ import annotations

import pytest

from evaluation.bootstrap import FEWEST_PLANS, Interval
from evaluation.comparison import Difference
from evaluation.sentences import difference_sentence, plural


def difference(
    a: float,
    b: float,
    low: float,
    high: float,
    *,
    class_name: str | None = "room",
    plans: int = 421,
    needed: int | None = None,
) -> Difference:
    return Difference("DINO", "yolo", "coco", class_name, "f1", a, b, Interval(low, high), plans, needed)


def test_a_difference_that_the_plans_show() -> None:
    expected = (
        "DINO finds rooms better than yolo: F1 0.912 against 0.895, +1.7 points, 95 % between +0.4 and +3.1, "
        "by COCO's matching."
    )
    assert difference_sentence(difference(0.912, 0.895, 0.004, 0.031)) == expected


def test_the_better_one_comes_first() -> None:
    expected = (
        "yolo finds boxes of all classes better than DINO: F1 0.912 against 0.895, +1.7 points, 95 % between +0.4 and "
        "+3.1, by COCO's matching."
    )
    assert difference_sentence(difference(0.895, 0.912, -0.031, -0.004, class_name=None)) == expected


def test_a_difference_that_the_plans_do_not_show() -> None:
    expected = (
        "DINO and yolo: no difference in rooms that 421 plans can show: F1 0.900 against 0.895, +0.5 points, 95 % "
        "between -0.9 and +1.9, by COCO's matching; about 6,400 plans would be needed."
    )
    assert difference_sentence(difference(0.9, 0.895, -0.009, 0.019, needed=6_321)) == expected
    same = difference_sentence(difference(0.9, 0.9, -0.009, 0.009))
    assert "0.900 against 0.900, 0.0 points, 95 % between -0.9 and +0.9" in same
    assert "needed" not in same
    assert "95 % between 0.0 and +2.1" in difference_sentence(difference(0.9, 0.91, -0.021, 0.0004))
    assert "; more than 100,000 plans would be needed." in difference_sentence(
        difference(0.9, 0.8999, -0.009, 0.009, needed=10**7)
    )


@pytest.mark.parametrize(("plans", "amount"), [(1, "1 plan"), (FEWEST_PLANS - 1, "5 plans")])
def test_few_plans_show_no_difference_however_alike_they_are(plans: int, amount: str) -> None:
    """A bootstrap of one plan draws nothing else: its interval has no width, and tells nothing."""
    assert difference_sentence(difference(0.9, 0.8, 0.1, 0.1, plans=plans)) == (
        f"DINO and yolo: no difference in rooms that {amount} can show: F1 0.900 against 0.800, +10.0 points, by "
        "COCO's matching; at least 6 plans would be needed."
    )
    assert difference(0.9, 0.8, 0.1, 0.1, plans=FEWEST_PLANS).is_certain


def test_several_objects_of_a_class() -> None:
    assert [plural(name) for name in ("wall", "stairs", "balcony", "bench", "living room")] == [
        "walls",
        "boxes of stairs",
        "boxes of balcony",
        "boxes of bench",
        "boxes of living room",
    ]
