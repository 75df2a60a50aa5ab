"""What the texts of config.toml may be: addresses, class names, patterns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

import regex

MOST_CLASSES = 255
HOST_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


def require_url(text: str) -> None:
    """Raise ValueError for what is no address of a server."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError as exc:
        raise ValueError(f"is no address: {exc}; expected http://HOST or https://HOST") from exc
    if not known:
        raise ValueError("must begin with http:// or https:// and name a host")


def require_host_name(text: str) -> None:
    """Raise ValueError for what is no name of a host, without scheme and port."""
    if not HOST_NAME.fullmatch(text):
        raise ValueError(
            f"{text!r} is no name of a host; expected one like maskloop.example.org, without "
            f"http:// and without a port"
        )


def require_names(names: Sequence[str]) -> None:
    """Raise ValueError for class names that are too few, too many, alike or not printable."""
    if not 2 <= len(names) <= MOST_CLASSES:
        raise ValueError(
            f"{len(names)} names: expected 2 to {MOST_CLASSES} classes, background first"
        )
    for name in names:
        if not name.strip() or name != name.strip() or not name.isprintable():
            raise ValueError(
                f"{name!r}: expected class names without blanks around them and without "
                f"control characters, and none that is empty"
            )
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"class names must be distinct; {twice[0]!r} stands there twice")


def require_fitting(names: Sequence[str], ignore_label: str, renamed: Mapping[str, str]) -> None:
    """Raise ValueError where the label to ignore, or an old name, is a class of its own."""
    if ignore_label in names:
        raise ValueError(
            f"ignore_label = {ignore_label!r} is in names too; class names must be distinct from it"
        )
    for old, new in renamed.items():
        if old in names or new not in (*names, ""):
            raise ValueError(
                f"renamed = {{ {old!r} = {new!r} }}: expected an old name that is not in names "
                f"any more, and the name in names that it has now (or an empty one: its pixels "
                f"have no label any more)"
            )


def require_group(text: str) -> None:
    """Raise ValueError for a pattern that is none, or that has no group to name."""
    try:
        groups = regex.compile(text).groups
    except (regex.error, RecursionError, OverflowError) as exc:
        raise ValueError(f"is no regular expression: {exc}; correct it") from exc
    if text and not groups:
        raise ValueError(
            "has no group; expected (...) around the part that names the group, as "
            "'^(video[0-9]+)_'"
        )


def require_finite(settings: Mapping[str, object]) -> None:
    """Raise ValueError that names a setting which holds NaN or inf."""
    for name, value in settings.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, float) and not math.isfinite(one):
                raise ValueError(f"{name} = {value!r}: expected finite numbers")
