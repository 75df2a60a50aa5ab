"""Sessions: who signed in with a token, in a signed cookie that expires.

The key of the signature is made from the token of the role, so another token ends its sessions, and
a restart does not. Sessions that were ended by hand are remembered until they would have expired.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from itsdangerous import BadData, URLSafeSerializer

from daemon.config.web_tokens import WebTokens
from daemon.domain import Clock
from daemon.domain.commands import AccessRole

MOST_COOKIE_CHARACTERS = 1000
LINK_LIFETIME = timedelta(minutes=5)
_SESSION, _LINK = "maskloop session", "maskloop one-time link"  # what a signature is for


@dataclass(frozen=True, kw_only=True)
class Visitor:
    """Who makes a request. role: None for one who has not signed in. session: its id. csrf: what a
    page of this session sends with every action."""

    role: AccessRole | None = None
    session: str = ""
    csrf: str = ""

    @property
    def sees_names(self) -> bool:
        """Whether the names of people are shown."""
        return self.role is AccessRole.LEAD


class Sessions:
    """Makes, recognizes and ends sessions; every thread may call it.

    read_tokens: the tokens as they are now. lifetime: after which people sign in again.
    """

    def __init__(
        self, read_tokens: Callable[[], WebTokens], now: Clock, lifetime: timedelta
    ) -> None:
        self._read_tokens, self._now, self._lifetime = read_tokens, now, lifetime
        self._ended: dict[str, datetime] = {}  # id of a session or link -> when it expires
        self._lock = threading.Lock()

    def role_of_token(self, given: str) -> AccessRole | None:
        """The role of somebody who has this token; None for a wrong one."""
        matching = None
        for role, token in self._tokens().items():
            if token and hmac.compare_digest(given.encode("utf-8", "replace"), token.encode()):
                matching = role
        return matching

    def role_of_link(self, code: str) -> AccessRole | None:
        """The role of a one-time link, which is used up by this; None for one that is used up, too
        old or forged."""
        if (found := self._verified(code, _LINK)) is None:
            return None
        role, number, expires = found
        return role if self._end(number, expires) else None

    def begin(self, role: AccessRole) -> str:
        """A new session of this role, as the value of its cookie."""
        return signed(self._tokens()[role], _SESSION, self._now() + self._lifetime)

    def visitor(self, cookie: str) -> Visitor:
        """Who has this cookie; nobody known where it is forged, has expired or was ended."""
        if (found := self._verified(cookie, _SESSION)) is None:
            return Visitor()
        role, session, _ = found
        with self._lock:
            if session in self._ended:
                return Visitor()
        return Visitor(role=role, session=session, csrf=self._csrf(role, session))

    def end(self, visitor: Visitor) -> None:
        """End a session, also where somebody kept its cookie."""
        self._end(visitor.session, self._now() + self._lifetime)

    def _end(self, number: str, expires: datetime) -> bool:
        """Remember a session or link as ended; whether it was not ended before."""
        now = self._now()
        with self._lock:
            self._ended = {each: at for each, at in self._ended.items() if at > now}
            is_new = number not in self._ended
            self._ended[number] = expires
        return is_new

    def _tokens(self) -> Mapping[AccessRole, str]:
        tokens = self._read_tokens()
        return {AccessRole.LEAD: tokens.lead, AccessRole.VIEWER: tokens.viewer}

    def _verified(self, value: str, purpose: str) -> tuple[AccessRole, str, datetime] | None:
        """(role, id, expiry) of what `signed` made; None where it is forged or has expired."""
        if not value or len(value) > MOST_COOKIE_CHARACTERS:
            return None
        for role, token in self._tokens().items():
            try:
                number, expires = _serializer(token, purpose).loads(value) if token else ("", 0)
                at = datetime.fromtimestamp(expires, tz=self._now().tzinfo)
            except (BadData, TypeError, ValueError, OverflowError):
                continue
            if at > self._now():
                return role, str(number), at
        return None

    def _csrf(self, role: AccessRole, session: str) -> str:
        key = f"maskloop csrf {self._tokens()[role]}".encode()
        return hmac.new(key, session.encode(), hashlib.sha256).hexdigest()


def link_code(token: str, now: datetime) -> str:
    """The code of a link that signs in once within LINK_LIFETIME, made with a token."""
    return signed(token, _LINK, now + LINK_LIFETIME)


def signed(token: str, purpose: str, expires: datetime) -> str:
    """A new id and its expiry, signed with a key that is made from the token; safe in a URL."""
    content = [secrets.token_urlsafe(16), int(expires.timestamp())]
    return str(_serializer(token, purpose).dumps(content))


def _serializer(token: str, purpose: str) -> URLSafeSerializer:
    return URLSafeSerializer(
        token,
        salt=purpose,
        signer_kwargs={"key_derivation": "hmac", "digest_method": hashlib.sha256},
    )
