"""Which models are compared: those of the runs that are named, or the newest registered one and the approved one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import ClientError
from pipeline.aws_errors import error_code
from pipeline.client_types import SageMakerClient, SFNClient

from dataset_contract.bounded_json import JsonError, parse_bounded
from dataset_contract.bounded_read import read_regular
from dataset_contract.sanitise import sanitise
from runs.errors import RunsError
from runs.executions import Run, find_run, newest_succeeded, without_model
from runs.fetch import MODEL
from runs.state_input import text

_CONFIG, _MAX_CONFIG_BYTES = "config.json", 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel:
    """A model to compare, by the name of its run or of the folder that it was fetched to."""

    name: str
    artifact_uri: str = ""
    """Empty if `fetched`."""
    fetched: Path | None = None
    """The unpacked model."""
    dataset_version: str
    """Of the data set that it was trained on; empty if that is not known."""
    dataset_prefix: str = ""

    @property
    def place(self) -> str:
        """Where it is, as a sentence names it."""
        return self.artifact_uri or str(self.fetched)


def choose_models(
    stepfunctions: SFNClient, sagemaker: SageMakerClient, state_machine_arn: str, names: Sequence[str]
) -> list[ComparedModel]:
    """Two models or more: those named, runs or folders that `fetch` wrote; of what is not named, as the module says.

    Where no model is approved, the one that was registered before takes its place. Raises RunsError.
    """
    models = [_fetched(Path(name)) or _of(find_run(stepfunctions, state_machine_arn, name)) for name in names]
    twice = [model.name for index, model in enumerate(models) if model.name in {each.name for each in models[:index]}]
    if twice:
        raise RunsError(f"{twice[0]} is named twice: name different runs.")
    if len(models) > 1:
        return models
    known = _registered(stepfunctions, sagemaker, state_machine_arn)
    if not models:
        newest = next(known, None)
        if newest is None:
            raise RunsError("No run of the last ones has registered a model: name two runs that have one.")
        models = [_of(newest[0])]
    other: Run | None = None
    for run, approved in known:
        if run.name != models[0].name and (approved or other is None):
            other = run
        if approved and other is run:
            break
    if other is None:
        raise RunsError(
            f"There is no other registered model to compare {models[0].name} with: name a second run, or fetch this "
            "one and evaluate it alone with `python -m evaluation`."
        )
    return [*models, _of(other)]


def _registered(
    stepfunctions: SFNClient, sagemaker: SageMakerClient, state_machine_arn: str
) -> Iterator[tuple[Run, bool]]:
    """Runs whose model is in the registry and not rejected, newest first, and whether it is approved."""
    for run in newest_succeeded(stepfunctions, state_machine_arn):
        package = text(run.state_input, "outcome", "model_package_arn")
        if not package:
            continue
        try:
            status = sagemaker.describe_model_package(ModelPackageName=package)["ModelApprovalStatus"]
        except ClientError as error:
            if error_code(error) not in ("ValidationException", "ResourceNotFound"):
                raise
            continue  # somebody deleted it
        if status != "Rejected":
            yield run, status == "Approved"


def _of(run: Run) -> ComparedModel:
    uri = text(run.state_input, "outcome", "artifact_uri")
    if not uri:
        raise RunsError(f"{without_model(run)} Name a run that has one: `python -m runs` lists the last ones.")
    return ComparedModel(
        name=run.name,
        artifact_uri=uri,
        dataset_version=text(run.state_input, "dataset", "version"),
        dataset_prefix=text(run.state_input, "request", "dataset_prefix"),
    )


def _fetched(folder: Path) -> ComparedModel | None:
    """The model in a folder that `fetch` wrote; None if it is none."""
    model = folder / MODEL
    if not (model / _CONFIG).is_file():
        return None
    config = read_config(model, str(model))
    return ComparedModel(
        name=folder.resolve().name, fetched=model, dataset_version=text({"config": config}, "config", "dataset_version")
    )


def read_config(model: Path, shown: str) -> dict[str, object]:
    """A model's config.json. Raises RunsError, which calls the model `shown`."""
    try:
        config = parse_bounded(read_regular(model / _CONFIG, _MAX_CONFIG_BYTES))
    except (OSError, JsonError) as error:
        raise RunsError(f"{shown} has no {_CONFIG} that can be read: {sanitise(error)}; fetch the run again.") from None
    if not isinstance(config, dict):
        raise RunsError(f"The {_CONFIG} of {shown} is not an object: fetch the run again.")
    return config


def tells_thresholds(config: dict[str, object]) -> bool:
    """Whether the model has a threshold for each of its classes, so that the validation split need not give them."""
    classes = config.get("classes")
    found = [each.get("threshold") for each in classes if isinstance(each, dict)] if isinstance(classes, list) else []
    return bool(found) and all(isinstance(each, int | float) and each > 0 for each in found)
