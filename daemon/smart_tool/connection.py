"""Keeps the labeling tool connected to the smart tool: at the start, and now and then after that.

Label Studio looks whether somebody answers before it connects, so this needs the page to be served.
A connection that fails keeps nothing else from working.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from connectors.base import Connector, HasSmartTool
from daemon.domain.errors import MaskloopError
from daemon.store import Store

CHECK_S = 600.0  # between two looks; people may remove the connection
RETRY_S = 60.0  # after a failure

log = logging.getLogger(__name__)


class SmartToolConnection:
    """The connection of the labeling tool to `target`. steady_s: a monotonic clock in seconds."""

    def __init__(self, target: str, password: str, steady_s: Callable[[], float]) -> None:
        self.target = target
        self._password, self._steady_s = password, steady_s
        self._due_s = 0.0
        self._failure = ""

    def keep(self, connector: Connector, store: Store, now: datetime) -> None:
        """Look at the connection where that is due; what changed becomes an event."""
        if self._steady_s() < self._due_s or not isinstance(connector, HasSmartTool):
            return
        try:
            done = connector.connect_smart_tool(self.target, self._password)
        except MaskloopError as exc:
            self._due_s = self._steady_s() + RETRY_S
            if str(exc) != self._failure:
                self._failure = str(exc)
                log.warning("%s", exc)
                store.add_event("warning", str(exc), now)
            return
        self._due_s, self._failure = self._steady_s() + CHECK_S, ""
        for words in done:
            log.info("%s", words)
            store.add_event("info", words, now)
