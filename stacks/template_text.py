"""A template's values as text for a person or a test to compare."""

from collections.abc import Mapping


def readable(value: object) -> str:
    """A template's value as text.

    Ref and Fn::GetAtt become <LogicalId> without the hash, imports <Name>, and Fn::Join is joined.
    """
    if isinstance(value, str):
        return value
    assert isinstance(value, Mapping), value
    ((function, argument),) = value.items()
    match function:
        case "Ref":
            text = f"<{named(argument)}>"
        case "Fn::ImportValue":
            text = f"<{argument}>"
        case "Fn::GetAtt":
            text = f"<{named(argument[0])}.{argument[1]}>"
        case "Fn::Join":
            text = str(argument[0]).join(readable(part) for part in argument[1])
        case "Fn::Select":
            index, parts = argument
            text = f"{readable(parts['Fn::Split'][1])}[{index}]"
        case _:
            assert function == "Fn::Sub", value
            text = str(argument)
    return text


def named(logical_id: str) -> str:
    """A logical id without the eight hexadecimal digits that CDK adds."""
    tail = logical_id[-8:]
    return logical_id[:-8] if len(logical_id) > 8 and all(digit in "0123456789ABCDEF" for digit in tail) else logical_id
