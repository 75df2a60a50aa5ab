"""What the names of files, folders and lists say of a split. Every format goes by these words."""

from __future__ import annotations

import re

TRAIN = ("train", "training")
HELD_OUT = (
    *("val", "valid", "validation", "dev", "test", "testing", "holdout", "eval"),
    *("excluded", "exclude", "ignored"),  # repeats what is held out, or is wrong
)
_WORDS = re.compile(rf"(?<![a-z])({'|'.join((*TRAIN, *HELD_OUT))})(?![a-z])")
_HELD_OUT = re.compile(rf"(?<![a-z])({'|'.join(HELD_OUT)})(?![a-z])")


def named_split(path: str) -> tuple[str, ...]:
    """The split that a path names, the word nearest to its end; () where none does."""
    return tuple(_WORDS.findall(path.lower())[-1:])


def is_held_out(split: str) -> bool:
    """Whether a list holds images that no model may learn from: test, val2017, a/test-dev."""
    return _HELD_OUT.search(split.lower()) is not None
