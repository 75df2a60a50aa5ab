"""Types of the options of `maskloop`: what cannot be one is refused as wrong usage."""

from __future__ import annotations

import argparse
from pathlib import Path

from daemon.config.ranges import expanded_path

MOST_DIGITS = 9  # of a number of cycles or of a project


def path(text: str) -> Path:
    """A path, in which ~ and variables stand for what they name."""
    try:
        return Path(expanded_path(text))
    except ValueError as exc:
        raise argparse.ArgumentTypeError(f"{text}: {exc}") from exc


def count(text: str) -> int:
    """A whole number from 0 on."""
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise argparse.ArgumentTypeError(f"{text}: expected a whole number, 0 or more")
    return int(text)


def project_number(text: str) -> int:
    """The number of a project, from 1 on."""
    number = count(text)
    if number == 0:
        raise argparse.ArgumentTypeError("0: expected the number of a project, 1 or more")
    return number
