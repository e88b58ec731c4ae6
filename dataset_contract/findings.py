"""Findings: what a check has to say about a data set, and the report that gathers them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal, TypedDict, Unpack

from dataset_contract.sanitise import sanitise


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Training would fail, or learn something wrong: the data set is refused."""
    WARNING = "warning"
    """Suspicious, or a loss of quality: training goes on."""
    INFO = "info"
    """Worth knowing; nothing to correct."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found: what (code, message), where (split, file, ids), and what to do about it (fix)."""

    code: str
    """Stable name for programs and searches, such as BOX_EMPTY; docs/finding-codes.md has all."""
    severity: Severity
    split: str | None = None
    file: str | None = None
    """Path relative to the data set's root, or as the user named it."""
    image_id: int | None = None
    annotation_id: int | None = None
    message: str
    """One sentence: what is wrong, and where."""
    fix: str
    """One sentence: what to do about it."""
    occurrences: int = 1
    """Above 1 for the line "... and 12,345 more" that takes the place of a flood."""

    def __post_init__(self) -> None:
        """Make its texts fit for every place that shows them: names and paths from outside are in them."""
        for name, longest in (("message", 2000), ("fix", 2000), ("file", 600)):
            text = getattr(self, name)
            if text is not None:
                object.__setattr__(self, name, sanitise(text, longest=longest))

    def to_json(self) -> dict[str, Any]:
        """The finding as report.json has it; `occurrences` is in the report's counts."""
        fields = asdict(self)
        del fields["occurrences"]
        return fields


class Place(TypedDict, total=False):
    """Where a finding is, see Finding."""

    split: str | None
    file: str | None
    image_id: int | None
    annotation_id: int | None


class FindingLog:
    """Collects the findings of one check; a flood of one code keeps its first few and a line that counts the rest.

    So 173,023 wrong boxes cost neither the memory nor the reader 173,023 lines.
    """

    KEPT_PER_CODE = 20

    def __init__(self, *, split: str | None = None, file: str | None = None) -> None:
        """`split` and `file` are written on every finding that does not name its own."""
        self._split = split
        self._file = file
        self._kept: list[Finding] = []
        self._counts: Counter[tuple[str, Severity]] = Counter()

    def error(self, code: str, message: str, fix: str, **where: Unpack[Place]) -> None:
        """Add an error; `where` as in Place."""
        self._add(Severity.ERROR, code, message, fix, where)

    def warning(self, code: str, message: str, fix: str, **where: Unpack[Place]) -> None:
        """Add a warning; `where` as in Place."""
        self._add(Severity.WARNING, code, message, fix, where)

    def info(self, code: str, message: str, fix: str, **where: Unpack[Place]) -> None:
        """Add a note; `where` as in Place."""
        self._add(Severity.INFO, code, message, fix, where)

    def take(self, findings: Iterable[Finding]) -> None:
        """Add the findings of another log, such as that of a part which was checked in another thread."""
        for finding in findings:
            self._counts[finding.code, finding.severity] += finding.occurrences
            if self._counts[finding.code, finding.severity] <= self.KEPT_PER_CODE:
                self._kept.append(finding)

    def _add(self, severity: Severity, code: str, message: str, fix: str, where: Place) -> None:
        self._counts[code, severity] += 1
        if self._counts[code, severity] <= self.KEPT_PER_CODE:
            where.setdefault("split", self._split)
            where.setdefault("file", self._file)
            self._kept.append(Finding(code=code, severity=severity, message=message, fix=fix, **where))

    def findings(self) -> list[Finding]:
        """The findings kept, in the order they were added, then one line for each code that overflowed."""
        return self._kept + [
            self._overflow(*key, total) for key, total in self._counts.items() if total > self.KEPT_PER_CODE
        ]

    def _overflow(self, code: str, severity: Severity, total: int) -> Finding:
        more = total - self.KEPT_PER_CODE
        place = f" in {self._file}" if self._file else ""
        return Finding(
            code=code,
            severity=severity,
            message=f"... and {more:,} more {code} like the {self.KEPT_PER_CODE} listed{place}.",
            fix=next(finding.fix for finding in self._kept if (finding.code, finding.severity) == (code, severity)),
            split=self._split,
            file=self._file,
            occurrences=more,
        )


_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


def worst(findings: Iterable[Finding]) -> Finding | None:
    """The first of the most severe findings: what a refusal as a whole has to name. None if there are none."""
    return min(findings, key=lambda finding: _ORDER[finding.severity], default=None)


@dataclass(frozen=True)
class Report:
    """All findings about one data set, and the counts of what it holds."""

    findings: Sequence[Finding]
    """Errors first, then warnings, then infos."""
    counts: Mapping[str, Any]
    """What was counted: {"images", "annotations", "files", "bytes", "splits": {split: {"images", "annotations",
    "background_images", "annotations_by_class"}}}; keys that could not be counted are absent."""

    @classmethod
    def of(cls, findings: Iterable[Finding], counts: Mapping[str, Any]) -> Report:
        """A report with its findings sorted by severity (within one severity in the order given)."""
        return cls(sorted(findings, key=lambda finding: _ORDER[finding.severity]), dict(counts))

    @property
    def verdict(self) -> Literal["valid", "invalid"]:
        """ "invalid" if there is any error, else "valid"."""
        return "invalid" if self.count(Severity.ERROR) else "valid"

    def count(self, severity: Severity) -> int:
        """How many findings of this severity there are, those that are only counted included."""
        return sum(finding.occurrences for finding in self.findings if finding.severity is severity)

    def by_code(self) -> dict[tuple[Severity, str], list[Finding]]:
        """The findings of each severity and code, most serious first."""
        groups: dict[tuple[Severity, str], list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault((finding.severity, finding.code), []).append(finding)
        return groups

    def count_by_code(self) -> dict[str, int]:
        """code -> how often it occurred, most serious codes first."""
        totals: Counter[str] = Counter()
        for finding in self.findings:
            totals[finding.code] += finding.occurrences
        return dict(totals)

    def to_json(self) -> dict[str, Any]:
        """The content of report.json as a JSON-ready dict: verdict, counts, findings."""
        counts = dict(self.counts)
        counts["findings"] = {severity.value: self.count(severity) for severity in Severity}
        counts["findings_by_code"] = self.count_by_code()
        return {
            "verdict": self.verdict,
            "counts": counts,
            "findings": [finding.to_json() for finding in self.findings],
        }
