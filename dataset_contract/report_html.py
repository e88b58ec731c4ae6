"""A report as an HTML page: verdict, counts, findings, and whatever sections the preparation adds."""

from __future__ import annotations

import html

from dataset_contract.findings import Finding, Report, Severity
from dataset_contract.sanitise import sanitise

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5d6878; --line: #dfe4ea; --page: #f5f7f9; --card: #fff;
  --error: #b3261e; --warning: #8a5a00; --info: #2f62a3; --good: #1f7a4d; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #a3aebc; --line: #38414e; --page: #14181e;
  --card: #1d232b; --error: #ff8a80; --warning: #f0b85a; --info: #8ab8f5; --good: #6fd39f; } }
* { box-sizing: border-box; }
body { margin: 0; font: 16px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); }
main { max-width: 1120px; margin: 0 auto; padding: 2.2rem 1.25rem 4rem; }
h1 { font-size: 1.8rem; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 0 0 .6rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.3rem 1.5rem;
  margin-top: 1.25rem; }
.verdict { border-left: 6px solid var(--good); } .verdict.invalid { border-left-color: var(--error); }
.verdict p { margin: 0; } .verdict .word { font-size: 1.35rem; font-weight: 650; color: var(--good); }
.verdict.invalid .word { color: var(--error); }
.lead { color: var(--soft); margin: 0 0 .8rem; max-width: 52rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem .7rem; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; font-size: .88rem; }
tbody th, tfoot th { color: var(--ink); } th:first-child { text-align: left; }
tfoot th, tfoot td { font-weight: 650; border-bottom: 0; }
details { border-top: 1px solid var(--line); padding: .55rem 0; } summary { cursor: pointer; }
summary .first { color: var(--soft); display: block; margin-left: 1.1rem; overflow-wrap: anywhere; }
details[open] .first { display: none; }
.error { color: var(--error); } .warning { color: var(--warning); } .info { color: var(--info); }
.fix { color: var(--soft); margin: .3rem 0 .3rem 1.1rem; }
.messages { margin: .3rem 0 .3rem 1.1rem; padding-left: 1rem; overflow-wrap: anywhere; }
code { font-size: .86em; overflow-wrap: anywhere; }
"""
"""The look of the project's pages, light or dark as the reader's system is."""


def report_page(report: Report, *, style: str = "", sections: str = "") -> str:
    """The report as one page that needs no other file; every text of the report is escaped.

    `sections` is HTML that follows, `style` the CSS that it needs besides.
    """
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><title>Data set report</title>'
        f"<style>{STYLE}{style}</style></head><body><main><h1>Data set report</h1>{_verdict(report)}"
        f"<section><h2>Counts</h2>{_counts(report)}</section>"
        f"<section><h2>Findings</h2>{_findings(report)}</section>{sections}</main></body></html>\n"
    )


def _verdict(report: Report) -> str:
    meaning = {
        "valid": "Valid: training may start",
        "invalid": "Refused: training would fail, or learn something wrong",
    }[report.verdict]
    counts = {severity.value: report.count(severity) for severity in Severity}
    found = ", ".join(f"{count:,} {word}{'' if count == 1 else 's'}" for word, count in counts.items())
    return (
        f'<section class="verdict {report.verdict}"><p class="word">{_escape(meaning)}</p>'
        f"<p>{_escape(found)}</p></section>"
    )


def _counts(report: Report) -> str:
    """A table with a row for each split, as far as it was counted, and their sum."""
    splits = report.counts.get("splits", {})
    if not splits:
        return "<p>Nothing could be counted.</p>"
    classes = list(dict.fromkeys(name for split in splits.values() for name in split["annotations_by_class"]))
    columns = ["images", "without boxes", "boxes", *classes]
    rows = [
        [
            split["images"],
            split["background_images"],
            split["annotations"],
            *(split["annotations_by_class"].get(name, 0) for name in classes),
        ]
        for split in splits.values()
    ]
    head = "".join(f'<th scope="col">{_escape(name)}</th>' for name in ("split", *columns))
    body = "".join(_row(name, row) for name, row in zip(splits, rows, strict=True))
    total = _row("all", [sum(column) for column in zip(*rows, strict=True)])
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody>'
        f"<tfoot>{total}</tfoot></table></div>"
    )


def _row(name: str, numbers: list[int]) -> str:
    cells = "".join(f"<td>{number:,}</td>" for number in numbers)
    return f'<tr><th scope="row">{_escape(name)}</th>{cells}</tr>'


def _findings(report: Report) -> str:
    """The findings by code, most serious first, each with its first message; those of an error are unfolded."""
    if not report.findings:
        return "<p>Nothing was found.</p>"
    return "".join(_group(*key, findings) for key, findings in report.by_code().items())


def _group(severity: Severity, code: str, findings: list[Finding]) -> str:
    total = sum(finding.occurrences for finding in findings)
    times = f" ({total:,} times)" if total > 1 else ""
    messages = "".join(f"<li>{_escape(finding.message)}</li>" for finding in findings)
    fixes = "".join(f'<p class="fix">{_escape(fix)}</p>' for fix in dict.fromkeys(finding.fix for finding in findings))
    return (
        f"<details{' open' if severity is Severity.ERROR else ''}><summary>"
        f'<b class="{severity.value}">{severity.value}</b> <code>{_escape(code)}</code>{times}'
        f'<span class="first">{_escape(findings[0].message)}</span></summary>'
        f'<ul class="messages">{messages}</ul>{fixes}</details>'
    )


def _escape(text: str) -> str:
    return html.escape(sanitise(text))
