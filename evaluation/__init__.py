"""How good a detector is: COCO's average precision and F1 on pycocotools' matches."""
