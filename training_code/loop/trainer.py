"""The training loop: restore, try the largest batch, train and evaluate epoch by epoch, write the model."""

import copy
from collections.abc import Callable

import torch

from training_code.data.batches import BatchLoader, steps_per_epoch
from training_code.data.checked_dataset import CheckedDataset
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import build_model
from training_code.dino.precision import is_mixed
from training_code.dino.sampling.choice import KernelError, choose
from training_code.job.distributed import DistributedContext, process_losses
from training_code.job.failures import DiskError, JobConfigError, StallError, write_failure
from training_code.job.hyperparameters import JobConfig
from training_code.job.interruptions import StallWatchdog, StopRequest
from training_code.job.sagemaker_paths import SageMakerPaths
from training_code.job.starting_weights import load_starting_weights
from training_code.job.training_log import TrainingLog
from training_code.loop.baselines import write_comparison
from training_code.loop.best_epoch import BestEpoch, mean_f1
from training_code.loop.compiled_model import found_compiler
from training_code.loop.early_stopping import ending_of
from training_code.loop.health_file import HealthFile
from training_code.loop.memory import memory_failures, try_worst_case
from training_code.loop.metric_window import MetricWindow
from training_code.loop.non_finite import non_finite_failure
from training_code.loop.progress_files import ProgressFiles
from training_code.loop.queued_updates import QueuedUpdate, queued_updates
from training_code.loop.resumption import Resumption, fingerprint_of
from training_code.loop.shipping import ship
from training_code.loop.split_metrics import SplitMetrics
from training_code.loop.step_figures import NonFiniteStepError, StepFigures
from training_code.loop.training_progress import TrainingProgress
from training_code.loop.training_step import TrainingStep
from training_code.loop.validation_pictures import ValidationPictures
from training_code.training_settings import as_request


class Trainer:
    """One training job in one process of it."""

    def __init__(
        self,
        job: JobConfig,
        dataset: CheckedDataset,
        paths: SageMakerPaths,
        distributed: DistributedContext,
        *,
        stop: StopRequest,
        log_line: Callable[[str], None],
    ) -> None:
        """`log_line` writes a line to the log; only the first process calls it."""
        config = job.training
        self._job, self._dataset, self._paths, self._distributed, self._stop = job, dataset, paths, distributed, stop
        self._log_line = log_line if distributed.is_first else lambda _: None
        self._train_split = PlanDataset(dataset.root / "train", dataset.train, config, augmented=True)
        self._loader = BatchLoader(self._train_split, pin_memory=distributed.device.type == "cuda")
        self._steps_per_epoch = steps_per_epoch(len(self._train_split), config, distributed.world_size)
        self._ending = ending_of((), config)
        if config.warmup_steps > self._steps:
            self._log_line(
                f"warning: warmup_steps ({config.warmup_steps}) is more than the {self._steps} steps of this job: the"
                " learning rate never gets to its whole value."
            )
        self._choose_kernel()
        torch.manual_seed(config.seed)
        model_config = job.model.with_classes(dataset.num_classes)
        model = build_model(model_config, activation_checkpointing=config.activation_checkpointing)
        classes = {category.name: category.id for category in dataset.categories}
        is_trained = load_starting_weights(model, paths.pretrained, classes, self._log_line)
        self._training = TrainingStep(model, config, distributed)
        self._progress = TrainingProgress()
        self._window = MetricWindow()
        self._best = BestEpoch()
        fingerprint = fingerprint_of(model.config, job, dataset.version, distributed.world_size)
        self._resumption = Resumption(
            paths.checkpoints, fingerprint, self._training, self._progress, self._best, distributed
        )
        self._health = HealthFile(
            paths,
            self._progress,
            distributed,
            config.health_minutes,
            from_scratch=not is_trained,
            log_line=self._log_line,
        )
        self._files = ProgressFiles(paths.checkpoints, self._progress, self._best)
        self._pictures = ValidationPictures(dataset.root / "val", dataset.val)
        self._log: TrainingLog | None = None
        self._watchdog = StallWatchdog(config.stall_minutes * 60, self._stalled)
        self._metrics = SplitMetrics(dataset, config, distributed, stop=stop, after_batch=self._watchdog.progress)

    def run(self) -> bool:
        """Train to the end, from the newest checkpoint if there is one, and write the model.

        Returns False if it was asked to stop, after writing a checkpoint.

        Raises:
            TrainingError: the class names the kind of failure.
        """
        with process_losses(), memory_failures(self._job.training):
            self._restore()
            self._log_line(try_worst_case(self._training, self._train_split, self._progress.step))
            self._watchdog.progress()
            if self._train() and self._finish():
                return True
        self._resumption.save()
        step, steps = self._progress.step, self._steps
        self._log_line(f"Asked to stop: the work up to step {step} of {steps} is saved in a checkpoint.")
        return False

    def close(self, failure: str | None) -> None:
        """Close all, and write health.json and the whole history; `failure` is the code of what ended the job."""
        self._loader.close()  # before the watchdog, which ends a process that hangs here
        self._watchdog.close()
        if self._log:  # else nothing was trained: the health that is there may be another training's
            try:
                self._log.close()
                self._files.write()
            except DiskError:
                if failure is None:
                    raise
            self._health.write(failure)
        if failure is None:  # else the others may hang where this process failed: torchrun ends them
            self._distributed.close()

    def _choose_kernel(self) -> None:
        try:
            self._log_line(choose(self._job.training.deformable_attention, self._distributed.device))
        except KernelError as error:
            raise JobConfigError(str(error)) from None
        if self._job.training.torch_compile:
            self._log_line(found_compiler(self._distributed.device))

    def _restore(self) -> None:
        if self._resumption.restore(self._log_line):
            self._ending = ending_of(self._progress.evaluations, self._job.training)
            self._log_line(f"Going on from the checkpoint after step {self._progress.step} of {self._steps}.")
        if self._distributed.is_first:
            self._log = TrainingLog(self._log_line, self._paths.tensorboard, step=self._progress.step)

    @property
    def _steps(self) -> int:
        """Updates up to the end, as far as it can be told."""
        return self._steps_per_epoch * self._ending.last_epoch

    def _train(self) -> bool:
        """Train and evaluate what is left of the epochs; False if asked to stop."""
        while True:
            epoch, first_step = divmod(self._progress.step, self._steps_per_epoch)
            if first_step == 0 and self._evaluation_is_due(epoch) and not self._evaluate(epoch):
                return False
            if epoch == self._ending.last_epoch:
                return True
            if not self._train_epoch(epoch):
                return False

    def _train_epoch(self, epoch: int) -> bool:
        """Train the rest of `epoch` (from 0) and save; False if asked to stop.

        The figures of an update are read when the next one is queued, so that a GPU need not wait for the host.
        """
        self._window.begin(self._progress.seconds)
        updates = queued_updates(
            self._training,
            self._loader,
            self._progress,
            self._distributed,
            self._stop,
            early_drop_epoch=self._ending.early_drop_epoch,
        )
        stop = False
        update = next(updates, None)
        while update is not None:
            try:
                following = None if stop else next(updates, None)
            finally:  # an update counts, too, after which no image could be read
                stop = self._count(update, epoch).stop or stop
            update = following
        if stop:
            return False
        if (epoch + 1) % self._job.training.checkpoint_epochs == 0 or epoch + 1 == self._ending.last_epoch:
            self._resumption.save()
        return True

    def _count(self, update: QueuedUpdate, epoch: int) -> StepFigures:
        """Read the figures of an update of `epoch` (from 0), count and log them."""
        config, progress = self._job.training, self._progress
        try:
            figures = update.figures.read()
        except NonFiniteStepError as error:
            step, folder = progress.step + 1, self._paths.output_data
            raise non_finite_failure(
                error, update.batches, self._train_split, self._distributed, step=step, folder=folder
            ) from None
        progress.add(figures._asdict(), epoch=epoch + 1, seconds=update.end)
        self._watchdog.progress()
        images = config.images_at_once * config.accumulation_steps * self._distributed.world_size
        self._window.add(figures, images=images, waited=update.waited, end=update.end)
        if progress.step % config.log_steps == 0 or progress.step == self._steps or self._window.is_long:
            line = self._window.line()
            if self._log:
                self._log.training(step=progress.step, steps=self._steps, epoch=epoch + 1, figures=line)
        self._health.write_once_judgeable()
        return figures

    def _evaluation_is_due(self, epoch: int) -> bool:
        if epoch == 0 or any(evaluation["epoch"] == epoch for evaluation in self._progress.evaluations):
            return False
        return epoch % self._job.training.evaluation_epochs == 0 or epoch == self._ending.last_epoch

    def _evaluate(self, epoch: int) -> bool:
        """Evaluate on the validation split after `epoch` epochs; False if asked to stop."""
        model, step = self._training.shipped_model, self._progress.step
        measured = self._metrics.measure(model, "val", precision=self._job.training.precision)
        if measured is None:
            return False
        metrics, detections = measured
        at = {"epoch": epoch, "step": step, "seconds": self._progress.seconds}
        evaluation = {**at, "mean_f1": mean_f1(metrics, self._job.gate_classes), **metrics}
        self._progress.add_evaluation(evaluation)
        self._best.offer(evaluation, model)
        if self._log:
            pictures = self._pictures.draw(detections, metrics, epoch=epoch)
            self._log.validation(step=step, epoch=epoch, metrics=metrics, pictures=pictures)
            self._files.write_pictures(pictures, epoch=epoch)
            self._files.write()
            self._watchdog.progress()
        self._window = MetricWindow()
        before, self._ending = self._ending, ending_of(self._progress.evaluations, self._job.training)
        if self._ending != before:
            self._log_line(self._ending.sentence)
        return True

    def _finish(self) -> bool:
        """Measure the best epoch as it predicts, write it, and compare it with baselines; False if asked to stop.

        Predictions are made in fp32. In bf16 scores differ, by enough to move what the best thresholds are.
        """
        best = self._best.evaluation
        assert best is not None, "the last epoch is always evaluated"
        self._loader.close()
        model = copy.deepcopy(self._training.shipped_model)  # what a checkpoint would hold stays the last epoch's
        self._best.load_into(model)
        if is_mixed(self._distributed.device, self._job.training.precision):
            measured = self._metrics.measure(model, "val")
            if measured is None:
                return False
            best = {**best, "mean_f1": mean_f1(measured[0], self._job.gate_classes), **measured[0]}
        test, found = None, None
        if self._dataset.test.images:
            measured = self._metrics.measure(model, "test", thresholds_of=best)
            if measured is None:
                return False
            test, found = measured
            del test["f1_curve"]
        if not self._distributed.is_first:
            return True
        if self._log and test:
            self._log.test(step=best["step"], epoch=best["epoch"], metrics=test)
        ship(
            model,
            job=self._job,
            dataset=self._dataset,
            paths=self._paths,
            progress=self._progress,
            ending=self._ending,
            best=best,
            test=test,
            log_line=self._log_line,
        )
        if found:
            self._watchdog.close()  # the comparison has a limit of its own
            write_comparison(self._paths, found, best, stop=self._stop, log_line=self._log_line)
        return True

    def _stalled(self) -> None:
        """Called by the watchdog, which then ends the process without close()."""
        minutes = self._job.training.stall_minutes
        error = StallError(
            f"no step was finished for {minutes:g} minutes (the last one was {self._progress.step}); the log shows"
            " where each thread hangs. Redrive the execution; if steps really take that long, start again with"
            f" {as_request(stall_minutes=2 * minutes)}."
        )
        write_failure(self._paths.failure, str(error))
        self._log_line(str(error))
        if self._log:
            self._health.write(error.code)
