"""The preparation from end to end: read, select, compare, write, check, report, upload.

run.py is its command line; each step is in a module of its own. Those that few runs need are imported when they are:
matplotlib, scipy and boto3 take as long as to prepare a thousand images, and 70 MB.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dataset_contract.findings import Report
from dataset_contract.manifest import Manifest
from dataset_contract.strict_json import garbage_collection_paused
from dataset_prep.check import check_selection, check_written
from dataset_prep.compare import Compared, compare_images, skip_comparison
from dataset_prep.destination import Destination, check_prefix
from dataset_prep.errors import PrepError
from dataset_prep.output import DryRun, Output
from dataset_prep.paths import check_paths
from dataset_prep.progress import phase
from dataset_prep.selection import Selection, SelectionOptions, select
from dataset_prep.sources.formats import SourceOptions, read_source
from dataset_prep.sources.source import Source
from dataset_prep.write import write_dataset
from terminal.console import Terminal

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

    from dataset_prep.upload import Uploaded


@dataclass(frozen=True)
class Options:
    """What a person asks for; each step gets its part."""

    source: SourceOptions
    output: Path
    selection: SelectionOptions = field(default_factory=SelectionOptions)
    fix_leakage: bool = False
    """Move images so that similar ones share a split."""
    report: Path | None = None
    destination: Destination | None = None
    workers: int = 4
    dry_run: bool = False


@dataclass(frozen=True)
class Prepared:
    """Report, manifest and upload of one preparation."""

    report: Report
    manifest: Manifest | None
    """None after a dry run, or where an image was refused."""
    uploaded: Uploaded | None


def prepare(options: Options, console: Terminal) -> Prepared:
    """Do all that `options` ask for, with progress on `console`; an invalid data set is not uploaded.

    Raises UsageError for what cannot be done, PrepError if the source or the upload is refused as a whole.
    """
    given = options.source
    check_paths(given.path, [*given.annotations, *given.images], output=options.output, report=options.report)
    output = DryRun(options.output) if options.dry_run else Output(options.output)
    output.check()
    destination = None if options.dry_run else options.destination
    client: S3Client | None = None
    if destination is not None:  # before the work, so that a wrong name or missing credentials show at once
        from dataset_prep.upload import check_bucket, s3_client  # noqa: PLC0415  see above

        client = s3_client(options.workers)
        check_bucket(client, destination.bucket)

    with garbage_collection_paused():
        source, selection = _select(options, console)
    if options.report is not None or options.fix_leakage:
        with phase(console, "Compare", len(selection.images), "images") as advance:
            compared = compare_images(selection, fix=options.fix_leakage, workers=options.workers, advance=advance)
    else:
        compared = skip_comparison(selection)

    with output.opened():
        with garbage_collection_paused():
            report, manifest = _write(options, output, source, compared, console)
        if options.report is not None:
            from dataset_prep.report import write_report  # noqa: PLC0415  see above

            write_report(options.report, report, compared.selection, compared.pairs)
        uploaded = None
        if client is not None and destination is not None and manifest is not None and report.verdict == "valid":
            from dataset_prep.upload import upload_dataset  # noqa: PLC0415  see above

            with phase(console, "Upload", len(manifest.files), "files") as advance:
                uploaded = upload_dataset(
                    client,
                    options.output,
                    manifest,
                    bucket=destination.bucket,
                    prefix=destination.prefix,
                    replace=destination.replace,
                    workers=options.workers,
                    advance=advance,
                )
    return Prepared(report, None if options.dry_run else manifest, uploaded)


def _select(options: Options, console: Terminal) -> tuple[Source, Selection]:
    """What is read, and what of it the data set gets; that all of it is refused is reported too."""
    try:
        # What an earlier run wrote beside the source's files is not read again.
        source = read_source(options.source, exclude=options.output, workers=options.workers, console=console)
        return source, select(source, options.selection)
    except PrepError as error:
        if options.report is not None:
            from dataset_prep.report import write_refusal  # noqa: PLC0415  see above

            write_refusal(options.report, str(error))
        raise


def _write(
    options: Options, output: Output, source: Source, compared: Compared, console: Terminal
) -> tuple[Report, Manifest | None]:
    """Write and check the data set: what there is to say of it, and its manifest unless an image was refused."""
    count = len(compared.selection.images)
    with phase(console, "Try" if options.dry_run else "Write", count, "images") as advance:
        written = write_dataset(
            output,
            compared.selection,
            source={"format": source.format},
            options=_decisions(options, source, compared),
            workers=options.workers,
            advance=advance,
        )
    if written.manifest is None:
        checked = check_selection(compared)
    else:
        with phase(console, "Check", count, "images") as advance:
            checked = check_written(
                output.store, compared, written.manifest, written.facts, annotations=written.annotations
            )
            advance(count)
    earlier = [*source.findings, *compared.selection.findings, *check_prefix(options.destination), *compared.findings]
    # An image that the comparison could not decode is not reported a second time by the writing.
    new = [finding for finding in written.findings if finding not in compared.findings]
    report = Report.of([*earlier, *new, *checked.findings], checked.counts)
    if report.verdict == "invalid":
        output.withdraw()
    return report, written.manifest


def _decisions(options: Options, source: Source, compared: Compared) -> dict[str, Any]:
    """What the manifest says of how the data set was made."""
    selection = options.selection
    return {
        "limit": options.source.limit,
        **asdict(options.source.repairs),
        **source.options,
        "split": "official" if selection.split is None else list(selection.split),
        "seed": selection.seed,
        "drop_empty": selection.drop_empty,
        "drop_mismatched": selection.drop_mismatched,
        "fix_leakage": options.fix_leakage,
        "moved": [asdict(move) for move in compared.moves],
    }
