"""A few steps of a small job without denoising, whose noise would differ between processes.

python -m tests.training.two_process_job BATCH_SIZE
"""

import dataclasses
import sys

from training_code import train
from training_code.data.checked_dataset import open_dataset
from training_code.job.distributed import initialise
from training_code.job.hyperparameters import read_hyperparameters
from training_code.job.interruptions import StopRequest
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.loop.trainer import Trainer

paths = SageMakerPaths.from_environment()
job = read_hyperparameters(paths.hyperparameters)
job = dataclasses.replace(
    job,
    model=dataclasses.replace(job.model, dn_number=0),
    training=dataclasses.replace(job.training, batch_size=int(sys.argv[1])),
)
dataset = open_dataset(paths.dataset, num_queries=job.model.num_queries, log_line=train.log_line)
distributed = initialise(job.training.stall_minutes)
trainer = Trainer(job, dataset, paths, distributed, stop=StopRequest(), log_line=train.log_line)
assert trainer.run()
trainer.close(None)
