"""Chooses what to show of many images."""

from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def choose_samples(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of `items`, evenly spread over all of them: the same ones each time."""
    step = max(1, len(items) / count)
    return [items[int(index * step)] for index in range(min(count, len(items)))]
