"""Takes the project off the path of the Python that plays the container: a package left out must fail to import.

Python imports this file by itself before any other, since functions and jobs have its folder on their PYTHONPATH; the
editable installation would otherwise find every module of the checkout.
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

sys.path[:] = [entry for entry in sys.path if entry not in (str(HERE), str(ROOT), str(ROOT / "lambda"))]
