"""Archives that nobody vouches for: what is unpacked, and what refuses the whole archive."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from daemon.datasets.archives import Limits, is_archive, unpack
from daemon.domain.errors import DatasetRefused

SMALL = Limits(files=3, file_bytes=2000, all_bytes=5000, ratio=20, ratio_free_bytes=1000)


def zipped(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def tarred(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, size: int = 1, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, "/etc/passwd"
    return made


def test_files_and_folders_come_out_of_both_kinds(tmp_path: Path) -> None:
    a = zipped(tmp_path / "a.zip", **{"x/y/1.txt": b"one", "2.txt": b"two"})
    b = tarred(tmp_path / "b.tar.gz", member("./x/1.txt", 3))

    unpack(a, tmp_path / "a")
    unpack(b, tmp_path / "b")

    assert is_archive(a)
    assert is_archive(b)
    assert (tmp_path / "a/x/y/1.txt").read_bytes() == b"one"
    assert (tmp_path / "b/x/1.txt").read_bytes() == b"xxx"


@pytest.mark.parametrize(
    "name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt", "c:/o"]
)
def test_a_path_that_leaves_the_folder_refuses_the_archive(name: str, tmp_path: Path) -> None:
    for archive in (
        zipped(tmp_path / "a.zip", **{name: b"x"}),
        tarred(tmp_path / "a.tar", member(name)),
    ):
        with pytest.raises(DatasetRefused, match="expected paths inside the archive"):
            unpack(archive, tmp_path / "in" / "deep")

    assert not list(tmp_path.rglob("out.txt"))


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_refuse_the_archive(kind: bytes, tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar", member("x", 0, kind))

    with pytest.raises(DatasetRefused, match="a link or a device"):
        unpack(archive, tmp_path / "in")


def test_a_link_in_a_zip_refuses_it(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        entry = zipfile.ZipInfo("x")
        entry.external_attr = 0o120777 << 16
        archive.writestr(entry, "/etc/passwd")

    with pytest.raises(DatasetRefused, match="a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "in")


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"a": b"\0" * 2001}, "unpacks to more than"),
        (dict.fromkeys("abcd", b"x"), "more than 3 files"),
        (dict.fromkeys("abc", b"\x00" * 1999), "unpacks to more than"),
        ({"a" * 300: b"x"}, "shorter names"),
        ({"a": b"x", "a/b": b"x"}, "twice"),
    ],
)
def test_bombs_refuse_the_archive(members: dict[str, bytes], said: str, tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", **members)

    with pytest.raises(DatasetRefused, match=said):
        unpack(archive, tmp_path / "in", Limits(**{**vars(SMALL), "ratio": 2}))


def test_a_size_that_the_archive_states_falsely_does_not_count(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", a=b"\0" * 100_000)
    content = archive.read_bytes()
    archive.write_bytes(
        content.replace((100_000).to_bytes(4, "little"), (10).to_bytes(4, "little"))
    )

    with pytest.raises(DatasetRefused):
        unpack(archive, tmp_path / "in", SMALL)


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", a=bytes(range(256)) * 20)
    content = bytearray(archive.read_bytes())
    content[60:90] = b"?" * 30
    archive.write_bytes(content)

    with pytest.raises(DatasetRefused, match="cannot be unpacked"):
        unpack(archive, tmp_path / "in")


def test_a_lenient_reader_leaves_links_out_and_still_refuses_a_path_to_outside(
    tmp_path: Path,
) -> None:
    link = member("b.png", 0, tarfile.SYMTYPE)
    archive = tarred(tmp_path / "a.tar", member("a.png"), link)
    outside = tarred(tmp_path / "b.tar", member("../a.png"), link)

    left_out = unpack(archive, tmp_path / "a", lenient=True)

    assert [fault.where for fault in left_out] == ["a.tar, b.png"]
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["a.png"]
    with pytest.raises(DatasetRefused, match="paths inside"):
        unpack(outside, tmp_path / "b", lenient=True)
