"""What a page has asked of the loop, as it has reached the store."""

from __future__ import annotations

import time
from typing import Any

from daemon.config.loading import Config
from daemon.store import FILE, Store
from tests.browser.chromium import PATIENCE_S


def sent(config: Config, verb: str) -> list[dict[str, Any]]:
    """The arguments of the waiting commands of this verb, once there is one.

    A page says that it has asked before its request has arrived.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with Store(config.state / FILE, read_only=True) as store:
            waiting = store.waiting_commands()
        found = [dict(one.arguments) for one in waiting if one.verb == verb]
        if found:
            return found
        assert time.monotonic() < deadline, f"{verb} never came; there wait {waiting}"
        time.sleep(0.05)
