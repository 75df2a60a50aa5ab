"""Where the images of a Label Studio project are: in a folder, or in tasks that exist already.

FolderSource: image files of a folder that Label Studio serves too; a push creates tasks.
ProjectSource: the tasks exist already; a push adds them to the stream.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from connectors.images.cache import MAX_FILE_BYTES, folder_images, read_below
from connectors.images.data_urls import key_of_address
from daemon.domain import FoundImage
from daemon.domain.errors import ConfigError
from daemon.pixels.folders import LeftOut, PictureFolder

SERVED = "/data/local-files/"
KEY_FIELD = "maskloop_key"


class FolderSource:
    """Images under `root`, which lies strictly inside `document_root`.

    document_root: what Label Studio was given as LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT; it
    refuses that folder itself as a storage.
    key: the posix path relative to `root`.
    """

    key_field = f"data.{KEY_FIELD}"
    default_overlap = 1  # of a task that is imported, and when the project's default changes

    def __init__(self, root: Path, document_root: Path, max_bytes: int = MAX_FILE_BYTES) -> None:
        self.root, self.max_bytes = root.resolve(), max_bytes
        outer = document_root.resolve()
        if outer not in self.root.parents:
            raise ConfigError(
                f"images: root is {self.root}; expected a folder inside {outer}, the folder that "
                f"Label Studio serves (LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT)"
            )
        self._outer, self._folder = outer, PictureFolder(self.root, within=outer)
        self._prefix = PurePosixPath(self.root.relative_to(outer).as_posix())

    def images(self) -> Iterable[FoundImage]:
        """Every image file below the root, by path."""
        return folder_images(self._folder)

    def left_out(self) -> Sequence[LeftOut]:
        """Files of the folder that are not used, and why."""
        return self._folder.latest.left_out

    def read(self, image: FoundImage) -> bytes:
        """The file's bytes. Raises ImageRefused, also for a path that leaves the root."""
        return read_below(self.root, image.key, max_bytes=self.max_bytes, within=self._outer)

    def address(self, key: str) -> str:
        """Where Label Studio serves an image."""
        return f"{SERVED}?d={quote((self._prefix / key).as_posix())}"

    def key_of(self, data: Mapping[str, Any], image_field: str) -> str | None:
        """The key of the image that a task shows; None for an image of somebody else.

        It is found by the address, also in a task that was exported from another project of ours;
        where the address leads elsewhere, as after the folder was moved, by the key that a push
        wrote.
        """
        served = _served(data.get(image_field))
        if served is not None and served.is_relative_to(self._prefix):
            return served.relative_to(self._prefix).as_posix()
        written = data.get(KEY_FIELD)
        return key_of_address(written) if isinstance(written, str) else None


class ProjectSource:
    """Images that are tasks of the project already. key: the image's address in the task; a
    digest for an embedded image. Label Studio's own count of finished tasks means nothing in such
    a project: a task outside the stream counts as finished."""

    default_overlap = 0  # every task stays out of the stream until it is pushed

    def __init__(self, image_field: str) -> None:
        self.image_field = image_field
        self.key_field = f"data.{image_field}"

    def address(self, key: str) -> str:
        """Where Label Studio serves an image."""
        return key

    def key_of(self, data: Mapping[str, Any], image_field: str) -> str | None:
        """The key of the image that a task shows; None where its data has none."""
        value = data.get(image_field)
        return key_of_address(value) if isinstance(value, str) and value else None


def _served(address: object) -> PurePosixPath | None:
    """The path of a local file that an address of Label Studio serves, under whatever host."""
    try:
        parts = urlsplit(str(address))
        path = parse_qs(parts.query).get("d", [""])[0]
    except ValueError:
        return None
    return PurePosixPath(path) if path and parts.path == SERVED else None


Source = FolderSource | ProjectSource
