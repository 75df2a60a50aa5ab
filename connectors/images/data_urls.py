"""Images that are embedded in a task's data, as data:image/png;base64,... of any length.

Their key is a digest of some hundred characters, for the store, the log and the page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from urllib.parse import unquote_to_bytes

from daemon.domain.errors import ImageRefused
from daemon.domain.faults import printable
from daemon.pixels import too_large

MAX_ADDRESS_CHARS = 8000  # signed ones have up to 3000
_FORMAT = re.compile(r"data:image/([a-z0-9.+-]{1,20})[;,]", re.IGNORECASE)
_START = "data:image/"
_DIGEST = ";sha256="


def key_of_address(address: str) -> str:
    """The key of the image at this address: the address itself; for embedded images, and for
    addresses longer than any real one, a digest."""
    if address[:5].lower() == "data:":
        found = _FORMAT.match(address)
        digest = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{_START}{found[1].lower() if found else 'unknown'}{_DIGEST}{digest}"
    return printable(address) if len(address) > MAX_ADDRESS_CHARS else address


def is_inline(key: str) -> bool:
    """Whether this is the key of an image that is embedded in its task's data."""
    return key.startswith(_START) and _DIGEST in key


def is_shortened(key: str) -> bool:
    """Whether this key is a digest, by which no task can be looked up."""
    return is_inline(key) or "characters, sha256 " in key[-100:]


def name_of_inline(key: str) -> str:
    """The name of an embedded image for people: the beginning of its digest and its format."""
    suffix, _, digest = key.removeprefix(_START).partition(_DIGEST)
    return f"inline-{digest[:12]}.{suffix}"


def decode(address: str, max_bytes: int) -> bytes:
    """The bytes of an embedded image. Raises ImageRefused."""
    head, comma, body = address.partition(",")
    if not comma or not _FORMAT.match(f"{head},"):
        raise ImageRefused(
            got=repr(head[:60]),
            expected="data:image/png;base64,... or an address",
            cure="serve the image through Label Studio",
        )
    if len(body) > 2 * max_bytes:
        raise too_large("the task's data", max_bytes)
    try:
        is_base64 = head.lower().endswith(";base64")
        raw = unquote_to_bytes(body)
        content = base64.b64decode(b"".join(raw.split()), validate=True) if is_base64 else raw
    except (binascii.Error, ValueError) as exc:
        raise ImageRefused(
            got=f"base64 that cannot be read: {exc}",
            expected="a whole image",
            cure="import it again",
        ) from exc
    if len(content) > max_bytes:
        raise too_large("the task's data", max_bytes)
    return content
