"""Writes docs/finding-codes.md, all codes of findings and of failed training jobs, from the source that says them.

python docs/finding_codes.py
"""

import ast
import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from training_code.job.failures import TrainingError

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "finding-codes.md"
PACKAGES = {
    "dataset_contract": "About a data set: from the preparation, Validate and the training job alike.",
    "dataset_prep": "About a source and what becomes of it: from `dataset_prep/run.py`.",
}
MEANINGS = {
    "FILE_SIZE_DIFFERS": ["The file was cut off, edited or not uploaded again."],
    "IMAGE_BROKEN": ["The file cannot be read or is not an image that can be decoded."],
    "IMAGE_SIZE_DIFFERS": ["The file and its entry in annotations.json disagree on its size."],
    "SPLIT_SHARE_DIFFERS": ["The split is larger or smaller than --split asked for."],
}
"""For codes whose messages say it by what is filled in alone."""
HEAD = """# Codes of findings

<!-- Written by `python docs/finding_codes.py`; do not edit. -->

What a check has to say about a data set is a finding with a code, in `report.json` and `report.html`. An error refuses
the data set; a warning or an info does not. Words in braces stand for what a finding fills in.
"""
FAILURES = """
## Failure codes of a training job

The first word of a failed job's cause. `BUG` is a fault of the training code itself: the job's log has the traceback.

| code | meaning | what to do |
|---|---|---|
"""

_CODE = re.compile(r"[A-Z]+(_[A-Z0-9]+)*")
_SEVERITIES = ("error", "warning", "info")
_OPTIONAL = re.compile(r"\{(hint|option)\}")
_PROBLEM = re.compile(r"\{(problem|error|how|why)\}")
_WRAPPERS = re.compile(r"'[^']*'(\.join\()?|\b(short|len|sanitise|pluralise|counted|map|str|sorted|median|_\w+)\(")
_Call = tuple[str, list[str], str]  # severity, messages and remedy of one call that adds a finding


class _Package:
    """The codes of one package: those of `found.error("CODE", message, fix)`, and those that stand beside a problem.

    The latter, such as PngError("CODE", problem), are said by a call in the same function whose code is a variable, or
    else by the one call of that kind that is left in the package.
    """

    def __init__(self, folder: Path) -> None:
        self.codes: defaultdict[str, list[_Call]] = defaultdict(list)
        self._open: defaultdict[ast.AST, list[_Call]] = defaultdict(list)
        self._pairs: defaultdict[ast.AST, list[tuple[str, list[str]]]] = defaultdict(list)
        trees = [ast.parse(path.read_text()) for path in sorted(folder.rglob("*.py"))]
        everywhere = {name: value for tree in trees for name, value in _assigned(tree.body)}
        for tree in trees:
            self._constants = everywhere | dict(_assigned(tree.body))
            functions = [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]
            innermost = {node: function for function in functions for node in ast.walk(function)}
            for node in sorted(innermost, key=lambda node: getattr(node, "lineno", 0)):
                self._function = innermost[node]
                self._read(node)
        left = [saying for function, sayings in self._open.items() for saying in sayings if function not in self._pairs]
        for function, pairs in self._pairs.items():
            for code, problems in pairs:
                if function in self._open or "_" in code:  # not the name of an image format, say
                    severity, messages, remedy = self._open.get(function, left)[0]
                    said = [_PROBLEM.sub(problem, text) for text in messages for problem in problems]
                    self.codes[code].append((severity, said, remedy))

    def _read(self, node: ast.AST) -> None:
        match node:
            case ast.Call(func=method, args=[code, message, remedy, *_]) if severities := _severities(method):
                codes, messages, remedies = map(self._texts, (code, message, remedy))
                known = [self.codes[code] for code in codes if _CODE.fullmatch(code)]
                alike = zip(severities, remedies, strict=True) if len(severities) == len(remedies) else None
                rows = list(alike or [("<br>".join(severities), "<br>".join(remedies))])
                for calls in known or [self._open[self._function]]:
                    calls.extend((severity, messages, remedy) for severity, remedy in rows)
            case ast.Tuple(elts=items):
                self._note_pairs(items)
            case ast.Call(func=ast.Name(id=name), args=items) if name.endswith("Error"):
                self._note_pairs(items)

    def _note_pairs(self, items: Sequence[ast.expr]) -> None:
        for first, second in pairwise(items):
            for code in filter(_CODE.fullmatch, self._texts(first)):
                self._pairs[self._function].append((code, self._texts(second)))

    def _texts(self, node: ast.expr) -> list[str]:
        """The texts that an expression can be, with what is only known later in braces."""
        match node:
            case ast.Constant(value=str() | int() | float() as value):
                return [value if isinstance(value, str) else f"{value:,}"]
            case ast.JoinedStr(values=parts):
                return ["".join(self._texts(part)[-1] for part in parts)]  # of `is` and `are`, the plural
            case ast.FormattedValue(value=part):
                is_word = isinstance(part, ast.Name) and not isinstance(self._value(part), ast.JoinedStr)
                return [f"{{{_word(part)}}}"] if is_word and ast.unparse(part).islower() else self._texts(part)
            case ast.IfExp(body=body, orelse=otherwise):
                return self._texts(body) + self._texts(otherwise)
            case ast.Name() if isinstance(assigned := self._value(node), ast.Constant | ast.JoinedStr | ast.IfExp):
                return self._texts(assigned)
        return [f"{{{_word(node)}}}"]

    def _value(self, name: ast.Name) -> ast.expr | None:
        """What was assigned to a variable last before it is used, or what a constant is."""
        local = [value for known, value in _assigned(ast.walk(self._function)) if known == name.id]
        before = [value for value in local if value.lineno < name.lineno]
        return max(before, key=lambda value: value.lineno) if before else self._constants.get(name.id)


def _severities(method: ast.expr) -> list[str]:
    """Of `found.error`, or of `(found.info if asked else found.warning)`."""
    return [node.attr for node in ast.walk(method) if isinstance(node, ast.Attribute) and node.attr in _SEVERITIES]


def _assigned(nodes: Iterable[ast.AST]) -> Iterator[tuple[str, ast.expr]]:
    for node in nodes:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                yield from ((name.id, value) for name, value in zip(names, values, strict=True) if hasattr(name, "id"))


def _word(node: ast.expr) -> str:
    """A word for a value: its variable, or the function that makes it."""
    found = re.search(r"[A-Za-z_][\w.]*", _WRAPPERS.sub("", ast.unparse(node)))
    *owners, word = found[0].lower().split(".") if found else ["value"]
    owner = owners[-1:] if word in ("id", "name") else []
    return " ".join([*owner, word]).replace("_", " ").strip()


def page() -> str:
    """The page's text."""
    parts = [HEAD]
    for package, meaning in PACKAGES.items():
        parts.append(
            f"\n## `{package}/`\n\n{meaning}\n\n| code | severity | message | what to do |\n|---|---|---|---|\n"
        )
        for code, calls in sorted(_Package(ROOT / package).codes.items()):
            alike: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
            for severity, said, remedy in calls:
                alike[severity, remedy] += said
            for (severity, remedy), said in alike.items():
                cells = f"{severity} | {'<br>'.join(dict.fromkeys([*MEANINGS.get(code, []), *said]))} | {remedy}"
                parts.append(f"| `{code}` | {_OPTIONAL.sub('', cells)} |\n")
    parts.append(FAILURES)
    for error in TrainingError.__subclasses__():
        meaning, remedy = inspect.cleandoc(error.__doc__ or "").split("\n\n")
        parts.append(f"| `{error.code}` | {' '.join(meaning.split())} | {' '.join(remedy.split())} |\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
