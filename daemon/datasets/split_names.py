"""What the names of files, folders and lists say of a split. Every format goes by these words."""

from __future__ import annotations

import re

TRAIN = ("train", "training")
HELD_OUT = (
    *("val", "valid", "validation", "dev", "test", "testing", "holdout", "eval"),
    *("excluded", "exclude", "ignored"),  # repeats what is held out, or is wrong
)
_WORDS = re.compile(rf"(?<![a-z])({'|'.join((*TRAIN, *HELD_OUT))})(?![a-z])")
_FOLDER = re.compile(
    rf"(?:(?:images?|imgs?|labels?|masks?)[ _-])?({'|'.join((*TRAIN, *HELD_OUT))})"
    rf"(?:[ _-]?(?:\d+|images?|imgs?|set|data|dev))?"
)
_HELD_OUT = re.compile(rf"(?<![a-z])({'|'.join(HELD_OUT)})(?![a-z])")


def named_split(path: str) -> tuple[str, ...]:
    """The split that a path names, the word nearest to its end; () where none does."""
    return tuple(_WORDS.findall(path.lower())[-1:])


def folder_split(folder: str) -> tuple[str, ...]:
    """The split that a folder is called after: val2017, test-dev, images_train; () where it is not.

    A folder that is called after a project, as field-test-3, is no split.
    """
    found = _FOLDER.fullmatch(folder.lower())
    return (found[1],) if found else ()


def is_held_out(split: str) -> bool:
    """Whether a list holds images that no model may learn from: test, val2017, a/test-dev."""
    return _HELD_OUT.search(split.lower()) is not None
