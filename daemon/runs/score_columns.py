"""The arrays of scores.npz, mapped into memory: what is not read costs nothing.

The file is a .npz that is not compressed: a zip of .npy files that lie in it as they are. Ours
begin each array at a multiple of 64 bytes, behind a filler in the member's header; arrays of
earlier releases, which may lie at odd places, are copied when they are read. Arrays are read-only.
They are float32: rounded to float16, embeddings gave other picks from the third to the 32nd on.
"""

from __future__ import annotations

import mmap
import struct
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from daemon.domain.errors import RunFailed

ALIGNMENT = 64  # bytes
_LOCAL_HEADER = struct.Struct("<4s22xHH")  # signature, lengths of the name and of the extra field
_ZIP64_FIELD = 20  # bytes that zipfile adds to a header
_FILLER = 0xD935  # the type of an extra field that aligns a member, as Android's zipalign writes it

AnyArray = npt.NDArray[Any]


@contextmanager
def array_member(
    archive: zipfile.ZipFile, name: str, dtype: np.dtype[Any], shape: Sequence[int]
) -> Iterator[IO[bytes]]:
    """A member of the archive, open for the bytes of an array in C order, behind its header."""
    member = zipfile.ZipInfo(f"{name}.npy")
    used = archive.start_dir + _LOCAL_HEADER.size + len(member.filename) + _ZIP64_FIELD + 4
    member.extra = struct.pack("<HH", _FILLER, -used % ALIGNMENT) + bytes(-used % ALIGNMENT)
    with archive.open(member, "w", force_zip64=True) as file:
        descr = np.lib.format.dtype_to_descr(dtype)  # type: ignore[no-untyped-call]
        header = {"descr": descr, "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(file, header)  # type: ignore[no-untyped-call]
        yield file


def write_columns(path: Path, columns: Mapping[str, AnyArray]) -> None:
    """Write the arrays."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, column in columns.items():
            with array_member(archive, name, column.dtype, column.shape) as file:
                file.write(np.ascontiguousarray(column).tobytes())


def mapped_columns(path: Path, names: Sequence[str] | None = None) -> dict[str, AnyArray]:
    """The arrays by name, read-only; names: of those that are wanted, None: all.

    Raises RunFailed for a file that is damaged, compressed, or holds something else.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return {
                name: _mapped(content, member)
                for member in archive.infolist()
                if (name := member.filename.removesuffix(".npy")) in (names or (name,))
            }
    except (OSError, ValueError, struct.error, zipfile.BadZipFile) as exc:
        raise RunFailed(
            f"{path}: cannot be read as arrays of a run: {exc}; expected an .npz file that is not "
            f"compressed; remove the folder {path.parent}, the daemon does this run again"
        ) from exc


def _mapped(content: mmap.mmap, member: zipfile.ZipInfo) -> AnyArray:
    """An array that lies in the file. Raises ValueError, struct.error."""
    if member.compress_type != zipfile.ZIP_STORED:
        raise ValueError(f"{member.filename} is compressed")
    signature, name, extra = _LOCAL_HEADER.unpack_from(content, member.header_offset)
    start = member.header_offset + _LOCAL_HEADER.size + name + extra
    if signature != b"PK\x03\x04" or start + member.file_size > len(content):
        raise ValueError(f"{member.filename} is not where the list of the file says")
    shape, dtype, header = _header(content, start, member.filename)
    count = int(np.prod(shape, dtype=np.int64))
    if header + count * dtype.itemsize != member.file_size:
        raise ValueError(f"{member.filename} has {member.file_size} bytes, not those of {shape}")
    array = np.frombuffer(content, dtype, count, start + header).reshape(shape)
    if not array.flags.aligned:
        array = array.copy()
        array.flags.writeable = False
    return array


def _header(
    content: mmap.mmap, start: int, name: str
) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, type and length in bytes of the header of a .npy file."""
    content.seek(start)
    if np.lib.format.read_magic(content) != (1, 0):  # type: ignore[no-untyped-call]
        raise ValueError(f"{name} is of another version of the format than 1.0")
    shape, by_columns, dtype = np.lib.format.read_array_header_1_0(content)  # type: ignore[no-untyped-call]
    if by_columns or dtype.hasobject:
        raise ValueError(f"{name} is no plain array in C order")
    return shape, dtype, content.tell() - start
