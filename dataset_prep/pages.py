"""The environment of the project's HTML templates: what they show is escaped, and fit to be shown."""

from __future__ import annotations

import jinja2

from dataset_contract.sanitise import sanitise


def page_environment() -> jinja2.Environment:
    """An environment in which every text becomes one printable line, with what is HTML in it escaped."""
    return jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, finalize=_shown)


def _shown(value: object) -> object:
    return sanitise(value) if isinstance(value, str) and not hasattr(value, "__html__") else value
