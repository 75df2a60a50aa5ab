"""The only reader of the files of a run: one that cannot be used is left out and recorded.

The result of the run lists the faults, each with the role of its file, and the daemon sets these
images aside when the run has ended. The same exception on more than a fifth of at least 20 files
of a role is not a fault of the files (a folder that is not mounted, a decoder of ours): then the
run fails and nothing is set aside.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from daemon.domain import Mask
from daemon.domain.errors import RunFailed
from daemon.hrda.data.image_files import Picture, UnusableMask, read_image, read_mask
from daemon.intake import MAX_FAILING_SHARE, MIN_INPUTS, Intake, is_environment_error
from daemon.pixels import pixel_count
from daemon.prefetch import THREADS, prefetch_futures
from daemon.runs.records import FileFault, FilePart, FileRole, ImageFile, LabeledFile

log = logging.getLogger(__name__)

T = TypeVar("T")
File = TypeVar("File", bound=ImageFile)

PREFETCHED_PX = 48_000_000  # of the pictures that wait, together; one may be larger
NETWORK_ERRORS = (errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN)


class NoUsableFiles(RunFailed):
    """None of the files of a kind can be used, and the run needs one. Restore them."""

    def __init__(self, kind: str, faults: Sequence[FileFault]) -> None:
        first = f", the first: {faults[0]}" if faults else ""
        super().__init__(f"none of the {kind} images can be used{first}", faults)


class FileReader:
    """Reads the files of one run. files: all of them, to know which share fails."""

    def __init__(self, files: Iterable[ImageFile]) -> None:
        self._files = Counter(file.role for file in files)
        self._faults: dict[tuple[FileRole, int], FileFault] = {}
        self._kinds: Counter[tuple[FileRole, str]] = Counter()
        self._lock = threading.Lock()  # files are read in several threads

    def faults(self, *roles: FileRole) -> tuple[FileFault, ...]:
        """The faults so far, of these roles or of all."""
        with self._lock:
            found = list(self._faults.values())
        return tuple(fault for fault in found if not roles or fault.role in roles)

    def images(
        self, files: Iterable[File], ahead: int, threads: int = THREADS
    ) -> Iterator[tuple[File, Picture]]:
        """The files that can be read, in order; up to `ahead` of them are read in advance.

        threads: that read. Memory is bounded by PREFETCHED_PX, whatever sizes are mixed.
        """
        waiting = prefetch_futures(
            read_image,
            files,
            ahead,
            cost=_pixels_of,
            max_cost=PREFETCHED_PX,
            threads=threads,
        )
        for file, work in waiting:
            picture = self._read_or_record(file, FilePart.IMAGE, work.result)
            if picture is not None:
                yield file, picture

    def image(self, file: ImageFile) -> Picture | None:
        """The picture; None where it cannot be used."""
        return self._read_or_record(file, FilePart.IMAGE, lambda: read_image(file))

    def mask(self, file: LabeledFile, classes: int, size: tuple[int, int]) -> Mask | None:
        """The mask of an image of this (H, W); None where it cannot be used."""
        return self._read_or_record(file, FilePart.MASK, lambda: _mask_of_size(file, classes, size))

    def labeled_image(self, file: LabeledFile, classes: int) -> tuple[Picture, Mask] | None:
        """Picture and mask; None where one of them cannot be used."""
        image = self.image(file)
        if image is None:
            return None
        mask = self.mask(file, classes, (image.shape[0], image.shape[1]))
        return None if mask is None else (image, mask)

    def _read_or_record(self, file: ImageFile, part: FilePart, read: Callable[[], T]) -> T | None:
        path = file.mask if part is FilePart.MASK and isinstance(file, LabeledFile) else file.image
        expected = "a whole image file" if part is FilePart.IMAGE else "a mask of its image"
        intake, raised = Intake(), []
        with intake.guard(str(path), expected=expected, cure="restore the file"):
            try:
                return read()
            except Exception as exc:
                raised.append(exc)
                raise
        (fault,), (exc,) = intake.faults(), raised
        self._record(
            FileFault(
                role=file.role,
                id=file.id,
                part=part,
                path=path,
                got=fault.got,
                expected=fault.expected,
                cure=fault.cure,
            ),
            _kind_of(exc),
        )
        return None

    def _record(self, fault: FileFault, kind: str) -> None:
        key = (fault.role, fault.id)
        with self._lock:
            if key in self._faults:
                return
            log.warning("left out: %s", fault)
            self._faults[key] = fault
            self._kinds[fault.role, kind] += 1
            files, failed = self._files[fault.role], self._kinds[fault.role, kind]
        if files >= MIN_INPUTS and failed > MAX_FAILING_SHARE * files:
            raise RunFailed(
                f"{kind} on {failed} of {files} {fault.role} images, the last: {fault}; this is "
                f"no fault of single files: nothing was set aside; check that the folder is "
                f"mounted and readable; the run is tried again"
            )


def _pixels_of(file: ImageFile) -> int:
    return pixel_count(file.image)


def _mask_of_size(file: LabeledFile, classes: int, size: tuple[int, int]) -> Mask:
    mask = read_mask(file, classes)
    if mask.shape != size:
        raise UnusableMask(file, f"the size {mask.shape}", f"that of its image, {size}")
    return mask


def _kind_of(exc: Exception) -> str:
    """The name of the root exception and its errno: equal for files that fail alike.

    Raises RunFailed where the exception says nothing about the file.
    """
    root: BaseException = exc
    while root.__cause__ is not None:
        root = root.__cause__
    number = getattr(root, "errno", None)
    if is_environment_error(root) or number in NETWORK_ERRORS:
        raise RunFailed(f"{exc}; this is no fault of the file; the run is tried again") from exc
    return type(root).__name__ if number is None else f"{type(root).__name__} {number}"
