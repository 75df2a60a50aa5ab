"""What there is to label: images, and what each is for."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from pathlib import Path


class Role(enum.StrEnum):
    """What an image is for. It is decided once, in cycle 0, or when the image arrives."""

    POOL = "pool"  # may be selected, and teaches without a label until then
    VALIDATION = "validation"  # measures the model, never trains it, never moves
    EXCLUDED = "excluded"  # see Exclusion


class Exclusion(enum.StrEnum):
    """Why an image is EXCLUDED. The first four are decided again whenever images arrive or a
    setting changes; an UNREADABLE one comes back when its file is whole again."""

    GROUP = "group"  # shares a group with a validation image
    NEAR_VALIDATION = "near_validation"
    TEST_CONTENT = "test_content"  # the same bytes as a test image
    NEAR_TEST = "near_test"
    COPY = "copy"  # the same bytes as another image, which stands for both
    UNREADABLE = "unreadable"  # a run could not use its file or its mask
    PERSON = "person"  # a person left it out; only a person takes it back


@dataclass(frozen=True, kw_only=True)
class FoundImage:
    """An image as the labeling tool names it, before we have looked inside.

    key: the tool's stable name for it, unique in the project. uri: where its bytes are.
    task: the tool's task that shows it, where one exists already.
    """

    key: str
    name: str
    uri: str
    task: str | None = None


@dataclass(frozen=True, kw_only=True)
class Image:
    """One picture of the data set, labeled or not. `path` is a local file that was checked."""

    id: int
    key: str
    name: str
    uri: str
    path: Path
    height_px: int
    width_px: int
    sha256: str
    role: Role = Role.POOL


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownImage:
    """What the intake compares a found image with.

    task: the labeling tool's task that shows it, where one existed before us. stamp: of its file
    or of the server's answer, "" for none: it differs when the bytes may have changed.
    checked_at: when the bytes were compared last, ISO 8601, "" for never. aside_stamp: of the file
    that a run could not use; None for an image that is not set aside.
    """

    id: int
    key: str
    sha256: str
    task: str | None
    stamp: str
    checked_at: str
    aside_stamp: str | None = None


@dataclass(frozen=True, kw_only=True)
class IdenticalImage:
    """An image among those with the same bytes. copy_of: the one that stands for it, or None."""

    id: int
    key: str
    role: Role
    copy_of: int | None
