"""The pages say what the code says: names, fields, figures, files."""

import dataclasses
import importlib.util
import json
import re
from pathlib import Path

import pytest
from pipeline.billing import cost_usd
from pipeline.ending.unattended_end import STOPPED
from pipeline.errors import EXPECTED_ERRORS
from pipeline.instance_types import INSTANCE_TYPES, PRICES_DATE, PRICES_REGION
from pipeline.quote.gpu_speeds import GPU_SPEEDS
from pipeline.request import FIELDS, PRESETS

from benchmarks import instance_speeds, step_history
from docs import augmentation_picture
from evaluation.error_kinds import KINDS
from evaluation.figures import Figures
from stacks.dataset_bucket import ACCESS_LOGS_DAYS, CHECKPOINTS_DAYS, NONCURRENT_CHECKPOINTS_DAYS, NONCURRENT_DAYS
from training_code.recipes import RECIPES
from training_code.training_settings import SETTINGS

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
OPERATIONS = ROOT / "docs" / "operations.md"
EVALUATION = ROOT / "docs" / "evaluation.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PERFORMANCE = ROOT / "docs" / "performance.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]


def first_cells(page: Path, heading: str) -> list[str]:
    """The names in the first column of the table with this head."""
    _, table = page.read_text().split(f"| {heading} |", 1)
    rows = table.split("\n\n", 1)[0].splitlines()[2:]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row.split("|")[1])]


def test_every_failure_is_explained_and_no_other() -> None:
    aborted_ends = {end.error for end in STOPPED.values()}
    assert set(first_cells(OPERATIONS, "error")) == EXPECTED_ERRORS | aborted_ends


def test_the_fields_of_a_request_are_those_of_the_readme() -> None:
    assert set(first_cells(README, "field")) == set(FIELDS)


def test_the_readme_tells_each_preset_and_its_cost() -> None:
    (row,) = [line for line in README.read_text().splitlines() if line.startswith("| `max_cost_usd`")]
    caps, names = row.split("|")[2].split(" for ")
    assert names.strip().split(", ") == list(PRESETS)
    assert [float(cap) for cap in caps.split(",")] == [preset.max_cost_usd for preset in PRESETS.values()]


NUMBERS = {1: "one", 4: "four", 8: "eight"}


def test_the_readmes_instance_types_are_those_of_the_code_with_their_gpus_and_prices() -> None:
    rows = [line for line in README.read_text().splitlines() if line.startswith("| `ml.")]
    assert rows == [
        f"| `{name}` | {NUMBERS[each.gpus]} {each.gpu.name} | {each.gpu.memory_gb} GB | {each.usd_per_hour} |"
        for name, each in INSTANCE_TYPES.items()
    ]
    assert f"on demand in {PRICES_REGION}, {PRICES_DATE} |" in README.read_text()


def test_the_advice_against_too_little_memory_names_the_type_with_the_most_of_those_with_one_gpu() -> None:
    with_one = {name: each.gpu.memory_gb for name, each in INSTANCE_TYPES.items() if each.gpus == 1}
    least, most = sorted(set(with_one.values()))
    (largest,) = [name for name, memory in with_one.items() if memory == most]
    advice = f'{{"instance_types": ["{largest}"]}}`: its GPU has {most} GB, those of `ml.g5` and `ml.g6` have {least}.'
    assert advice in (ROOT / "docs" / "finding-codes.md").read_text()


def test_the_deployments_options_are_those_of_the_readme_with_their_defaults() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    options = {name: value for name, value in context.items() if not name.startswith("@")}
    assert set(first_cells(README, "option")) == set(options)
    rows = {
        line.split("|")[1].strip(" `"): line.split("|")[2].strip(" `")
        for line in README.read_text().splitlines()
        if line.startswith("| `")
    }
    for name in (
        "watch_interval_seconds",
        "stall_minutes",
        "queue_minutes",
        "log_retention_days",
        "daily_budget_usd",
        "start_on_new_manifest",
        "kms_key_arn",
    ):
        assert json.loads(rows[name]) == options[name]
    assert json.loads(rows["quality_gate"]) == options["quality_gate"]


def test_the_figures_of_the_operations_page_are_those_of_the_code() -> None:
    text = OPERATIONS.read_text()
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    for figure in (
        f"For {context['stall_minutes']} minutes neither",
        f"at {context['stall_minutes']} it is stopped",
        f"has waited for {context['queue_minutes']} minutes",
        f"| checkpoints | {CHECKPOINTS_DAYS} days |",
        f"of the bucket | {NONCURRENT_DAYS} days |",
        f"of `checkpoints/` | {NONCURRENT_CHECKPOINTS_DAYS} day |",
        f"| access logs of the bucket | {ACCESS_LOGS_DAYS} days |",
        f"**{INSTANCE_TYPES['ml.g5.2xlarge'].usd_per_hour} USD** an hour",
        f"5 epochs cost {_cost_on_g5(5)}",
        f"50 epochs cost {_cost_on_g5(50)}",
    ):
        assert figure in text


def _cost_on_g5(epochs: int) -> str:
    """Of 2,900 images, before a run has told."""
    seconds = epochs * 2900 / GPU_SPEEDS["room_wall"]["A10G"].images_per_second
    usd = cost_usd(float(INSTANCE_TYPES["ml.g5.2xlarge"].usd_per_hour), seconds)
    return f"{usd} USD ({seconds / 3600:.1f} hours)"


def test_what_the_first_hour_says_of_costs_is_what_a_quote_says() -> None:
    text = (ROOT / "docs" / "first-hour.md").read_text()
    for preset, epochs in (("test", 5), ("full", 50)):
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{preset}`, {epochs} epochs")]
        assert row.split(" | ")[1].removesuffix(" |") == _cost_on_g5(epochs).replace(" (", ", ").removesuffix(")")


def test_the_picture_of_the_augmentation_shows_each_switch_of_room_wall() -> None:
    shown = {name for name, _, _ in augmentation_picture.SHOWN}
    assert shown == {
        "crop_short_sides",
        *(name for name in SETTINGS if name.endswith(("_flip", "_turns", "_jitter"))),
    }
    text = (ROOT / "docs" / "augmentation.md").read_text()
    for name in shown:
        assert f"`{name}`" in text
        assert getattr(RECIPES["room_wall"].training, name)


def test_what_the_turns_bring_is_what_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "turned_plans.json").read_text())
    without, with_turns = (measured[side]["turned_by"] for side in ("without", "with"))
    text = (ROOT / "docs" / "augmentation.md").read_text()
    for degrees in ("0", "90", "180", "270"):
        assert f"| {degrees} | {without[degrees]['f1']:.2f} | {with_turns[degrees]['f1']:.2f} |" in text
    for degrees in ("90", "270"):
        assert without[degrees]["f1"] < 0.8 * without["0"]["f1"]
        assert with_turns[degrees]["f1"] > 0.9 * with_turns["0"]["f1"]


def test_what_one_orientation_saves_of_padding_is_what_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "padding.json").read_text())
    earlier, now = measured["padding, pixels an image, largest by batch"].values()
    text = (ROOT / "docs" / "augmentation.md").read_text()
    for batch in ("2", "4", "8"):
        assert f"| {batch} | {100 * earlier[batch][0]:.1f} % | {100 * now[batch][0]:.1f} % |" in text


def test_what_an_update_asks_of_a_gpu_is_what_was_counted() -> None:
    two, eight = (
        json.loads((ROOT / "benchmarks" / "results" / "step_counts.json").read_text())["by_batch"][batch]
        for batch in ("2", "8")
    )
    text = (ROOT / "docs" / "performance.md").read_text()
    for cell in (f"{two['gib']:.2f}", f"{eight['gib']:.2f}", f"{two['kernels']:,}", two["synchronisations"]):
        assert f"| {cell} |" in text


def test_what_each_change_of_the_step_brought_is_what_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks" / "results" / "step_history.json").read_text())["rows"]
    assert [row["change"] for row in measured] == ["before", *(change.name for change in step_history.CHANGES)]
    assert f"\n\n{step_history.table(measured)}\n\n" in PERFORMANCE.read_text()


def test_images_per_dollar_are_what_quotes_expect_and_the_benchmark_found() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "instance_speeds.json").read_text())["gpus"]
    quoted = {name: (each.images_per_second, each.source) for name, each in GPU_SPEEDS["room_wall"].items()}
    assert quoted == {name: (each["quoted"], each["source"]) for name, each in found.items()}
    assert f"\n\n{instance_speeds.table()}\n\n" in PERFORMANCE.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    for link in links:
        assert link.startswith("https://") or (page.parent / link).is_file(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_is_named_is_there(page: Path) -> None:
    packages = (package.strip("/") for package in first_cells(ARCHITECTURE, "package"))
    folders = "|".join([*packages, "benchmarks", "docs", "tests", r"\.ci"])
    for path in re.findall(rf"(?<![\w/.-])((?:{folders})/[\w/.-]*)", page.read_text()):
        assert (ROOT / path.rstrip(".")).exists(), path


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_is_named_is_there(page: Path) -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    commands = re.findall(r"`([^`\n]+)`|^(\w.*)$", page.read_text(), re.MULTILINE)
    for command in map("".join, commands):
        for target in re.findall(r"^make ([a-z]+)", command):
            assert target in targets, command
        for module in re.findall(r"python -m ([\w.]+)", command):
            assert importlib.util.find_spec(module), command


def test_the_readmes_map_leads_to_every_package() -> None:
    packages = set(first_cells(ARCHITECTURE, "package"))
    assert packages <= set(first_cells(README, "folder"))
    folders = {path.parent.relative_to(ROOT) for path in ROOT.glob("*/__init__.py")}
    assert packages == {f"{folder}/" for folder in folders} | {"lambda/pipeline/", "lambda/serving/"}


def test_every_decision_is_listed() -> None:
    architecture = ARCHITECTURE.read_text()
    for decision in sorted((ROOT / "docs" / "decisions").glob("*.md")):
        title = decision.read_text().splitlines()[0].removeprefix("# ")
        assert f"- [{title}](decisions/{decision.name})" in architecture


def test_the_evaluation_page_explains_each_figure_and_each_kind_of_error() -> None:
    assert set(first_cells(EVALUATION, "figure")) == {field.name for field in dataclasses.fields(Figures)}
    assert set(first_cells(EVALUATION, "kind")) == set(KINDS)
