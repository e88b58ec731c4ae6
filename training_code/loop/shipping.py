"""Writes what a job ships: the model of its best epoch, with all its figures."""

from collections.abc import Callable, Mapping
from typing import Any

from training_code.data.checked_dataset import CheckedDataset
from training_code.dino.model import DINO
from training_code.job.artifact import write_artifact
from training_code.job.disk import disk_failures
from training_code.job.hyperparameters import JobConfig
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.loop.early_stopping import Ending
from training_code.loop.model_export import export_model
from training_code.loop.training_progress import TrainingProgress


def ship(
    model: DINO,
    *,
    job: JobConfig,
    dataset: CheckedDataset,
    paths: SageMakerPaths,
    progress: TrainingProgress,
    ending: Ending,
    best: Mapping[str, Any],
    test: Mapping[str, Any] | None,
    log_line: Callable[[str], None],
) -> None:
    """`model` has the weights of the evaluation `best`; `test` are its figures on the test split. Raises DiskError."""
    with disk_failures(paths.model):
        write_artifact(
            paths.model,
            model=model,
            job=job,
            categories=dataset.categories,
            dataset_version=dataset.version,
            history=progress.history(),
            metrics={
                **best,
                "epochs_trained": ending.last_epoch,
                "stopped_early": ending.last_epoch < job.training.epochs,
                "evaluations": progress.evaluations,
                "test": test,
            },
        )
    export_model(paths.model, model, dataset, job.training, log_line)
    log_line(
        f"Trained {progress.step} steps in {progress.seconds:.0f} s; the model in {paths.model} is that of epoch"
        f" {best['epoch']}, whose mean F1 on the validation split is the highest, {best['mean_f1']:.4f}."
    )
