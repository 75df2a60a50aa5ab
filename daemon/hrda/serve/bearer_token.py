"""Who may ask: the bearer of the token; without one, programs on this machine only."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Mapping
from urllib.parse import urlsplit

from daemon.domain.errors import ConfigError
from daemon.runs.model_requests import SERVE_TOKEN

LEAST_CHARACTERS = 16
_BEARER = "Bearer "


class Access:
    """Checks requests. token: "" for none."""

    def __init__(self, token: str) -> None:
        self._digest = _digest(token) if token else None

    def refusal(self, authorization: str, host: str) -> str:
        """Why a request with these headers is refused; "" for none.

        Without a token the host must be this machine by its own name: a page of another site, whose
        name was made to point here, sends that name.
        """
        if self._digest is None:
            return "" if is_loopback(_host_name(host)) else "host"
        given = authorization.removeprefix(_BEARER) if authorization.startswith(_BEARER) else ""
        return "" if hmac.compare_digest(_digest(given), self._digest) else "token"


def token_of(environment: Mapping[str, str], host: str) -> str:
    """The token of the environment; "" where none is needed. Raises ConfigError where one is, and
    for one that is too short to be a secret."""
    token = environment.get(SERVE_TOKEN, "").strip()
    if not token and not is_loopback(host):
        raise ConfigError(
            f"--host {host}: other machines can reach it; expected a token in {SERVE_TOKEN}, which "
            f"requests then carry as `Authorization: Bearer TOKEN`; set one, or serve on 127.0.0.1"
        )
    if token and (len(token) < LEAST_CHARACTERS or not token.isascii() or not token.isprintable()):
        raise ConfigError(
            f"{SERVE_TOKEN}: got {len(token)} characters; expected at least {LEAST_CHARACTERS} "
            f"printable ones of ASCII; `openssl rand -hex 32` makes a good one"
        )
    return token


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host by this name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _host_name(header: str) -> str:
    """The name in a Host header, without the port; "" for none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _digest(token: str) -> bytes:
    """Of one length for all tokens, so that comparing takes the same time for all."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
