"""The page of training settings is what the dataclass says."""

from docs import training_settings
from training_code.recipes import RECIPES


def test_the_page_is_written_by_the_command() -> None:
    assert training_settings.PAGE.read_text() == training_settings.page(), "python docs/training_settings.py writes it"


def test_a_setting_has_its_type_range_defaults_and_meaning() -> None:
    assert list(RECIPES) == ["room_wall", "tiny"]
    assert (
        "| `lr_drop_epoch` | a whole number or null | 1 to 10,000 | null | null | Epoch after which the learning rates "
        "are divided by 10; null means after 11/12 of the epochs, as in the paper. |"
    ) in training_settings.page()
