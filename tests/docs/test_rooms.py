"""The table of rooms in docs/architecture.md says what each room imports, no more and no less."""

import re
import sys
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]


def table() -> dict[str, set[str]]:
    """Each room by the name that it is imported by, and what it imports as the page has it."""
    _, rows = (ROOT / "docs" / "architecture.md").read_text().split("| room |", 1)
    cells = [row.split("|")[1:-1] for row in rows.split("\n\n", 1)[0].splitlines()[2:]]
    return {
        room.strip(" `/").rpartition("/")[2]: set(re.findall(r"`([^`]+)`", rooms + packages))
        for room, _, rooms, packages in cells
    }


def test_each_room_imports_what_the_table_says() -> None:
    rooms = table()
    graph = grimp.build_graph(
        *rooms, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )
    imported: dict[str, set[str]] = {room: set() for room in rooms}
    for module in graph.modules:
        if (room := module.partition(".")[0]) in rooms:
            names = {name.partition(".")[0] for name in graph.find_modules_directly_imported_by(module)}
            imported[room] |= names - {room} - sys.stdlib_module_names
    assert _rows(imported) == _rows(rooms)


def _rows(imports: dict[str, set[str]]) -> list[str]:
    return [" ".join([f"{room}:", *sorted(names)]) for room, names in imports.items()]


def test_the_import_contract_knows_every_room() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(contract["root_packages"]) == set(table())
