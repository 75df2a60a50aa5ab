"""Images in cloud storage, by addresses as s3://bucket/a.png, through fsspec.

Credentials are those of the storage's own library: its environment variables, its files, or the
machine's role. The library is not installed with Maskloop, except for fsspec itself.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from connectors.images.cache import too_large
from daemon.domain.errors import ImageRefused

# Scheme -> what to install. Nothing that reads this machine's own files, and no chains (`::`).
LIBRARIES = {
    "s3": "s3fs",
    "s3a": "s3fs",
    "gs": "gcsfs",
    "gcs": "gcsfs",
    "az": "adlfs",
    "abfs": "adlfs",
    "memory": "fsspec",
}
TOTAL_S = 120.0
REST_S = 300.0


def is_stored(uri: str) -> bool:
    """Whether this is an address in cloud storage."""
    return urlsplit(uri).scheme in LIBRARIES


class Storage:
    """Reads images from cloud storage. total_s: seconds for one. monotonic: a clock in seconds.

    The libraries know no limit of time, so each image is read in a thread of its own; nobody
    waits for it any longer than that, and the scheme is left alone for a while.
    """

    def __init__(
        self, total_s: float = TOTAL_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._total_s, self._monotonic = total_s, monotonic
        self._resting: dict[str, float] = {}  # until when

    def read(self, uri: str, max_bytes: int) -> bytes:
        """The bytes at an address in cloud storage. Raises ImageRefused."""
        scheme = urlsplit(uri).scheme
        left = self._resting.get(scheme, 0.0) - self._monotonic()
        if left > 0:
            raise ImageRefused(
                f"{scheme} storage did not answer a while ago; it is asked again in {left:.0f} s"
            )
        answer: list[bytes | Exception] = []
        thread = threading.Thread(
            target=_answer_into,
            args=(answer, lambda: _read_in_words(uri, scheme, max_bytes)),
            daemon=True,
        )
        thread.start()
        thread.join(self._total_s)
        if not answer:
            self._resting[scheme] = self._monotonic() + REST_S
            raise ImageRefused(f"{scheme} storage: still nothing after {self._total_s:.0f} s")
        if isinstance(answer[0], Exception):
            raise answer[0]
        return answer[0]


def _answer_into(answer: list[bytes | Exception], read: Callable[[], bytes]) -> None:
    try:
        answer.append(read())
    except (ImageRefused, MemoryError) as exc:
        answer.append(exc)


def _read_in_words(uri: str, scheme: str, max_bytes: int) -> bytes:
    """Each storage library has errors of its own; all become one of ours."""
    try:
        return _read(uri, scheme, max_bytes)
    except (ImageRefused, MemoryError):
        raise
    except Exception as exc:
        words = f"{type(exc).__name__}: {exc}"
        raise ImageRefused(
            f"the storage said {words[:300]}; does the daemon have credentials that may read it?"
        ) from exc


def _read(uri: str, scheme: str, max_bytes: int) -> bytes:
    """The announced size first, then no more than the limit, whatever comes."""
    place = uri.partition("://")[2]
    if "::" in uri or not place:
        raise ImageRefused(f"got an address that cannot be read; expected {scheme}://bucket/name")
    files = _opened(scheme)
    size = files.info(place).get("size")
    if isinstance(size, int) and size > max_bytes:
        raise too_large("the storage", max_bytes)
    content = bytes(files.cat_file(place, start=0, end=max_bytes + 1))
    if len(content) > max_bytes:
        raise too_large("the storage", max_bytes)
    return content


def _opened(scheme: str) -> Any:
    try:
        return importlib.import_module("fsspec").filesystem(scheme)
    except ImportError as exc:
        library = LIBRARIES[scheme]
        raise ImageRefused(
            f"{scheme}:// needs a library that is not installed; pip install {library} and start "
            f"the daemon again, or register the bucket as storage in Label Studio"
        ) from exc
