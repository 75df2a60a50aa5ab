"""Types of the options of `maskloop`; a text that is none of the type is wrong usage."""

from __future__ import annotations

import argparse
from pathlib import Path

from daemon.config.ranges import expanded_path

MOST_DIGITS = 9  # of a number of cycles or of a project


def path(text: str) -> Path:
    """A path, with ~ and variables of the environment expanded."""
    try:
        return Path(expanded_path(text))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text}: {exc}") from exc


def count(text: str) -> int:
    """A whole number, 0 or more, of at most nine digits."""
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number, 0 or more")
    return int(text)


def project_number(text: str) -> int:
    """The number of a project, 1 or more."""
    number = count(text)
    if number == 0:
        raise argparse.ArgumentTypeError("0: expected the number of a project, 1 or more")
    return number
