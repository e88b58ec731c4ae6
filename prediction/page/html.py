"""The page as one HTML file, and the policy under which a browser runs nothing else."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path

from dataset_contract.report_html import STYLE

_FOLDER = Path(__file__).parent


@cache
def page() -> tuple[bytes, str]:
    """The page, and its Content-Security-Policy: its own script and style by their hashes, answers of this server."""
    style = STYLE + (_FOLDER / "page.css").read_text(encoding="utf-8")
    script = (_FOLDER / "page.js").read_text(encoding="utf-8")
    template = (_FOLDER / "page.html").read_text(encoding="utf-8")
    policy = (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; img-src 'self' data:; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return template.replace("STYLE", style, 1).replace("SCRIPT", script, 1).encode(), policy


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
