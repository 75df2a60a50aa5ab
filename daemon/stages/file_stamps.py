"""Whether a file may have changed, without reading it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

MISSING = "missing"
_PLAIN = re.compile(r"file:///[^?#\x00-\x20\x7f-\U0010ffff]*")  # as Path.as_uri writes them


def stamp_of(path: Path) -> str:
    """Time of change and size of a file, "missing" where there is none that can be asked.

    Two stamps that are equal mean the same bytes, unless somebody set the file's time back.
    """
    try:
        told = path.stat()
    except (OSError, ValueError):  # ValueError: a name that holds a NUL
        return MISSING
    return f"{told.st_mtime_ns}-{told.st_size}"


def local_path(uri: str) -> Path | None:
    """The file that a file:// address names, None for other addresses."""
    if uri.startswith(("/", "http://", "https://")):  # quick: asked of every image at a listing
        return None
    if _PLAIN.fullmatch(uri):
        return Path(unquote(uri.removeprefix("file://")))
    with suppress(ValueError):
        parts = urlsplit(uri)
        if parts.scheme == "file":
            return Path(unquote(parts.path))
    return None
