"""Images in cloud storage, by addresses as s3://bucket/a.png, through fsspec.

Credentials are those of the storage's own library: its environment variables, its files, or the
machine's role. The library is not installed with Maskloop, except for fsspec itself. `s3://` was
tried with s3fs 2026.9.0 on moto 5.2.5, not on Amazon's servers; `gs://` and `az://` were not tried.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from daemon.domain.errors import ImageRefused
from daemon.pixels import too_large

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
TOTAL_S = 120.0  # for one image
BACKOFF_S = 300.0  # for a storage that did not answer


def is_cloud_address(uri: str) -> bool:
    """Whether this is an address in cloud storage."""
    return urlsplit(uri).scheme in LIBRARIES


class CloudStorage:
    """Reads images from cloud storage. total_s: seconds for one. monotonic: a clock in seconds.

    The libraries have no timeout, so each image is read in a thread of its own. Where it takes
    longer than `total_s`, the scheme is not asked again for `BACKOFF_S`.
    """

    def __init__(
        self, total_s: float = TOTAL_S, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._total_s, self._monotonic = total_s, monotonic
        self._retry_at: dict[str, float] = {}  # scheme -> time of the clock

    def read(self, uri: str, max_bytes: int) -> bytes:
        """The bytes at an address in cloud storage. Raises ImageRefused."""
        scheme = urlsplit(uri).scheme
        left = self._retry_at.get(scheme, 0.0) - self._monotonic()
        if left > 0:
            raise ImageRefused(
                got=f"no answer of the {scheme} storage a while ago",
                expected="the image",
                cure=f"it is asked again in {left:.0f} s",
            )
        result: list[bytes | Exception] = []
        thread = threading.Thread(
            target=_append_result,
            args=(result, lambda: _read_or_refuse(uri, scheme, max_bytes)),
            daemon=True,
        )
        thread.start()
        thread.join(self._total_s)
        if not result:
            self._retry_at[scheme] = self._monotonic() + BACKOFF_S
            raise ImageRefused(
                got=f"no answer of the {scheme} storage in {self._total_s:.0f} s",
                expected="the image",
                cure="see whether this machine reaches the storage",
            )
        if isinstance(result[0], Exception):
            raise result[0]
        return result[0]


def _append_result(result: list[bytes | Exception], read: Callable[[], bytes]) -> None:
    try:
        result.append(read())
    except (ImageRefused, MemoryError) as exc:
        result.append(exc)


def _read_or_refuse(uri: str, scheme: str, max_bytes: int) -> bytes:
    """Each storage library has errors of its own; all become one of ours."""
    try:
        return _read(uri, scheme, max_bytes)
    except (ImageRefused, MemoryError):
        raise
    except Exception as exc:
        words = f"{type(exc).__name__}: {exc}"
        raise ImageRefused(
            got=words[:300],
            expected="the bytes of the object",
            cure="does the daemon have credentials that may read it?",
        ) from exc


def _read(uri: str, scheme: str, max_bytes: int) -> bytes:
    """The announced size first, then no more than the limit, whatever comes."""
    path = uri.partition("://")[2]
    if "::" in uri or not path:
        raise ImageRefused(
            got="an address that cannot be read",
            expected=f"{scheme}://bucket/name",
            cure="correct it in the task",
        )
    files = _filesystem(scheme)
    size = files.info(path).get("size")
    if isinstance(size, int) and size > max_bytes:
        raise too_large("the storage", max_bytes)
    content = bytes(files.cat_file(path, start=0, end=max_bytes + 1))
    if len(content) > max_bytes:
        raise too_large("the storage", max_bytes)
    return content


def _filesystem(scheme: str) -> Any:
    try:
        return importlib.import_module("fsspec").filesystem(scheme)
    except ImportError as exc:
        library = LIBRARIES[scheme]
        raise ImageRefused(
            got=f"an address of {scheme}://",
            expected=f"the library {library}, which is not installed",
            cure=f"pip install {library} and start the daemon again, or register the bucket as "
            f"storage in Label Studio",
        ) from exc
