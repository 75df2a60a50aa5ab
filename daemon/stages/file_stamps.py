"""Stamps of local files: time and size, which show a change without reading the file."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

MISSING = "missing"
_PLAIN = re.compile(r"file:///[^?#\x00-\x20\x7f-\U0010ffff]*")  # as Path.as_uri writes them


def stamp_of(path: Path) -> str:
    """Modification time in ns and size in bytes, as "TIME-SIZE"; "missing" without such a file.

    Equal stamps mean the same bytes, unless somebody set the file's time back.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a name with a NUL
        return MISSING
    return f"{status.st_mtime_ns}-{status.st_size}"


def local_path(uri: str) -> Path | None:
    """The path of a file:// address; None for other addresses."""
    if uri.startswith(("/", "http://", "https://")):  # fast, since a listing calls this per image
        return None
    if _PLAIN.fullmatch(uri):
        return Path(unquote(uri.removeprefix("file://")))
    with suppress(ValueError):
        parts = urlsplit(uri)
        if parts.scheme == "file":
            return Path(unquote(parts.path))
    return None
