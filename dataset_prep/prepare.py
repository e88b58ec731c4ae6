"""The preparation from end to end: read a source, select, split, write, check, report, upload.

run.py is its command line; the steps themselves are in the modules named after them. Those that few runs need are
loaded when they are: matplotlib, scipy and boto3 take as long as to prepare a thousand pictures, and 70 MB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console

from dataset_contract.annotation_checks import check_annotations
from dataset_contract.check import check_content, check_images
from dataset_contract.findings import Finding, FindingLog, Report, printable
from dataset_contract.layout import MANIFEST, annotations_path, image_path
from dataset_contract.manifest import Manifest
from dataset_contract.split_checks import check_splits
from dataset_contract.stores import DirectoryStore
from dataset_prep.broken_pictures import IMAGE_BROKEN
from dataset_prep.errors import PrepError, UsageError
from dataset_prep.leakage import Compared, check_pairs, compare_pictures
from dataset_prep.options import DEFAULT_PREFIX, Options
from dataset_prep.progress import phase
from dataset_prep.selection import Selection, select
from dataset_prep.sources.formats import read_source
from dataset_prep.sources.source import Source
from dataset_prep.write import to_coco, write_dataset

if TYPE_CHECKING:
    from dataset_prep.upload import Uploaded


@dataclass(frozen=True)
class Prepared:
    """What came of it."""

    report: Report
    manifest: Manifest | None
    """None after a dry run, or where a picture was refused."""
    uploaded: Uploaded | None


def prepare(options: Options, console: Console) -> Prepared:
    """Do all that `options` ask for, with progress on `console`; an invalid data set is not uploaded.

    Raises UsageError for what cannot be done, PrepError if the source or the upload is refused as a whole.
    """
    _check_paths(options)
    client = None
    if options.bucket is not None and not options.dry_run:
        from dataset_prep.upload import check_bucket, s3_client, upload_dataset  # noqa: PLC0415  see above

        client = s3_client(options.workers)
        check_bucket(client, options.bucket)
    try:
        source = read_source(options, console)
        selection, findings = select(source, options)
    except PrepError as error:
        if options.report is not None:
            from dataset_prep.report import write_refusal  # noqa: PLC0415  see above

            write_refusal(options.report, str(error))
        raise
    compared = _compare(options, selection, console)
    findings = [*source.findings, *findings, *_check_prefix(options), *compared.findings]
    if options.dry_run:
        findings += [*check_pairs(compared.pairs, compared.selection.splits, {}), *_check_boxes(compared.selection)]
        prepared = Prepared(Report.of(findings, compared.selection.counts()), None, None)
    else:
        prepared = _write(options, source, compared, findings, console)
    if options.report is not None:
        from dataset_prep.report import write_report  # noqa: PLC0415  see above

        write_report(options.report, prepared.report, compared.selection, compared.pairs)
    if client is None or options.bucket is None or prepared.manifest is None or prepared.report.verdict == "invalid":
        return prepared
    with phase(console, "Upload", len(prepared.manifest.files), "files") as advance:
        uploaded = upload_dataset(
            client,
            options.output,
            prepared.manifest,
            bucket=options.bucket,
            prefix=options.prefix,
            replace=options.replace,
            workers=options.workers,
            advance=advance,
        )
    return replace(prepared, uploaded=uploaded)


def _check_paths(options: Options) -> None:
    source = options.source
    if not source.exists():
        raise UsageError(f"{source} does not exist: give the folder that holds your plans with --source.")
    if source.is_dir() and not any(source.iterdir()):
        raise UsageError(f"{source} is empty: give the folder that holds your plans with --source.")
    output = options.output.resolve()
    for given in (source, *options.annotations, *options.images):
        if not options.dry_run and output in given.resolve().parents:
            raise UsageError(f"{given} lies in {options.output}, which is to be written: give another --output.")
    # A file stands beside anything, such as build/dataset; what was written there is not taken for its pictures.
    folder = source.resolve() if source.is_dir() else None
    if not options.dry_run and folder is not None and (output == folder or folder in output.parents):
        raise UsageError(f"{options.output} lies in the source: give a folder outside of {folder} with --output.")
    if options.report is None:
        return
    report = options.report.resolve()
    if report.exists() and not report.is_dir():
        raise UsageError(f"{options.report} is a file: give a folder for --report.")
    if report == output or output in report.parents:
        raise UsageError(f"{options.report} lies in the data set: give --report a folder outside of {options.output}.")
    if folder is not None and (report == folder or folder in report.parents):  # its samples.png is no plan
        raise UsageError(f"{options.report} lies in the source: give --report a folder outside of {folder}.")


def _check_prefix(options: Options) -> list[Finding]:
    found = FindingLog()
    if options.bucket is not None and not options.prefix.startswith(DEFAULT_PREFIX):
        found.warning(
            "PREFIX_NOT_TRAINED_ON",
            f"The folder {options.prefix} of {options.bucket} does not start with {DEFAULT_PREFIX}: a stack that was "
            "deployed as it comes refuses to train on it.",
            f"Give --prefix {DEFAULT_PREFIX}-{options.prefix}, or deploy with dataset_prefix set to it.",
        )
    return found.findings()


def _compare(options: Options, selection: Selection, console: Console) -> Compared:
    """Compare the pictures where it is asked for: to decode each of them takes longer than all the rest together."""
    if options.report is None and not options.fix_leakage:
        found = FindingLog()
        found.info(
            "PICTURES_NOT_COMPARED",
            "Copies of a picture were looked for by their files' bytes only.",
            "Give --report or --fix-leakage to compare pixels and looks, which finds re-encoded and scaled copies too.",
        )
        return Compared(selection, findings=found.findings())
    with phase(console, "Compare", len(selection.images), "images") as advance:
        return compare_pictures(selection, fix=options.fix_leakage, workers=options.workers, advance=advance)


def _write(
    options: Options, source: Source, compared: Compared, findings: Sequence[Finding], console: Console
) -> Prepared:
    selection = compared.selection
    decisions = {
        "split": "official" if options.split is None else list(options.split),
        "seed": options.seed,
        "limit": options.limit,
        "drop_empty": options.drop_empty,
        "drop_misfits": options.drop_misfits,
        **asdict(options.repairs),
        **source.options,
        "fix_leakage": options.fix_leakage,
        "moved": [asdict(move) for move in compared.moves],
    }
    with phase(console, "Write", len(selection.images), "images") as advance:
        written = write_dataset(
            options.output,
            selection,
            source={"format": source.format},
            options=decisions,
            workers=options.workers,
            advance=advance,
        )
    told = {finding.image_id for finding in findings if finding.code == IMAGE_BROKEN}
    anew = [finding for finding in written.findings if finding.image_id not in told]
    findings = [*findings, *anew, *_converted(written.changes)]
    file_hashes = {}
    if written.manifest is not None:
        by_path = {entry.path: entry.sha256 for entry in written.manifest.files}
        file_hashes = {number: by_path[image_path(split, number)] for number, split in selection.splits.items()}
    findings += check_pairs(compared.pairs, selection.splits, file_hashes)
    if written.manifest is None:
        return Prepared(Report.of(findings, selection.counts()), None, None)
    with phase(console, "Check", len(selection.images), "images") as advance:
        # As check_dataset does it, but the pictures' bytes were looked at when they were written.
        content = check_content(DirectoryStore(options.output))
        checked = [*content.findings, *_with_sources(check_images(content, written.facts), selection)]
        advance(len(selection.images))
    report = Report.of([*findings, *checked], content.counts)
    if report.verdict == "invalid":  # nothing, not even `aws s3 sync`, shall pass the folder off as a data set
        (options.output / MANIFEST).unlink(missing_ok=True)
    return Prepared(report, written.manifest, None)


def _with_sources(findings: Sequence[Finding], selection: Selection) -> list[Finding]:
    """Findings about written pictures with the picture of the source, which is the one that a person can mend."""
    sources = {image_path(selection.splits[image.image_id], image.image_id): image.path for image in selection.images}
    return [
        replace(
            finding,
            message=f"{finding.message.removesuffix('.')}; it was made from {printable('/'.join(path.parts[-3:]))}.",
        )
        if (path := sources.get(finding.file or "")) is not None
        else finding
        for finding in findings
    ]


def _check_boxes(selection: Selection) -> list[Finding]:
    """What a dry run can tell of the boxes, without a file that was written."""
    datasets = to_coco(selection)
    findings = check_splits(datasets)
    for split, dataset in datasets.items():
        findings += check_annotations(dataset, split=split, file=annotations_path(split))
    return findings


def _converted(changes: Mapping[str, int]) -> list[Finding]:
    found = FindingLog()
    for reason, count in sorted(changes.items()):
        found.info(
            "IMAGE_CONVERTED",
            f"{count:,} of the pictures had {reason}: converted to 8-bit PNGs in RGB or grey.",
            "Nothing, if they look right in the report.",
        )
    return found.findings()
