"""The approved model of the registry, loaded when a plan first needs it, and exchanged when another one is approved."""

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError, ParamValidationError
from pipeline.aws_errors import error_code, error_message, raising_unavailable
from pipeline.client_types import S3Client, SageMakerClient
from pipeline.errors import AwsUnavailable
from pipeline.model.approved_models import ApprovedModel, newest_approved
from pipeline.s3_layout import bucket_and_key

from dataset_contract.sanitise import sanitise, short
from prediction.model_folder import ModelError
from prediction.predictor import Predictor
from serving.errors import NoApprovedModel
from serving.model_archive import ModelArchiveError, unpack_served_files
from serving.settings import ServingSettings

_log = logging.getLogger("serving")
_ADVICE = "approve another one (`python -m runs approve`), or go back (`python -m runs approve --previous`)"


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that was approved when it was last asked for."""

    approved: ApprovedModel
    predictor: Predictor


class ModelInUse:
    """Asks the registry again when what it said is older than the settings allow. Holds one model at a time."""

    def __init__(
        self,
        sagemaker: SageMakerClient,
        s3: S3Client,
        settings: ServingSettings,
        *,
        load: Callable[[S3Client, ApprovedModel], Predictor] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`clock` goes on while Lambda keeps the function frozen between two plans: the monotonic one may not."""
        self._sagemaker, self._s3, self._settings = sagemaker, s3, settings
        self._load, self._clock = load or load_model, clock
        self._served: ServedModel | None = None
        self._asked = 0.0

    def current(self) -> ServedModel:
        """The newest approved model.

        While the registry cannot be reached, that which was approved last. Raises NoApprovedModel, or AwsUnavailable if
        there is none yet.
        """
        now = self._clock()
        if self._served is not None and 0 <= now - self._asked < self._settings.model_check_seconds:
            return self._served
        try:
            approved = newest_approved(self._sagemaker, self._settings.model_package_group)
        except AwsUnavailable:
            if self._served is None:
                raise
            _log.warning("the registry cannot be reached: the model %s goes on", self._served.approved.arn)
            return self._served
        self._asked = now
        if approved is None:
            self._served = None
            raise NoApprovedModel(
                f"No model of {self._settings.model_package_group} is approved: `python -m runs approve` approves one."
            )
        if self._served is None or self._served.approved.arn != approved.arn:
            self._served = None  # two would not fit into the memory
            self._served = ServedModel(approved, self._load(self._s3, approved))
            _log.info("loaded a model", extra={"model": approved.arn, "seconds": round(self._clock() - now, 1)})
        return self._served


def load_model(s3: S3Client, approved: ApprovedModel) -> Predictor:
    """The model of an approved package, from its archive in S3. Raises NoApprovedModel or AwsUnavailable."""
    bucket, key = bucket_and_key(approved.model_uri)
    with tempfile.TemporaryDirectory(prefix="model-") as name:
        folder = Path(name)
        try:
            with raising_unavailable():
                body = s3.get_object(Bucket=bucket, Key=key)["Body"]
                try:
                    unpack_served_files(body, folder)
                finally:
                    body.close()
            return Predictor.load(folder, backend="onnx")
        except ClientError as error:
            is_missing = error_code(error) in ("NoSuchKey", "NoSuchBucket")
            problem = (
                "does not exist" if is_missing else f"cannot be read: {sanitise(error_message(error), longest=300)}"
            )
            reason = f"{approved.model_uri} {problem}".rstrip(".")
        except ParamValidationError:  # a package that somebody registered by hand may name anything
            reason = f"{short(approved.model_uri)} is not in S3"
        except (ModelArchiveError, ModelError) as error:
            reason = str(error).replace(name, approved.model_uri).rstrip(".")
    raise NoApprovedModel(f"The approved model {approved.arn} cannot be used ({reason}): {_ADVICE}.")
