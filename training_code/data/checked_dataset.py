"""Opens the data set of a job after checking it, with the rules of dataset_contract."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dataset_contract.check import check_dataset
from dataset_contract.coco import Category, CocoDataset
from dataset_contract.findings import Severity
from dataset_contract.layout import MANIFEST, SPLITS
from dataset_contract.load import DatasetError, load_split
from dataset_contract.manifest import parse_manifest
from dataset_contract.stores import DirectoryStore
from training_code.job.failures import DataError, JobConfigError


@dataclass(frozen=True, slots=True)
class CheckedDataset:
    """A data set without errors."""

    root: Path
    version: str
    """The manifest's hash of the whole content."""
    categories: Sequence[Category]
    train: CocoDataset
    val: CocoDataset
    test: CocoDataset

    @property
    def num_classes(self) -> int:
        """Class logits that a model of this data set needs: labels are category ids, of which 0 stays unused."""
        return max(category.id for category in self.categories) + 1


def open_dataset(root: Path, *, num_queries: int, log_line: Callable[[str], None]) -> CheckedDataset:
    """Check the data set at `root` and read it; `log_line` gets its warnings.

    Raises:
        JobConfigError: the folder is missing.
        DataError: the data set is not valid; the sentence names the file.
    """
    if not root.is_dir():
        raise JobConfigError(f"{root} is missing: give the job an input channel named {root.name!r}.")
    report = check_dataset(DirectoryStore(root), max_objects_per_image=num_queries)
    for finding in report.findings:
        if finding.severity is not Severity.ERROR:
            log_line(f"{finding.severity.value}: {finding.message} {finding.fix}")
    errors = [finding for finding in report.findings if finding.severity is Severity.ERROR]
    if errors:
        more = f" ({len(errors) - 1} more errors.)" if len(errors) > 1 else ""
        raise DataError(f"{errors[0].message} {errors[0].fix}{more}")
    try:
        train, val, test = (load_split(root, split) for split in SPLITS)
    except DatasetError as error:
        raise DataError(str(error)) from None
    manifest, _ = parse_manifest((root / MANIFEST).read_bytes())
    assert manifest is not None, "check_dataset found no error in it"
    return CheckedDataset(root, manifest.version, train.categories, train, val, test)
