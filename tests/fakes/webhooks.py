"""Webhooks as Label Studio sends them: a post to each hook within the request that caused it,
one second of patience, never again. A plan says what becomes of each post."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx

PATIENCE_S = 1.0
ACTIONS = {
    ("POST", "annotations"): "ANNOTATION_CREATED",
    ("PATCH", "annotations"): "ANNOTATION_UPDATED",
    ("DELETE", "annotations"): "ANNOTATIONS_DELETED",
    ("POST", "import"): "TASKS_CREATED",
    ("DELETE", "tasks"): "TASKS_DELETED",
}


class Deliveries:
    """ways: what becomes of one post after another: "once", "twice", "lost", or "late", which
    lets the next one overtake it; "once" when they are used up."""

    def __init__(self, ways: Iterator[str]) -> None:
        self._ways = ways
        self._late: list[tuple[dict[str, Any], str]] = []
        self.sent: list[str] = []

    def post(self, hook: dict[str, Any], action: str) -> None:
        way = next(self._ways, "once")
        if way == "late":
            self._late.append((hook, action))
            return
        for _ in range({"lost": 0, "twice": 2}.get(way, 1)):
            self._send(hook, action)
        overtaken, self._late = self._late, []
        for one in overtaken:
            self._send(*one)

    def _send(self, hook: dict[str, Any], action: str) -> None:
        self.sent.append(action)
        with suppress(httpx.HTTPError):
            httpx.post(
                hook["url"],
                headers=hook["headers"],
                json={"action": action},
                timeout=PATIENCE_S,
                trust_env=False,
            )


def action_of(method: str, path: str) -> str | None:
    """What a request is called that changed something; None for others."""
    parts = [part for part in path.split("/") if part and not part.isdigit()]
    return ACTIONS.get((method, parts[-1])) if parts else None
