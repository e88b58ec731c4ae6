"""Compares the models of runs on their data set: fetches both, and does what `python -m evaluation` does."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import boto3

from dataset_contract.bounded_read import read_regular
from dataset_contract.layout import MANIFEST
from dataset_contract.manifest import parse_manifest
from dataset_contract.sanitise import sanitise
from dataset_contract.strict_json import MAX_BYTES
from evaluation.command import check_target, run_comparison
from evaluation.detections import VALIDATION
from evaluation.options import read_options
from evaluation.refusal import EvaluationError
from runs.dataset_download import find_dataset
from runs.deployed_stack import DeployedStack
from runs.errors import RunsError
from runs.model_archive import fetch_model_archive
from runs.model_choice import ComparedModel, choose_models, read_config, tells_thresholds
from terminal.console import Terminal


def compare_runs(session: boto3.Session, stack: DeployedStack, given: argparse.Namespace, progress: Terminal) -> None:
    """Compare as the command line `given` says: its names, its data set if one is named, and evaluation's options.

    Raises RunsError, and EvaluationUsageError for options that cannot be.
    """
    models = choose_models(
        session.client("stepfunctions"), session.client("sagemaker"), stack.state_machine_arn, given.names
    )
    progress.print(f"Comparing {' with '.join(sanitise(model.name) for model in models)}.")
    remote = None if given.data else find_dataset(session.client("s3"), stack.bucket, _prefix(models))
    if remote is None:
        remarks = _other_versions(models, _local_version(given.data), "this one")
    else:
        remarks = _other_versions(models, remote.manifest.version, f"{remote.store.location} holds now")
        if remarks:
            raise RunsError(f"{remarks[0]} Name the data set to compare on with --data.")
    with tempfile.TemporaryDirectory(prefix="runs-compare-") as scratch:
        data = given.data or Path(scratch) / "dataset"
        folders = [model.fetched or Path(scratch) / f"model-{index:04}" for index, model in enumerate(models)]
        sources = {model.name: [str(folder)] for model, folder in zip(models, folders, strict=True)}
        options = read_options(given, data=data, models=sources)
        _check_target(options.to)
        shown = {str(folder): model.place for model, folder in zip(models, folders, strict=True)}
        for model, folder in zip(models, folders, strict=True):
            if model.fetched is None:
                fetch_model_archive(session, model.artifact_uri, folder)
        configs = [read_config(folder, place) for folder, place in zip(folders, shown.values(), strict=True)]
        if remote is not None:
            splits = {options.split} | (set() if all(map(tells_thresholds, configs)) else {VALIDATION})
            remote.download(data, with_images=splits, console=progress)
            shown[str(data)] = remote.store.location.rstrip("/")
        try:
            run_comparison(options, progress, remarks)
        except EvaluationError as error:
            raise RunsError(_with_places(str(error), shown)) from None


def _check_target(folder: Path) -> None:
    try:
        check_target(folder)
    except EvaluationError as error:
        raise RunsError(str(error)) from None


def _prefix(models: Sequence[ComparedModel]) -> str:
    """Of the first run's data set; that the others were trained on the same their versions tell."""
    prefix = next((model.dataset_prefix for model in models if model.dataset_prefix), "")
    if not prefix:
        raise RunsError("Fetched models do not tell where their data set is: name its folder with --data.")
    return prefix


def _local_version(folder: Path) -> str:
    """The version of the data set in a folder; empty if its manifest does not tell."""
    try:
        manifest, _ = parse_manifest(read_regular(folder / MANIFEST, MAX_BYTES))
    except OSError:
        return ""
    return manifest.version if manifest else ""


def _other_versions(models: Sequence[ComparedModel], version: str, where: str) -> list[str]:
    """A sentence for each model that was trained on another version of the data set; without `version`, the first's."""
    expected = version or models[0].dataset_version
    return [
        f"{sanitise(model.name)} was trained on another version of the data set than {where} "
        f"({sanitise(model.dataset_version, longest=12)}, not {sanitise(expected, longest=12)}): it may know "
        "plans that it is judged on here, and then its figures are too high."
        for model in models
        if expected and model.dataset_version and model.dataset_version != expected
    ]


def _with_places(message: str, shown: Mapping[str, str]) -> str:
    """The message with the places that a person knows in those of temporary folders."""
    for folder, place in shown.items():
        message = message.replace(folder, place)
    return message
