"""Finds and reads the YAML file of a YOLO data set, within bounds: it comes from anywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from dataset_contract.sanitise import sanitise
from dataset_prep.errors import PrepError
from dataset_prep.sources.source_files import SourceFolders, files_in, folders_in, several_data_sets

_SUFFIXES = (".yaml", ".yml")
_NAMES = frozenset({"names"})
_KEYS = _NAMES | {"nc", "train", "val"}
_MAX_BYTES = 1 << 20
_MAX_NODES = (
    30_000  # texts, lists and maps, those that an alias repeats included: 10,000 names by index and 10,000 paths
)
_MAX_DEPTH = 20


def find_yaml(source: Path) -> Path | None:
    """The data set's YAML file: `source` itself, or the one in that folder which names classes or splits, or else the
    one in a folder below it which names classes. Raises UsageError if several folders have one."""
    if source.is_file():
        return source if source.suffix.lower() in _SUFFIXES else None
    folders = SourceFolders([source])
    if (own := _yaml_in(source, folders, _KEYS)) is not None:
        return own
    below = [path for folder in folders_in(source) if (path := _yaml_in(folder, folders, _NAMES)) is not None]
    if len(below) > 1:
        raise several_data_sets(source, below)
    return below[0] if below else None


def _yaml_in(folder: Path, folders: SourceFolders, keys: frozenset[str]) -> Path | None:
    files = files_in(folder, *_SUFFIXES)
    known = [path for path in files if path.name in ("data.yaml", "data.yml", "dataset.yaml")]
    return known[0] if known else next((path for path in files if keys & read_yaml(path, folders).keys()), None)


def read_yaml(path: Path, folders: SourceFolders) -> dict[str, Any]:
    """The map in a YAML file of texts, lists and maps, empty if it holds something else. Raises PrepError."""
    text = folders.read_text(path, _MAX_BYTES)
    try:
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  makes no objects
    except yaml.MarkedYAMLError as error:  # whose text quotes the file
        mark = error.problem_mark
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise _refusal(path, f"{error.problem or error.context}{place}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _refusal(path, str(error)) from error
    return content if isinstance(content, dict) else {}


def _refusal(path: Path, reason: str) -> PrepError:
    shown = sanitise(" ".join(reason.split()), longest=200)
    return PrepError(
        f"{sanitise(path)} is not a YAML file that can be read ({shown}): correct it, or move it away if it is not the "
        "data set's."
    )


class _Loader(yaml.BaseLoader):
    """Makes only strings, lists and dicts, so that classes called "no" and "on" stay what they are.

    Refused are a key that occurs twice, where other loaders let the last one win, and what would take long to look
    at: many nodes, counted again at each alias, and deep nesting.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._nodes = self._depth = 0
        self._sizes: dict[str, int] = {}

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:  # noqa: ANN401  as PyYAML has it
        """See the class."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        anchor: str | None = getattr(event, "anchor", None)
        before = self._nodes
        is_alias = isinstance(event, yaml.AliasEvent)
        self._nodes += self._sizes.get(anchor or "", 1) if is_alias else 1
        if self._nodes > _MAX_NODES:
            raise yaml.YAMLError(f"it holds more than {_MAX_NODES:,} texts, lists and maps")
        if is_alias and anchor in self.anchors and anchor not in self._sizes:
            raise yaml.YAMLError(f"it has a list or map, {anchor}, that holds itself")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise yaml.YAMLError(f"it is nested more than {_MAX_DEPTH} deep")
        node = super().compose_node(parent, index)
        self._depth -= 1
        if anchor is not None and not is_alias:
            self._sizes[anchor] = self._nodes - before
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See the class."""
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                problem = f"the key {key.value[:80]!r} occurs twice"
                raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)
