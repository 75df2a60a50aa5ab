"""Which requests are refused whoever makes them: a foreign host name, a foreign page. Pure.

A page of another site may make a browser send requests here. It can make its own host name point to
this machine (DNS rebinding), so a name has to be known; a number needs no name server and is safe.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

LOCAL_NAMES = frozenset({"localhost"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def host_fault(host: str, known: Collection[str]) -> str:
    """Why a request for this host is refused, as a sentence; "" where it is not.

    host: the header, with or without a port. known: names of this server in lower case.
    """
    name = _host_name(f"//{host}")
    if name in known or name in LOCAL_NAMES or _is_address(name):
        return ""
    return (
        "this name of the server is not known here; open the page by its address, or write the "
        "name into [web] names in config.toml"
    )


def origin_fault(origin: str | None, site: str | None, host: str, known: Collection[str]) -> str:
    """Why a request that changes something is refused; "" where a page of ours made it.

    origin, site: the headers Origin and Sec-Fetch-Site, None where there is none, as from a program
    that is no browser. host, known: as in `host_fault`.
    """
    if site is not None and site not in ("same-origin", "none"):
        return "a page of another site made this request"
    if origin is None:
        return ""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return "a page of another site made this request"
    own = parts.netloc.lower() == host.lower() or (parts.hostname or "") in known
    if parts.scheme in ("http", "https") and own:
        return ""
    return "a page of another site made this request"


def _host_name(address: str) -> str:
    try:
        return (urlsplit(address).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
