"""The table of packages in docs/architecture.md says what each one imports, no more and no less."""

import re
import sys
import tomllib
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parents[2]


def table() -> dict[str, set[str]]:
    """Each package by the name that it is imported by, and what it imports as the page has it."""
    _, rows = (ROOT / "docs" / "architecture.md").read_text().split("| package |", 1)
    cells = [row.split("|")[1:-1] for row in rows.split("\n\n", 1)[0].splitlines()[2:]]
    return {
        package.strip(" `/").rpartition("/")[2]: set(re.findall(r"`([^`]+)`", own + others))
        for package, _, own, others in cells
    }


def test_each_package_imports_what_the_table_says() -> None:
    packages = table()
    graph = grimp.build_graph(
        *packages, include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )
    imported: dict[str, set[str]] = {package: set() for package in packages}
    for module in graph.modules:
        if (package := module.partition(".")[0]) in packages:
            names = {name.partition(".")[0] for name in graph.find_modules_directly_imported_by(module)}
            imported[package] |= names - {package} - sys.stdlib_module_names
    assert _rows(imported) == _rows(packages)


def _rows(imports: dict[str, set[str]]) -> list[str]:
    return [" ".join([f"{package}:", *sorted(names)]) for package, names in imports.items()]


def test_the_import_contract_knows_every_package() -> None:
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(contract["root_packages"]) == set(table())
