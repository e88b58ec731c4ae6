"""Runs the whole pipeline on one machine, from the stacks to the model, and shows it on a page."""
