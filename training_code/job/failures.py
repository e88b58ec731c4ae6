"""The ways a training job can fail, each with the code that its failure file starts with."""

import sys
from pathlib import Path
from typing import ClassVar

from dataset_contract.sanitise import sanitise


class TrainingError(Exception):
    """A failure that a person can act on: its message is one sentence saying what, where and what to do.

    Takes the message only, so that it can be pickled on its way from a worker process.
    """

    code: ClassVar[str]

    def __str__(self) -> str:
        return f"{self.code}: {self.args[0]}"


class JobConfigError(TrainingError):
    """The hyperparameters, the channels, the instance or an earlier checkpoint do not fit.

    Start again, under a new execution.
    """

    code = "CONFIG"


class DataError(TrainingError):
    """The data set is not valid, or a file of it cannot be read.

    As for `DatasetInvalid`: correct the source, upload with `--replace`, redrive.
    """

    code = "DATA"


class MemoryExhaustedError(TrainingError):
    """There was not enough memory: on the GPU, on the machine, or for workers in `/dev/shm`, as a "Bus error" means.

    Start again with `{"instance_types": ["ml.g6e.2xlarge"]}`: its GPU has 48 GB, those of
    `ml.g5` and `ml.g6` have 24. Or with the smaller `training` settings that the cause names.
    """

    code = "OOM"


class NonFiniteLossError(TrainingError):
    """The loss, its gradient or a prediction is infinite or not a number.

    Look at the boxes of the data set and at the weights that the run started from. If both are right, start
    again with the lower learning rate that the cause names.
    """

    code = "NAN_LOSS"


class DiskError(TrainingError):
    """A file of the job could not be written: its disk is full, or a folder is read-only.

    Start again on an instance type with a larger disk, or let the job write where the cause says.
    """

    code = "DISK"


class StallError(TrainingError):
    """No step was finished for 20 minutes.

    Redrive: it continues from the last checkpoint.
    """

    code = "STALL"


class ProcessLostError(TrainingError):
    """Of a job on several GPUs: another process, or its host, ended or can no longer be reached.

    Redrive: it continues from the last checkpoint. If a host's log, `JOB/algo-N-...`, has another code, act on that.
    """

    code = "PROCESS_LOST"


MAX_FAILURE_CHARACTERS = 1024
"""SageMaker shows the first 1,024 characters of the file as the job's FailureReason."""


def write_failure(path: Path, text: str) -> None:
    """Write the failure file; the first failure is the cause, so a file that is there already stays.

    Where it cannot be written, only the log tells of the failure.
    """
    content = sanitise(text, longest=MAX_FAILURE_CHARACTERS).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb", buffering=0) as file:  # which takes no memory that would be lacking once the file is there
            file.write(content)
    except OSError as error:
        if isinstance(error, FileExistsError) and path.is_file():
            return
        sys.stderr.write(f"{path} cannot be written to ({error.strerror}).\n")
