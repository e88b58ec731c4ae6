"""Checks a request against the service's own model (as botocore carries it), as the service's front end does.

The SDK checks types and required members before it sends; the service also checks lengths, patterns and enumerations,
and answers all violations of a request at once. Members that the model does not have are ignored, as on AWS.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from botocore.loaders import create_loader
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StringShape, StructureShape

from local_aws.api_errors import ApiError, invalid

JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "structure": dict,
    "map": dict,
    "list": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}
# The model's patterns are Java's; these are the character classes that Python writes differently.
# Marks, symbols and punctuation are taken together, and only those that people type.
TYPED = r"!-/:-@\[-`{-~\u00a1-\u00bf\u00d7\u00f7\u0300-\u036f\u2010-\u2bff"
JAVA_CLASSES = {
    r"\p{Alnum}": "a-zA-Z0-9",
    r"\p{L}": r"\w",
    r"\p{N}": r"\d",
    r"\p{Z}": r"\s",
    r"\p{M}": TYPED,
    r"\p{S}": TYPED,
    r"\p{P}": TYPED,
}
REPEATED_END = re.compile(r"\$\{\d+,\d+\}")


def check_request(model: ServiceModel, operation: str, request: object) -> dict[str, Any]:
    """Return the request if it conforms to the operation's input shape in the service's model.

    Raises ApiError: UnknownOperationException, SerializationException for wrong JSON types, and
    ValidationException with every violated constraint.
    """
    if operation not in model.operation_names:
        raise ApiError("UnknownOperationException", f"The operation {operation!r} does not exist.")
    shape = model.operation_model(operation).input_shape
    violations: list[str] = []
    check(shape, request, "", violations)
    if violations or not isinstance(request, dict):
        count = f"{len(violations)} validation error{'s' if len(violations) > 1 else ''} detected: "
        raise invalid(count + "; ".join(violations))
    return request


@cache
def service_model(service: str) -> ServiceModel:
    """The model of "sagemaker", "pricing", ...; the same file that boto3 builds its client from."""
    # Straight from the loader: a session would read this person's AWS configuration for it.
    return ServiceModel(create_loader().load_service_model(service, "service-2"), service)


def check(shape: Shape | None, value: object, path: str, violations: list[str]) -> None:
    """Collect the violated constraints of `value` and everything below it."""
    if shape is None:
        return
    expected = JSON_TYPES[shape.type_name]
    if not isinstance(value, expected) or (isinstance(value, bool) and shape.type_name != "boolean"):
        raise ApiError(
            "SerializationException", f"{type(value).__name__} cannot be read as {shape.type_name} at '{path or '/'}'."
        )
    check_constraints(shape, value, path, violations)
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        # A null member is an absent one.
        given = {name: member for name, member in value.items() if member is not None}
        for name in shape.required_members:
            if name not in given:
                violations.append(constraint(None, join(path, name), "Member must not be null"))
        for name, member in given.items():
            check(shape.members.get(name), member, join(path, name), violations)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for number, item in enumerate(value, start=1):
            check(shape.member, item, f"{path}.{number}.member", violations)
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for key, item in value.items():
            check(shape.key, key, f"{path}.{key}.key", violations)
            check(shape.value, item, f"{path}.{key}.member", violations)


def check_constraints(shape: Shape, value: Any, path: str, violations: list[str]) -> None:  # noqa: ANN401  any JSON value
    """Collect what `value` itself violates: enumeration, length or size, pattern."""
    metadata = shape.metadata
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        violations.append(
            constraint(value, path, f"Member must satisfy enum value set: [{', '.join(sorted(shape.enum))}]")
        )
    sized = isinstance(value, (str, list, dict))
    size = len(value) if sized else value
    kind = "have length" if sized else "have value"
    if "min" in metadata and size < metadata["min"]:
        violations.append(constraint(value, path, f"Member must {kind} greater than or equal to {metadata['min']}"))
    if "max" in metadata and size > metadata["max"]:
        violations.append(constraint(value, path, f"Member must {kind} less than or equal to {metadata['max']}"))
    pattern = metadata.get("pattern")
    if pattern and isinstance(value, str) and not compiled(pattern).fullmatch(value):
        violations.append(constraint(value, path, f"Member must satisfy regular expression pattern: {pattern}"))


@cache
def compiled(java_pattern: str) -> re.Pattern[str]:
    """The model's pattern for Python."""
    for java, python in JAVA_CLASSES.items():
        java_pattern = java_pattern.replace(java, python)
    # The model repeats the end of some strings, which Java allows and which means the same.
    return re.compile(REPEATED_END.sub("$", java_pattern))


def constraint(value: object, path: str, text: str) -> str:
    """One violation in the words of the service."""
    return f"Value '{'null' if value is None else value}' at '{path}' failed to satisfy constraint: {text}"


def join(path: str, name: str) -> str:
    """A member's path as the service writes it: trainingJobName, algorithmSpecification.trainingImage."""
    name = name[0].lower() + name[1:]
    return f"{path}.{name}" if path else name
