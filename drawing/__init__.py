"""Draws plans with their boxes, for preparation, training and the demo."""
