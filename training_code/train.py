"""The entry of a training job, as SageMaker starts it.

    python -m training_code.train                               in the container: everything is below /opt/ml
    SAGEMAKER_BASE_DIR=build/job python -m training_code.train  the same tree elsewhere

Reads input/config/hyperparameters.json, the channel input/data/dataset and, where there is one, a checkpoint or an
earlier model.tar.gz to start from in the channel input/data/pretrained; writes checkpoints/, model/ and, if it fails,
output/failure, which starts with the failure's code. Exit status 0: trained, or stopped as asked; 1: failed.
"""

import dataclasses
import os
import sys
import traceback

import torch

from dataset_contract.sanitise import sanitise
from training_code.data.checked_dataset import CheckedDataset, open_dataset
from training_code.job.disk import any_disk_failure
from training_code.job.distributed import DistributedContext, initialise, local_processes, process_losses
from training_code.job.failures import DataError, TrainingError, write_failure
from training_code.job.hyperparameters import JobConfig, read_hyperparameters
from training_code.job.interruptions import StopRequest
from training_code.job.launcher import hosts_to_start, run_processes, this_program
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.loop.batch_choice import with_batch
from training_code.loop.gpu_memory import GpuMemory, Measure
from training_code.loop.memory import keep_freed_memory, memory_failures, with_fitting_workers
from training_code.loop.resumption import images_per_update
from training_code.loop.trainer import Trainer

LONGEST_LINE = 4000
"""Characters of a line of the log."""


def main() -> int:
    """Run the job; returns the exit status."""
    paths = SageMakerPaths.from_environment()
    try:
        return _run(paths)
    except TrainingError as error:
        log_line(str(error))
        write_failure(paths.failure, str(error))
    except Exception as error:
        for line in traceback.format_exc().splitlines():
            log_line(f"  {line}")  # indented, so that no text in it begins like a line of figures
        write_failure(paths.failure, f"BUG: {type(error).__name__}: {error}. The job's log has the traceback.")
    return 1


def _run(paths: SageMakerPaths) -> int:
    stop = StopRequest()
    job = read_hyperparameters(paths.hyperparameters)
    if "RANK" not in os.environ and (hosts := hosts_to_start(paths.resource_config)):
        return run_processes(hosts, this_program(), failure=paths.failure)
    log_line(f"Training {job.recipe}: {job.training}")
    keep_freed_memory()
    if job.training.cpu_threads:
        torch.set_num_threads(job.training.cpu_threads)
    with any_disk_failure(paths.base), memory_failures(job.training):
        _train(job, paths, stop)
    return 0


def _train(job: JobConfig, paths: SageMakerPaths, stop: StopRequest) -> None:
    dataset = open_dataset(paths.dataset, num_queries=job.model.num_queries, log_line=log_line)
    if job.dataset_version not in (None, dataset.version):
        raise DataError(
            f"The data set in {paths.dataset} has the version {dataset.version}, but the one that this job is to train"
            f" on has {job.dataset_version}: it was replaced after it had been checked; start a new run."
        )
    with process_losses():
        distributed = initialise(job.training.stall_minutes)
        if job.training.batch_size is None:
            job = _with_batch(job, dataset, paths, distributed)
    if distributed.is_first and (processes := distributed.world_size) > 1:
        images = job.training.images_at_once * job.training.accumulation_steps * processes
        rates = "" if job.batch_is_measured else "; learning rates do not follow it"
        log_line(f"{processes} processes train together: {images} images an update{rates}.")
    sizes = [
        (image.width, image.height) for split in (dataset.train, dataset.val, dataset.test) for image in split.images
    ]
    training = with_fitting_workers(job.training, sizes, processes=local_processes(), log_line=log_line)
    job = dataclasses.replace(job, training=training)
    trainer = Trainer(job, dataset, paths, distributed, stop=stop, log_line=log_line)
    failure: str | None = "BUG"
    try:
        trainer.run()
        failure = None
    except TrainingError as error:
        failure = error.code
        raise
    finally:
        trainer.close(failure)


def _with_batch(
    job: JobConfig, dataset: CheckedDataset, paths: SageMakerPaths, distributed: DistributedContext
) -> JobConfig:
    """`job` with the batch that its settings leave open."""
    say = log_line if distributed.is_first else lambda _: None
    saved = images_per_update(paths.checkpoints, say) if distributed.is_first else None

    def chosen(measure: Measure | None) -> JobConfig:
        return with_batch(
            job,
            measure,
            images=len(dataset.train.images),
            processes=distributed.world_size,
            saved=distributed.gather(saved)[0],
            log_line=say,
        )

    if distributed.device.type != "cuda":
        return chosen(None)
    with GpuMemory(job, dataset, distributed) as memory:
        return chosen(memory.measure)


def log_line(line: str) -> None:
    """Write a line to the log at once; a text in it, such as a class's name, cannot begin another line."""
    sys.stdout.write(f"{sanitise(line, longest=LONGEST_LINE)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
