"""How the smart tool did: answers, their time, fall-backs, what could not be used."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from daemon.insight.view_model import Count, Seconds, Share, ViewModel

NEWEST = 1000  # answers over which times are counted
MOST_NAMES = 20  # of unreadable images


class SmartToolFigures(ViewModel):
    """What became of the clicks of people since the daemon started."""

    engines: Mapping[str, Count]
    """Engine -> masks that it suggested, most first."""
    seconds_median: Seconds | None
    """Median time of the newest 1000 answers with a mask; null without any."""
    seconds_p95: Seconds | None
    """95th percentile of these."""
    fallbacks: Count
    """Answers by another engine, since the wanted one was late or not there."""
    negative_share: Share | None
    """Share of the newest clicks that took something away; null without clicks. With none at all
    people may have Auto-Accept on, where negative clicks are lost."""
    without_mask: Mapping[str, Count]
    """Why requests were answered by no mask -> how many, most first."""
    unreadable_images: tuple[str, ...]
    """Names of images that could not be read, oldest first; at most 20."""

    @property
    def masks(self) -> int:
        """Masks that were suggested."""
        return sum(self.engines.values())

    def words(self) -> str:
        """The same in one sentence."""
        engines = ", ".join(f"{count} by {name}" for name, count in self.engines.items())
        parts = [f"the smart tool suggested {self.masks} masks ({engines or 'none'})"]
        if self.seconds_median is not None and self.seconds_p95 is not None:
            parts.append(f"{self.seconds_median:.2f} s each (median; 95 %: {self.seconds_p95:.2f})")
        if self.fallbacks:
            parts.append(f"{self.fallbacks} in the place of a late click_net or sam")
        if self.negative_share is not None:
            hint = "" if self.negative_share else ": is Auto-Accept on?"
            parts.append(f"{self.negative_share:.0%} of the clicks negative{hint}")
        if self.without_mask:
            reasons = ", ".join(f"{why} {count}" for why, count in self.without_mask.items())
            parts.append(f"no mask: {reasons}")
        if self.unreadable_images:
            parts.append(f"cannot be read: {', '.join(self.unreadable_images)}")
        return "; ".join(parts)


@dataclass
class SmartToolTally:
    """Counts what becomes of clicks. Thread-safe."""

    _engines: Counter[str] = field(default_factory=Counter)
    _reasons: Counter[str] = field(default_factory=Counter)
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=NEWEST))
    _signs: deque[bool] = field(default_factory=lambda: deque(maxlen=NEWEST))
    _unreadable: dict[str, None] = field(default_factory=dict)
    _fallbacks: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count_mask(self, engine: str, seconds: float, *, fell_back: bool) -> None:
        """A mask was suggested."""
        with self._lock:
            self._engines[engine] += 1
            self._seconds.append(seconds)
            self._fallbacks += fell_back

    def count_click(self, *, positive: bool) -> None:
        """A click came: the newest of a request."""
        with self._lock:
            self._signs.append(positive)

    def count_nothing(self, why: str) -> None:
        """A request was answered by no mask."""
        with self._lock:
            self._reasons[why] += 1

    def note_unreadable(self, name: str) -> None:
        """An image could not be read."""
        with self._lock:
            if len(self._unreadable) < MOST_NAMES:
                self._unreadable[name] = None

    def figures(self) -> SmartToolFigures:
        """All of it, as it is now."""
        with self._lock:
            times = np.array(self._seconds)
            return SmartToolFigures(
                engines=dict(self._engines.most_common()),
                seconds_median=float(np.median(times)) if times.size else None,
                seconds_p95=float(np.percentile(times, 95)) if times.size else None,
                fallbacks=self._fallbacks,
                negative_share=1 - float(np.mean(self._signs)) if self._signs else None,
                without_mask=dict(self._reasons.most_common()),
                unreadable_images=tuple(self._unreadable),
            )
