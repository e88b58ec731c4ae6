"""Nothing but files and folders below its folder comes out of an archive, and reading it takes little."""

import gzip
import io
import tarfile
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_reader.tar_members import MODEL_LIMITS, ArchiveError, read_members
from archive_reader.unpacking import unpack
from tests.archive_reader.hostile_archives import HOSTILE, Add, member, packed


def unpacked(content: bytes, folder: Path) -> dict[str, bytes | None]:
    """path -> bytes, None for a folder, of what comes out."""
    (folder / "model.tar.gz").write_bytes(content)
    unpack(folder / "model.tar.gz", folder / "model", MODEL_LIMITS)
    root = folder / "model"
    return {path.relative_to(root).as_posix(): None if path.is_dir() else path.read_bytes() for path in root.rglob("*")}


@pytest.mark.parametrize("attack", HOSTILE)
def test_an_attack_is_refused_in_a_sentence_and_writes_nothing_outside(attack: str, tmp_path: Path) -> None:
    inside = tmp_path / "a" / "b"
    inside.mkdir(parents=True)
    with pytest.raises(ArchiveError) as refusal:
        unpacked(HOSTILE[attack], inside)
    assert str(refusal.value).startswith("the archive ")
    assert str(refusal.value).isprintable()
    assert len(str(refusal.value)) < 400
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert {path.name for path in inside.iterdir()} == {"model.tar.gz", "model"}
    assert all(path.is_dir() or path.is_file() for path in inside.rglob("*"))
    assert not any(path.is_symlink() for path in inside.rglob("*"))


@pytest.mark.parametrize("attack", [name for name in HOSTILE if name.startswith("large")])
def test_a_large_header_is_not_read_into_memory(attack: str) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="has a header of"):
            list(read_members(io.BytesIO(HOSTILE[attack]), MODEL_LIMITS))
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("what", ["files", "headers", "after the end", "gzip members"])
def test_what_exceeds_the_limit_in_all_is_not_read_on(what: str) -> None:
    limits = replace(MODEL_LIMITS, bytes=1_000_000)
    bomb = {
        "files": packed(member("a", bytes(2_000_000))),
        "headers": packed(*[member(f"{number}", b"") for number in range(3_000)]),
        "after the end": gzip.compress(gzip.decompress(packed(member("a"))) + bytes(2_000_000)),
        "gzip members": packed(member("a")) + gzip.compress(b"") * 60_000,
    }[what]
    stream = io.BytesIO(bomb + bytes(5_000_000))
    with pytest.raises(ArchiveError, match="holds more than 1,000,000 bytes"):
        list(read_members(stream, limits))
    assert stream.tell() < 1_500_000


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_what_a_model_holds_comes_out_as_it_was(tar_format: int, tmp_path: Path) -> None:
    long = f"code/{'long-' * 19}/{'name-' * 18}.py"
    members = [
        member("./", b"", type=tarfile.DIRTYPE),
        member("./metrics.json", b"{}"),
        member("./code", b"", type=tarfile.DIRTYPE),
        member(f"./{long}", b"long"),
        member("model.safetensors", bytes(2_000_000), mtime=1.5, uname="rené", mode=0o777),
        member("empty", b""),
    ]
    assert unpacked(packed(*members, tar_format=tar_format), tmp_path) == {
        "metrics.json": b"{}",
        "code": None,
        long.rpartition("/")[0]: None,
        long: b"long",
        "model.safetensors": bytes(2_000_000),
        "empty": b"",
    }
    assert (tmp_path / "model" / "model.safetensors").stat().st_mode & 0o111 == 0


def test_a_folder_that_exists_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(FileExistsError):
        unpacked(packed(member("a")), tmp_path)


def test_a_member_can_be_read_in_part_and_the_rest_left() -> None:
    archive = io.BytesIO(packed(member("a", b"abc" * 1000), member("b", b"b")))
    seen = [(each.name, each.size, each.content.read(3)) for each in read_members(archive, MODEL_LIMITS)]
    assert seen == [("a", 3000, b"abc"), ("b", 1, b"b")]


SOUND = packed(member("metrics.json", b"{}" * 100), member("code/a.py", b"import b" * 100))


@pytest.mark.parametrize(
    "content",
    [SOUND[:-1], SOUND[:40], b"", b"no gzip", SOUND[:-8] + b"\0" * 8, gzip.compress(b"", mtime=0)],
    ids=["last byte", "most of it", "all of it", "no gzip", "wrong checksum", "nothing in it"],
)
def test_a_damaged_archive_is_said_to_be_damaged(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="the archive is damaged"):
        unpacked(content, tmp_path)


@given(st.integers(0, 4095), st.integers(0, 255), st.integers(0, 4095), st.integers(0, 255))
def test_no_bytes_cause_another_error(first: int, value: int, second: int, other: int) -> None:
    tar = bytearray(gzip.decompress(packed(member("a" * 120, b"abc"), member("b"))))
    tar[first], tar[second] = value, other
    try:
        members = list(read_members(io.BytesIO(gzip.compress(bytes(tar), 1)), MODEL_LIMITS))
    except ArchiveError:
        return
    assert all(each.size <= len(tar) for each in members)


_names = st.lists(st.text(st.sampled_from("aB.é~ /"), min_size=1, max_size=6), max_size=5)


@given(_names)
def test_any_names_come_out_below_the_folder_or_not_at_all(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("any")
    adds: list[Add] = [member(name) for name in names]
    try:
        found = unpacked(packed(*adds), folder)
    except ArchiveError:
        return
    assert {name.removeprefix("./") for name in names} == {name for name, content in found.items() if content}
