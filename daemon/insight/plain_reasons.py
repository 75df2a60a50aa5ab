"""Why an image was asked, and who chose it, for people who have never heard of a strategy. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

_CYCLE = re.compile(r"cycle \d+, ")
_ARMS: Mapping[str, str] = {
    "validation": "validation: measures the model",
    "random": "drawn at random",
    "person": "asked by a person",
}


def arm_words(arm: str) -> str:
    """Who chose an image. arm: "validation", "random", "person" or the name of a strategy."""
    return _ARMS.get(arm, f"chosen by the strategy {arm}")


def plain_reason(reason: str, arm: str) -> str:
    """The reason of a task without what the page says beside it: the cycle and the strategy.

    The text is the one that annotators read: "cycle 3, hybrid: the model is unsure here".
    """
    words = _CYCLE.sub("", reason, count=1) if _CYCLE.match(reason) else reason
    words = words.removeprefix(f"{arm}: ").strip()
    return words[:1].upper() + words[1:]
