"""The two rules by which boxes are counted, as the command, the figures and the reports name them."""

from __future__ import annotations

COCO, LENIENT = "coco", "lenient"
RULES = (COCO, LENIENT)
RULE_NAMES = {COCO: "COCO's matching", LENIENT: "the lenient rule"}
