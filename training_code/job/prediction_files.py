"""The files of prediction/ that travel to SageMaker and in model.tar.gz; those of its command stay in the checkout."""

PREDICTION_FILES = (
    "prediction/__init__.py",
    "prediction/backends",
    "prediction/detection.py",
    "prediction/image_tensors.py",
    "prediction/model_folder.py",
    "prediction/predictor.py",
    "prediction/torch_model.py",
)
"""Paths from the repository's root."""
