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
from dataset_prep.check import check_selection, check_written
from dataset_prep.compare import Compared, compare_images, skip_comparison
from dataset_prep.destination import Destination, check_prefix
from dataset_prep.errors import PrepError
from dataset_prep.paths import check_paths
from dataset_prep.progress import phase
from dataset_prep.selection import SelectionOptions, select
from dataset_prep.sources.formats import SourceOptions, read_source
from dataset_prep.sources.source import Source
from dataset_prep.write import NOT_WRITTEN, withdraw_dataset, write_dataset
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
    output, workers = options.output, options.workers
    others = [*options.source.annotations, *options.source.images]
    check_paths(options.source.path, others, output=output, report=options.report, dry_run=options.dry_run)
    destination = None if options.dry_run else options.destination
    client: S3Client | None = None
    if destination is not None:  # before the work, so that a wrong name or missing credentials show at once
        from dataset_prep.upload import check_bucket, s3_client  # noqa: PLC0415  see above

        client = s3_client(workers)
        check_bucket(client, destination.bucket)

    try:
        # What an earlier run wrote beside the source's files is not read again.
        exclude = None if options.dry_run else output
        source = read_source(options.source, exclude=exclude, workers=workers, console=console)
        selection = select(source, options.selection)
    except PrepError as error:
        if options.report is not None:
            from dataset_prep.report import write_refusal  # noqa: PLC0415  see above

            write_refusal(options.report, str(error))
        raise

    if options.report is not None or options.fix_leakage:
        with phase(console, "Compare", len(selection.images), "images") as advance:
            compared = compare_images(selection, fix=options.fix_leakage, workers=workers, advance=advance)
    else:
        compared = skip_comparison(selection)

    written = NOT_WRITTEN
    if not options.dry_run:
        decisions = _decisions(options, source, compared)
        with phase(console, "Write", len(selection.images), "images") as advance:
            written = write_dataset(
                output,
                compared.selection,
                source={"format": source.format},
                options=decisions,
                workers=workers,
                advance=advance,
            )

    if written.manifest is None:
        checked = check_selection(compared)
    else:
        with phase(console, "Check", len(selection.images), "images") as advance:
            checked = check_written(output, compared, written.manifest, written.facts)
            advance(len(selection.images))

    earlier = [*source.findings, *selection.findings, *check_prefix(options.destination), *compared.findings]
    # An image that the comparison could not decode is not reported a second time by the writing.
    new = [finding for finding in written.findings if finding not in compared.findings]
    report = Report.of([*earlier, *new, *checked.findings], checked.counts)
    if report.verdict == "invalid" and written.manifest is not None:
        withdraw_dataset(output)
    if options.report is not None:
        from dataset_prep.report import write_report  # noqa: PLC0415  see above

        write_report(options.report, report, compared.selection, compared.pairs)

    uploaded = None
    if client is not None and destination is not None and written.manifest is not None and report.verdict == "valid":
        from dataset_prep.upload import upload_dataset  # noqa: PLC0415  see above

        with phase(console, "Upload", len(written.manifest.files), "files") as advance:
            uploaded = upload_dataset(
                client,
                output,
                written.manifest,
                bucket=destination.bucket,
                prefix=destination.prefix,
                replace=destination.replace,
                workers=workers,
                advance=advance,
            )
    return Prepared(report, written.manifest, uploaded)


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
