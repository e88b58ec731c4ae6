"""Readers of what a model found: a trained model, a COCO results file, or the files that Ultralytics writes."""
