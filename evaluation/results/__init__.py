"""Readers of results files, COCO's and Ultralytics', for the command, the training job and the pipeline."""
