"""Measures a model on a split: its metrics, and the detections that they are of."""

from collections.abc import Callable, Mapping
from typing import Any

from evaluation.metrics import ImageDetections, evaluate
from training_code.config import TrainingConfig
from training_code.data.checked_dataset import CheckedDataset
from training_code.data.plan_dataset import PlanDataset
from training_code.dino.model import DINO
from training_code.job.distributed import DistributedContext
from training_code.job.interruptions import StopRequest
from training_code.loop.split_prediction import predict_split


class SplitMetrics:
    """What measures the models of one job."""

    def __init__(
        self,
        dataset: CheckedDataset,
        config: TrainingConfig,
        distributed: DistributedContext,
        *,
        stop: StopRequest,
        after_batch: Callable[[], None],
    ) -> None:
        self._splits = {
            name: (truth, PlanDataset(dataset.root / name, truth, config, augmented=False))
            for name, truth in (("val", dataset.val), ("test", dataset.test))
        }
        self._distributed, self._stop, self._after_batch = distributed, stop, after_batch

    def measure(
        self, model: DINO, name: str, *, precision: str = "fp32", thresholds_of: Mapping[str, Any] | None = None
    ) -> tuple[dict[str, Any], list[ImageDetections]] | None:
        """The metrics and detections of `model` on the split `name`, in every process; None if asked to stop.

        `precision` is that of the setting; what the Predictor computes in is fp32. `thresholds_of` is as in evaluate().

        Raises:
            DataError: an image cannot be read.
            NonFiniteLossError: what the model predicts are no numbers.
        """
        truth, split = self._splits[name]
        detections = predict_split(
            model, split, self._distributed, precision=precision, stop=self._stop, after_batch=self._after_batch
        )
        if detections is None:
            return None
        metrics: dict[str, Any] = {}
        if self._distributed.is_first:
            limit = model.config.num_queries
            metrics = evaluate(truth, detections, max_detections=limit, thresholds_of=thresholds_of)
        return dict(self._distributed.gather(metrics)[0]), detections
