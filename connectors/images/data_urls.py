"""Pictures that stand in a task's data themselves, as data:image/png;base64,... of any length.

They are named by a digest, so that a picture of megabytes costs a hundred characters wherever it is
only named: in the store, the log and a page.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from urllib.parse import unquote_to_bytes

from connectors.images.cache import too_large
from daemon.domain.errors import ImageRefused
from daemon.domain.faults import printable

LONGEST = 8000  # characters of an address; signed ones have up to 3000
_KIND = re.compile(r"data:image/([a-z0-9.+-]{1,20})[;,]", re.IGNORECASE)
_NAME = "data:image/"
_DIGEST = ";sha256="


def key_of_address(address: str) -> str:
    """The address itself; of a picture in the data, or of an address that is longer than any real
    one, a short name that no other one has."""
    if address[:5].lower() == "data:":
        found = _KIND.match(address)
        digest = hashlib.sha256(address.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{_NAME}{found[1].lower() if found else 'unknown'}{_DIGEST}{digest}"
    return printable(address) if len(address) > LONGEST else address


def is_inline(key: str) -> bool:
    """Whether this key stands for a picture that is in the data of its task."""
    return key.startswith(_NAME) and _DIGEST in key


def stands_for_more(key: str) -> bool:
    """Whether a task with this key holds more than it, so that it cannot be looked up by it."""
    return is_inline(key) or "characters, sha256 " in key[-100:]


def name_of_inline(key: str) -> str:
    """What people call it: the beginning of its digest and its kind."""
    kind, _, digest = key.removeprefix(_NAME).partition(_DIGEST)
    return f"inline-{digest[:12]}.{kind}"


def decoded(address: str, max_bytes: int) -> bytes:
    """The bytes of a picture in the data. Raises ImageRefused."""
    head, comma, body = address.partition(",")
    if not comma or not _KIND.match(f"{head},"):
        raise ImageRefused(
            f"got {head[:60]!r}; expected data:image/png;base64,... or an address; serve the image "
            f"through Label Studio"
        )
    if len(body) > 2 * max_bytes:
        raise too_large("the task's data", max_bytes)
    try:
        packed = head.lower().endswith(";base64")
        raw = unquote_to_bytes(body)
        content = base64.b64decode(b"".join(raw.split()), validate=True) if packed else raw
    except (binascii.Error, ValueError) as exc:
        raise ImageRefused(f"got base64 that cannot be read: {exc}; import the image anew") from exc
    if len(content) > max_bytes:
        raise too_large("the task's data", max_bytes)
    return content
