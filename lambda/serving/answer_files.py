"""The files of an answer: what follows the plan's name in theirs, as `python -m prediction` names them."""

from prediction.formats.drawing import DRAWING
from prediction.formats.registry import PER_PLAN

JSON, SVG, PICTURE = ".prediction.json", PER_PLAN["svg"], DRAWING
"""The JSON is written last: it makes the others valid."""
