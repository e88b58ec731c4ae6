"""The synthesised stack, deployed in memory."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.stacks.second_engine.deployment import Deployment

logging.getLogger("moto").setLevel(logging.CRITICAL + 1)  # it logs each failure of a state


@pytest.fixture
def deployment(template: dict[str, Any], definition: dict[str, Any]) -> Deployment:
    """A fresh one, with a valid data set and nothing else in its bucket."""
    return Deployment(template, definition)
