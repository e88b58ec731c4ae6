"""What `--names` says of a model's classes: names, or a data.yaml that has them."""

from __future__ import annotations

from pathlib import Path

from dataset_contract.findings import FindingLog, Severity
from dataset_contract.sanitise import short
from dataset_prep.errors import PrepError
from dataset_prep.sources.source_files import SourceFolders
from dataset_prep.sources.yolo_names import names_in_yaml
from dataset_prep.sources.yolo_yaml import read_yaml
from evaluation.refusal import EvaluationError, EvaluationUsageError
from evaluation.results.given_names import ClassNames, names_of


def parse_names(text: str) -> ClassNames:
    """`room,wall` in the order of data.yaml, `1:room,2:wall` by the file's numbers, or a data.yaml.

    Raises EvaluationUsageError, or EvaluationError if the data.yaml cannot be used.
    """
    path = Path(text)
    if path.suffix.lower() in (".yaml", ".yml"):
        found = FindingLog(split=None, file=path.name)
        try:
            names = names_in_yaml(read_yaml(path, SourceFolders([path.parent])), path, found)
        except PrepError as error:
            raise EvaluationError(str(error)) from None
        errors = [finding for finding in found.findings() if finding.severity is Severity.ERROR]
        if errors or not names:
            raise EvaluationError(errors[0].message if errors else f"{path} has no `names` of classes: add them.")
        return ClassNames(names, from_zero=True)
    given = names_of(text.split(","))
    if given is None:
        raise EvaluationUsageError(
            f"--names needs names, each once, as in room,wall or 1:room,2:wall, not {short(text)}."
        )
    return given
