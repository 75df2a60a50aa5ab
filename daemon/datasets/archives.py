"""Unpack a zip or tar archive that nobody vouches for.

A path that leaves the folder, a link, a device, an encrypted member, too many or too large files,
and members that unpack to far more than they take refuse the whole archive. A lenient reader leaves
links, devices and encrypted members out. What counts is what was really written, never what the
archive says of itself.
"""

from __future__ import annotations

import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from daemon.domain.errors import DatasetRefused, DiskFull
from daemon.domain.faults import Fault, printable

CHUNK_BYTES = 2**20
SPARE_BYTES = 2**30  # that an import leaves free on the disk


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Of an archive. ratio: unpacked to packed bytes, of what exceeds `ratio_free_bytes`."""

    files: int = 1_000_000
    file_bytes: int = 8 * 2**30
    all_bytes: int = 2**40
    ratio: int = 200
    ratio_free_bytes: int = 2**28
    name_chars: int = 1000


def is_archive(path: Path) -> bool:
    """Whether the bytes of a file are those of a zip or tar archive."""
    return zipfile.is_zipfile(path) or tarfile.is_tarfile(path)


def unpack(
    archive: Path, folder: Path, limits: Limits | None = None, *, lenient: bool = False
) -> tuple[Fault, ...]:
    """Write the files of an archive below `folder`. Raises DatasetRefused and DiskFull.

    Returns the members that were left out: only a lenient reader leaves some out.
    """
    limits = limits or Limits()
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as opened:
                return _write(archive, folder, limits, _zip_members(opened), lenient=lenient)
        with tarfile.open(archive) as opened_tar:
            return _write(archive, folder, limits, _tar_members(opened_tar), lenient=lenient)
    except (
        *(zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, NotImplementedError),
        *(RuntimeError, ValueError),
    ) as exc:
        raise DatasetRefused(
            f"{archive}: cannot be unpacked: {exc}; expected a whole zip or tar archive; fetch it "
            f"again, or unpack it yourself and name the folder"
        ) from exc


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A file of an archive. fault: why it must not be written, "" where it may."""

    name: str
    open: Callable[[], IO[bytes] | None]
    fault: str = ""


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for entry in archive.infolist():
        kind = entry.external_attr >> 28
        if entry.is_dir():
            continue
        fault = "" if kind in (0, 0o10) else "a link or a device"
        fault = fault or ("encrypted" if entry.flag_bits & 1 else "")
        yield _Member(name=entry.filename, open=lambda e=entry: archive.open(e), fault=fault)  # type: ignore[misc]


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for entry in archive:
        if entry.isdir():
            continue
        fault = "" if entry.isreg() else "a link or a device"
        yield _Member(name=entry.name, open=lambda e=entry: archive.extractfile(e), fault=fault)  # type: ignore[misc]


def _write(
    archive: Path, folder: Path, limits: Limits, members: Iterator[_Member], *, lenient: bool
) -> tuple[Fault, ...]:
    """Write the members; those that were left out."""
    packed = archive.stat().st_size
    most = min(limits.all_bytes, limits.ratio_free_bytes + limits.ratio * packed)
    written = 0
    left_out = []
    for number, member in enumerate(members, start=1):
        if number > limits.files:
            raise _refused(archive, f"more than {limits.files} files", "at most that")
        if lenient and member.fault:
            left_out.append(_left_out(archive, member))
            continue
        path = folder / _safe_name(archive, member, limits)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            written += _copy(archive, member, path, limits, most - written)
        except (FileExistsError, IsADirectoryError, NotADirectoryError) as exc:
            raise _refused(archive, f"{member.name!r} twice", "each file once") from exc
    return tuple(left_out)


def _left_out(archive: Path, member: _Member) -> Fault:
    cure = "put the file itself into the archive if it is needed"
    where = f"{archive.name}, {member.name}"
    return Fault(where=where, got=member.fault, expected="a plain file", cure=cure)


def _safe_name(archive: Path, member: _Member, limits: Limits) -> str:
    name = member.name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if member.fault:
        raise _refused(archive, f"{name!r}, {member.fault}", "files only")
    if name.startswith("/") or ".." in parts or not parts or ":" in parts[0] or "\0" in name:
        raise _refused(archive, f"the path {name!r}", "paths inside the archive")
    if len(name) > limits.name_chars or any(len(part.encode()) > 255 for part in parts):
        raise _refused(archive, f"a path of {len(name)} characters", "shorter names")
    return "/".join(parts)


def _copy(archive: Path, member: _Member, path: Path, limits: Limits, left: int) -> int:
    """Write one file; the number of its bytes."""
    source = member.open()
    if source is None:
        raise _refused(archive, f"{member.name!r} without content", "files")
    size, most = 0, min(limits.file_bytes, left)
    if shutil.disk_usage(path.parent).free < SPARE_BYTES:
        raise DiskFull(f"{path.parent}: less than {SPARE_BYTES} bytes are free; free some")
    with closing(source), path.open("xb") as target:
        while chunk := source.read(CHUNK_BYTES):
            size += len(chunk)
            if size > most:
                raise _refused(
                    archive,
                    f"{member.name!r}, which unpacks to more than {most} bytes",
                    f"{limits.file_bytes} bytes a file at most, {limits.all_bytes} in all, and no "
                    f"more than {limits.ratio} times what is packed",
                )
            target.write(chunk)
    return size


def _refused(archive: Path, got: str, expected: str) -> DatasetRefused:
    return DatasetRefused(
        f"{archive}: got {printable(got)}; expected {expected}; nothing was imported: unpack it "
        f"yourself if you trust it, and name the folder; --lenient leaves out links, devices and "
        f"encrypted files"
    )
