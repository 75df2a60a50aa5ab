"""Formats numbers and times for the log, the terminal and the page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

ABSENT = "\N{EN DASH}"  # not measured


def fraction(value: float | None) -> str:
    """A number in [0, 1] with three decimals; a dash for what was not measured."""
    return ABSENT if value is None else f"{value:.3f}"


def interval(ends: Sequence[float] | None) -> str:
    """Both ends of an interval; a dash where there is none."""
    return ABSENT if ends is None else f"{ends[0]:.3f} to {ends[1]:.3f}"


def count(number: int, noun: str) -> str:
    """A number of things: "1 mask", "2 masks"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def signed(value: float) -> str:
    """A difference with its sign; without one if it rounds to 0."""
    text = f"{value:+.3f}"
    return text[1:] if float(text) == 0 else text.replace("-", "\N{MINUS SIGN}")


def duration(seconds: float | None) -> str:
    """Seconds as "42 s", "3 min 20 s", "4 min" or "2 h 5 min"; a dash for None."""
    if seconds is None:
        return ABSENT
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60} s" if whole % 60 else "")
    minutes = whole % 3600 // 60
    return f"{whole // 3600} h" + (f" {minutes} min" if minutes else "")


def moment(stamp: str | None) -> str:
    """A stored time, in UTC: "22 Nov 13:40 UTC"; the page's script turns it into "5 min ago"."""
    if not stamp:
        return ABSENT
    return datetime.fromisoformat(stamp).astimezone(UTC).strftime("%d %b %H:%M UTC").lstrip("0")


def measured(miou: float | None, ends: Sequence[float] | None, images: int) -> str:
    """An mIoU with its interval, if it has one, and the number of images it was measured on."""
    interval_text = f"95 %: {interval(ends)}, " if ends else ""
    return f"mIoU {fraction(miou)} ({interval_text}{count(images, 'image')})"


def waiting_for_people(open_batch: int, open_earlier: int) -> str:
    """How many images wait for annotators, and how many of them are of earlier batches."""
    number = open_batch + open_earlier
    words = f"{count(number, 'image')} {'waits' if number == 1 else 'wait'} for annotators"
    earlier = open_batch and open_earlier
    return f"{words}, {open_earlier} of them asked earlier" if earlier else words


def short_repr(value: object, limit: int = 120) -> str:
    """A value as a message shows it, in one line: its repr, cut behind `limit` characters; of a
    longer list, tuple, dict or bytes the type and the length, as "list of 5000"."""
    if isinstance(value, list | tuple | dict | bytes) and len(value) > limit:
        return f"{type(value).__name__} of {len(value)}"
    try:
        text = repr(value)
    except ValueError:  # an int of more digits than Python writes
        text = "a number of several thousand digits"
    return text if len(text) <= limit else f"{text[:limit]}... ({len(text)} characters)"
