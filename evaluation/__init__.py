"""How good detectors are: average precision, F1 and errors on COCO's matches, and `python -m evaluation`."""
