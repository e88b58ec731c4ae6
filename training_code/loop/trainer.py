"""The training loop: epochs, log lines, checkpoints, evaluations, and what is left at the end."""

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from evaluation.metrics import evaluate
from training_code.data.batches import Batch, EpochBatchSampler, load_batches, steps_per_epoch
from training_code.data.checked_dataset import CheckedDataset
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import build_model
from training_code.job.artifact import write_artifact, write_json
from training_code.job.checkpoints import load_newest_checkpoint, save_checkpoint
from training_code.job.distributed import DistributedContext
from training_code.job.failures import JobConfigError, NonFiniteLossError, StallError, write_failure
from training_code.job.health import JUDGED_STEPS, judge_health
from training_code.job.hyperparameters import JobConfig
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.job.starting_weights import load_starting_weights
from training_code.job.training_log import RunLog
from training_code.job.watch import StallWatch, StopRequest
from training_code.loop.history import History
from training_code.loop.memory import memory_failures, worst_case_batch
from training_code.loop.metric_window import MetricWindow
from training_code.loop.split_prediction import predict_split
from training_code.loop.training_step import NotFiniteError, TrainingStep

FREE_TO_CHANGE = {
    "workers",
    "cpu_threads",
    "log_steps",
    "checkpoint_epochs",
    "evaluation_epochs",
    "stall_minutes",
    "health_minutes",
    "activation_checkpointing",
}
"""Settings that a resumed run may change, since they do not change what is learned."""


class Trainer:
    """One training job in one process of it."""

    def __init__(
        self,
        job: JobConfig,
        dataset: CheckedDataset,
        paths: SageMakerPaths,
        processes: DistributedContext,
        *,
        stop: StopRequest,
        say: Callable[[str], None],
    ) -> None:
        """`say` prints a line to the log."""
        self._job, self._dataset, self._paths, self._processes, self._stop = job, dataset, paths, processes, stop
        self._say = say if processes.is_first else lambda _: None
        config = job.training
        self._images = PlanDataset(dataset.root / "train", dataset.train, config, augmented=True)
        self._steps_per_epoch = steps_per_epoch(len(self._images), config, processes.world_size)
        self._steps = self._steps_per_epoch * config.epochs
        torch.manual_seed(config.seed)
        model = build_model(job.model, activation_checkpointing=config.activation_checkpointing)
        load_starting_weights(model, paths.pretrained, self._say)
        self._training = TrainingStep(model, config, processes)
        self._history = History()
        self._evaluations: list[dict[str, Any]] = []
        self._step = 0
        self._seconds_before = 0.0
        self._start = time.monotonic()
        self._judged = False
        self._log: RunLog | None = None
        self._watch = StallWatch(config.stall_minutes * 60, self._stalled)

    def run(self) -> bool:
        """Train to the end, from the newest checkpoint if there is one, and write the model.

        Returns False if it was asked to stop, after writing a checkpoint.

        Raises:
            TrainingError: of the class that fits.
        """
        with memory_failures(self._job.training):
            self._restore()
            if self._processes.is_first:
                self._log = RunLog(self._say, self._paths.tensorboard, step=self._step)
            self._try_worst_case()
            while True:
                epoch, first_step = divmod(self._step, self._steps_per_epoch)
                if first_step == 0 and self._evaluation_is_due(epoch) and not self._evaluate(epoch):
                    break
                if epoch == self._job.training.epochs:
                    self._finish()
                    return True
                if not self._train_epoch(epoch, first_step):
                    break
        self._save()
        self._say(f"Asked to stop: the work up to step {self._step} of {self._steps} is saved in a checkpoint.")
        return False

    def close(self, failure: str | None) -> None:
        """End the watch, the log and the connection, and write health.json; `failure` is the class word of the end."""
        self._watch.close()
        if self._log:
            self._log.close()
        if self._processes.is_first:
            self._write_health(failure)
        if failure is None:  # else the others may hang where this process failed: torchrun ends them
            self._processes.leave()

    def _train_epoch(self, epoch: int, first_step: int) -> bool:
        """Train the rest of `epoch` (from 0) and save; False if asked to stop."""
        config, processes = self._job.training, self._processes
        interval = MetricWindow()
        waiting = time.monotonic()
        for batches in self._updates(epoch, first_step):
            waited = time.monotonic() - waiting
            try:
                figures = self._training.update(
                    batches, self._step, steps=self._steps, steps_per_epoch=self._steps_per_epoch
                )
            except NotFiniteError as error:
                raise self._not_finite(batches, error) from None
            self._step += 1
            self._watch.progress()
            row = {"step": self._step, "epoch": epoch + 1, "seconds": self._seconds}
            self._history.add(figures._asdict() | row)
            images = config.batch_size * config.accumulation_steps * processes.world_size
            interval.add(figures, images=images, waited=waited)
            if self._step % config.log_steps == 0 or self._step == self._steps:
                if self._log:
                    self._log.training(step=self._step, steps=self._steps, epoch=epoch + 1, figures=interval.figures())
                interval = MetricWindow()
            self._judge_once()
            if any(processes.gather(self._stop.received)):
                return False
            waiting = time.monotonic()
        if (epoch + 1) % config.checkpoint_epochs == 0 or epoch + 1 == config.epochs:
            self._save()
        return True

    def _updates(self, epoch: int, first_step: int) -> Iterator[tuple[Batch, ...]]:
        """The batches of each update from `first_step` of `epoch` on."""
        processes = self._processes
        draws = EpochBatchSampler(
            self._images, epoch=epoch, first_step=first_step, rank=processes.rank, world_size=processes.world_size
        )
        on_gpu = processes.device.type == "cuda"
        batches = (batch.to(processes.device) for batch in load_batches(self._images, draws, pin_memory=on_gpu))
        return zip(*[batches] * self._job.training.accumulation_steps, strict=True)

    def _try_worst_case(self) -> None:
        """So that the memory runs out in the first minute or never; leaves no trace in the model."""
        batch = worst_case_batch(self._images, self._job.model.num_classes).to(self._processes.device)
        self._training.accumulate([batch], self._step)
        self._training.optimiser.zero_grad(set_to_none=True)
        height, width = batch.images.shape[2:]
        boxes = self._images.most_boxes
        self._say(f"The largest batch fits: {len(batch.images)} images of {width}x{height} with {boxes} boxes each.")
        self._watch.progress()

    def _evaluation_is_due(self, epoch: int) -> bool:
        if epoch == 0 or any(evaluation["epoch"] == epoch for evaluation in self._evaluations):
            return False
        config = self._job.training
        return epoch % config.evaluation_epochs == 0 or epoch == config.epochs

    def _evaluate(self, epoch: int) -> bool:
        """Evaluate on the validation split after `epoch` epochs; False if asked to stop."""
        images = PlanDataset(self._dataset.root / "val", self._dataset.val, self._job.training, augmented=False)
        detections = predict_split(
            self._training.shipped_model, images, self._processes, stop=self._stop, progress=self._watch.progress
        )
        if detections is None:
            return False
        metrics: dict[str, Any] = {}
        if self._log:
            metrics = evaluate(self._dataset.val, detections, max_detections=self._job.model.num_select)
            self._log.validation(step=self._step, epoch=epoch, metrics=metrics)
        self._evaluations.append({"epoch": epoch, "step": self._step, **metrics})
        return True

    def _finish(self) -> None:
        if not self._processes.is_first:
            return
        *earlier, last = self._evaluations
        without_details = [
            {key: value for key, value in e.items() if key not in {"f1_curve", "classes"}} for e in earlier
        ]
        write_artifact(
            self._paths.model,
            model=self._training.shipped_model,
            job=self._job,
            categories=self._dataset.categories,
            dataset_version=self._dataset.version,
            history=self._history,
            metrics=last | {"earlier": without_details},
        )
        self._say(f"Trained {self._step} steps in {self._seconds:.0f} s; the model is in {self._paths.model}.")

    @property
    def _seconds(self) -> float:
        return self._seconds_before + time.monotonic() - self._start

    def _judge_once(self) -> None:
        """Write health.json as soon as it can be told, so that nobody has to wait for the end to see it."""
        long_enough = self._seconds >= self._job.training.health_minutes * 60
        if not self._judged and self._processes.is_first and self._step >= JUDGED_STEPS and long_enough:
            self._judged = True
            self._write_health(None)

    def _write_health(self, failure: str | None) -> None:
        minutes = self._job.training.health_minutes
        health = judge_health(
            self._history.column("loss"), seconds=self._seconds, needed_minutes=minutes, failure=failure
        )
        for folder in (self._paths.model, self._paths.output_data, self._paths.checkpoints):
            write_json(folder / "health.json", health)  # in S3 while the job runs: the one beside the checkpoints
        self._say(f"Health: {health['status']}. " + " ".join(c["message"] for c in health["checks"].values()))

    def _stalled(self) -> None:
        minutes = self._job.training.stall_minutes
        error = StallError(
            f"no step was finished for {minutes:g} minutes (the last one was {self._step}); the log shows where each"
            " thread hangs. If steps really take that long, raise stall_minutes."
        )
        write_failure(self._paths.failure, str(error))
        self._say(str(error))
        if self._processes.is_first:  # the process ends at once, without close()
            self._write_health(error.word)

    def _not_finite(self, batches: tuple[Batch, ...], error: NotFiniteError) -> NonFiniteLossError:
        """The failure with the culprits' names; saves this process's batches if they are among them."""
        positions = [position for batch in batches for position in batch.positions]
        own = [] if error.own_loss_is_finite else [self._images.file_name(position) for position in positions]
        names = [name for part in self._processes.gather(own) for name in part]
        if not names:  # the gradient alone is not finite: every process's batch may be the cause
            own = [self._images.file_name(position) for position in positions]
            names = [name for part in self._processes.gather(own) for name in part]
        if own:
            path = self._paths.output_data / f"non_finite_batch_{self._processes.rank}.pt"
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.save([batch._asdict() for batch in batches], path)
        return NonFiniteLossError(
            f"the loss or its gradient at step {self._step + 1} is not finite, and the weights were left as they were;"
            f" the batch is saved in output.tar.gz, its images are {', '.join(sorted(set(names)))}."
            " Look at their boxes, or lower learning_rate."
        )

    # Checkpoints

    def _fingerprint(self) -> dict[str, Any]:
        """What must be the same for a run to go on from a checkpoint."""
        training = {k: v for k, v in dataclasses.asdict(self._job.training).items() if k not in FREE_TO_CHANGE}
        facts = {"dataset_version": self._dataset.version, "processes": self._processes.world_size}
        values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self._job.model) | training | facts))
        return values

    def _save(self) -> None:
        if not self._processes.is_first:
            return
        state = self._training.state() | {
            "step": self._step,
            "seconds": self._seconds,
            "history": self._history.rows(),
            "evaluations": json.dumps(self._evaluations),
            "fingerprint": json.dumps(self._fingerprint()),
        }
        save_checkpoint(self._paths.checkpoints, self._step, state)

    def _restore(self) -> None:
        """Go on from the newest sound checkpoint.

        Raises:
            JobConfigError: it belongs to another configuration or data set, or another host has another one.
        """
        state = load_newest_checkpoint(self._paths.checkpoints, self._say)
        found = self._processes.gather(state and state["step"])
        if len(set(found)) > 1:
            raise JobConfigError(
                f"The hosts of this job found checkpoints of different steps ({found}): give the job a new checkpoint"
                " location, or remove the newer checkpoints there."
            )
        if state is None:
            return
        saved, wanted = json.loads(state["fingerprint"]), self._fingerprint()
        for name in wanted:
            if saved.get(name) != wanted[name]:
                raise JobConfigError(
                    f"The checkpoints in {self._paths.checkpoints} were made with {name} = {saved.get(name)}, but this"
                    f" job has {wanted[name]}: give the job another checkpoint location, or the same {name}."
                )
        self._training.restore(state)
        self._step, self._seconds_before = state["step"], state["seconds"]
        self._history = History(state["history"])
        self._evaluations = json.loads(state["evaluations"])
        self._say(f"Going on from the checkpoint after step {self._step} of {self._steps}.")
