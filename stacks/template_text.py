"""A template's values as text for a person or a test to compare."""

from collections.abc import Mapping


def readable(value: object) -> str:
    """A template's value as text: Ref and Fn::GetAtt as <LogicalId> without the hash, imports as <Name>, Fn::Join joined."""
    if isinstance(value, str):
        return value
    assert isinstance(value, Mapping), value
    ((function, argument),) = value.items()
    if function == "Ref":
        return f"<{named(argument)}>"
    if function == "Fn::ImportValue":
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        return f"<{named(argument[0])}.{argument[1]}>"
    if function == "Fn::Join":
        return str(argument[0]).join(readable(part) for part in argument[1])
    if function == "Fn::Select":
        index, parts = argument
        return f"{readable(parts['Fn::Split'][1])}[{index}]"
    assert function == "Fn::Sub", value
    return str(argument)


def named(logical_id: str) -> str:
    """A logical id without the eight hexadecimal digits that CDK adds."""
    tail = logical_id[-8:]
    return logical_id[:-8] if len(logical_id) > 8 and all(digit in "0123456789ABCDEF" for digit in tail) else logical_id
