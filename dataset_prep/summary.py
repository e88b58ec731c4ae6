"""Tells on the terminal what came of a preparation: counts, findings with what to do, and where everything is."""

from __future__ import annotations

from pathlib import Path

from dataset_contract.findings import Report, Severity
from dataset_prep.destination import Destination
from dataset_prep.plural import pluralise
from dataset_prep.prepare import Prepared
from terminal.console import Terminal

_SHOWN = 3  # findings of one kind


def show_summary(
    console: Terminal,
    prepared: Prepared,
    *,
    output: Path,
    report_folder: Path | None,
    destination: Destination | None,
) -> None:
    """Print the summary; the last line says in one sentence how it ended."""
    _show_counts(console, prepared.report)
    _show_findings(console, prepared.report, has_report=report_folder is not None)
    if report_folder is not None:
        console.print(f"Report: {report_folder / 'report.html'}")
    if prepared.report.verdict == "invalid":
        errors = pluralise(prepared.report.count(Severity.ERROR), "error", "errors")
        console.print(
            f"Refused: {errors}. Nothing was uploaded; correct what is named and give the same command again."
        )
    elif prepared.manifest is None:
        console.print("Dry run: nothing was written.")
    else:
        console.print(f"Data set {prepared.manifest.version[:12]}: {output}")
    uploaded = prepared.uploaded
    if uploaded is not None and destination is not None:
        console.print(
            f"Uploaded to s3://{destination.bucket}/{destination.prefix.strip('/')}/: "
            f"{pluralise(uploaded.sent, 'file', 'files')} sent ({uploaded.sent_bytes / 1e6:,.1f} MB), "
            f"{uploaded.skipped:,} there already, "
            f"{pluralise(uploaded.retried, 'retry', 'retries')}, {uploaded.removed:,} removed."
        )


def _show_counts(console: Terminal, report: Report) -> None:
    for split, counts in report.counts.get("splits", {}).items():
        classes = ", ".join(f"{count:,} {name}" for name, count in counts["annotations_by_class"].items())
        console.print(f"  {split:<6}{counts['images']:>7,} {'image' if counts['images'] == 1 else 'images'}: {classes}")


def _show_findings(console: Terminal, report: Report, *, has_report: bool) -> None:
    colours = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
    for (severity, code), findings in report.by_code().items():
        total = sum(finding.occurrences for finding in findings)
        console.print(
            f"{severity.value}: {code}" + (f" ({total:,} times)" if total > 1 else ""), style=colours[severity]
        )
        for finding in findings[:_SHOWN]:
            console.print(f"  {finding.message}")
        if len(findings) > _SHOWN:
            where = "" if has_report else "; --report DIR shows more of them"
            console.print(f"  ... and {total - _SHOWN:,} more{where}.")
        for fix in dict.fromkeys(finding.fix for finding in findings[:_SHOWN]):
            console.print(f"  -> {fix}")
