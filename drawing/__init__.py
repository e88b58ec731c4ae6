"""Draws plans with their boxes, for preparation, training, evaluation and the demo."""
