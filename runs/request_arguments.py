"""The request of a new run, from the command line."""

from collections.abc import Sequence
from typing import Any

from dataset_contract.bounded_json import JsonError, parse_bounded
from runs.errors import RunsError


def request_of(text: str | None, settings: Sequence[str]) -> dict[str, Any]:
    """The fields of the JSON object `text`, and over them each `field=value` of `settings`.

    A value that is JSON (false, 12.5, ["ml.g6.xlarge"]) is read as such, any other is text. `field.name=value` sets one
    entry of a field that is an object, such as training.learning_rate=5e-5. The pipeline checks fields and values.
    Raises RunsError.
    """
    request = _object(text) if text is not None else {}
    for setting in settings:
        field, equals, value = setting.partition("=")
        name, dot, entry = field.partition(".")
        if not equals or not name or (dot and not entry):
            raise RunsError(f"--set {setting} is not of the form field=value, such as --set preset=full.")
        if not dot:
            request[name] = _value(value)
        elif isinstance(entries := request.get(name) or {}, dict):
            request[name] = {**entries, entry: _value(value)}
        else:
            raise RunsError(f"--set {setting} sets an entry of {name}, which is no object: leave one of the two out.")
    return request


def _object(text: str) -> dict[str, Any]:
    try:
        request = parse_bounded(text)
    except JsonError as error:
        raise RunsError(f'The request cannot be used ({error}): write it like \'{{"preset": "full"}}\'.') from None
    if not isinstance(request, dict):
        raise RunsError('The request is not a JSON object: write it like \'{"preset": "full"}\'.')
    return request


def _value(text: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return parse_bounded(text)
    except JsonError:
        return text
