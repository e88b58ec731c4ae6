"""The headers of a tar file: POSIX ustar and pax, and GNU long names and sizes (pax(1), and the manual of GNU tar)."""

from __future__ import annotations

from dataclasses import dataclass

BLOCK = 512
"""Everything in a tar file is padded to as many bytes."""

FILES = frozenset((b"0", b"\0"))
FOLDER = b"5"
PAX, LONG_NAME, LONG_LINK = b"x", b"L", b"K"
EXTENSIONS = frozenset((PAX, LONG_NAME, LONG_LINK))
"""Headers whose content belongs to the next header. Those for all that follow (g) are not among them."""


class HeaderError(Exception):
    """The bytes are not a header; the message is a clause."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TarHeader:
    """One header."""

    name: str
    size: int
    """Bytes of the content that follows, without its padding."""
    kind: bytes
    """One byte: the typeflag."""


def read_header(block: bytes) -> TarHeader | None:
    """The header in BLOCK bytes; None for the zeros that end an archive. Raises HeaderError."""
    if not any(block):
        return None
    if _number(block[148:156]) != sum(block) - sum(block[148:156]) + 8 * ord(" "):
        raise HeaderError("a header's checksum differs")
    name = _text(block[:100])
    if block[257:263] == b"ustar\0" and (prefix := _text(block[345:500])):
        name = f"{prefix}/{name}"
    return TarHeader(name=name, size=_number(block[124:136]), kind=block[156:157])


def read_pax(content: bytes) -> dict[str, str]:
    """The records of a pax header, each `<length> <key>=<value>` and a line end. Raises HeaderError."""
    records: dict[str, str] = {}
    while content:
        digits, space, _ = content.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < 10 else 0
        key, equals, value = content[len(digits) + 1 : length - 1].partition(b"=")
        if not space or not equals or content[length - 1 : length] != b"\n":
            raise HeaderError("a pax header is not a list of records")
        records[_text(key)] = _text(value, whole=True)
        content = content[length:]
    return records


def _number(field: bytes) -> int:
    """Octal digits, or a large number in base 256 with the highest bit set."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:])
    digits = field.strip(b" \0")
    if digits.strip(b"01234567"):
        raise HeaderError("a header has something else where a number is")
    return int(digits or b"0", 8)


def _text(field: bytes, *, whole: bool = False) -> str:
    """UTF-8, up to the first NUL unless `whole`."""
    try:
        return (field if whole else field.split(b"\0", 1)[0]).decode()
    except UnicodeDecodeError:
        raise HeaderError("a name is not UTF-8") from None
