"""People who sign in to the pages."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from flask.testing import FlaskClient

from daemon.config.loading import Config
from daemon.config.web_tokens import make_token, web_tokens

LEAD, VIEWER = "lead-token-0123456789", "viewer-token-0123456789"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


def signed_in(client: FlaskClient, config: Config) -> str:
    """Sign in as a lead on loopback; what the pages then send with every action."""
    make_token(config)
    answer = client.post("/api/v1/session", json={"token": web_tokens(config).lead})
    assert answer.get_json() == {"role": "lead"}
    return csrf_of(client.get("/").text)


def csrf_of(page: str) -> str:
    """The token in a page's head; "" where the visitor has none."""
    found = re.search(r'<meta name="csrf-token" content="(\w+)">', page)
    return found[1] if found else ""
