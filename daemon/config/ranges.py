"""What a setting may be: the range of every number, in types and in words.

The range stands once, in the type of the setting. The check and the sentence that says what was
expected are both made from it, so they cannot differ.
"""

from __future__ import annotations

import difflib
import os
import re
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo

MOST_SEED = 2**63 - 1  # what torch, NumPy and SQLite all take

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Similarity = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0.01, le=86_400, allow_inf_nan=False)]
Hours = Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)]
Positive = Annotated[int, Field(ge=1, le=1_000_000_000)]
Count = Annotated[int, Field(ge=0, le=1_000_000_000)]
Number = Annotated[int, Field(ge=0, le=2**31 - 1)]  # of a project
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
Text = Annotated[str, Field(min_length=1)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cpu:0|cuda|cuda:[0-9]{1,3})$")]

_VARIABLE = re.compile(r"\$(\w+|\{[^}]*\})")
_KINDS = {bool: "true or false", str: "a text in quotes", int: "a whole number", float: "a number"}


def expected(field: FieldInfo) -> str:
    """The values that a setting takes, in words: "a whole number from 1 to 1000"."""
    annotation, metadata = _unwrapped(field.annotation, list(field.metadata))
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, types.UnionType):
        annotation, metadata = _unwrapped(_some(annotation), metadata)
        origin = typing.get_origin(annotation)
    if origin is Literal:
        return f"one of {', '.join(map(str, typing.get_args(annotation)))}"
    if origin is tuple:
        return _list_words(annotation)
    if origin is not None and issubclass(origin, Mapping):
        return "a table: { name = value }"
    if any(getattr(part, "pattern", None) for part in metadata):
        return field.description or "another text"
    return _KINDS.get(annotation, "another value") + _bounds(metadata)


def fits(value: object, field: FieldInfo) -> bool:
    """Whether a setting takes this value, as it is."""
    kind: Any = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
    try:
        TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


def nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean NAME?` for a name that was mistyped; empty where nothing is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def expanded_path(text: str) -> str:
    """A path as it was written, with `~`, `$NAME` and `${NAME}` replaced.

    Raises ValueError for a variable that the environment lacks, for the home of an unknown user,
    and for a character that no path may hold. An address (scheme://) stays as it is.
    """
    if "://" in text:
        return text
    path = os.path.expanduser(os.path.expandvars(text))
    if missing := _VARIABLE.search(path):
        raise ValueError(
            f"the environment has no variable {missing[1].strip('{}')!r}; expected a path; export "
            f"the variable, or write the path in full"
        )
    if path.startswith("~"):
        raise ValueError(f"no user has the home {path.split('/')[0]!r}; write the path in full")
    if "\0" in path:
        raise ValueError("holds a zero byte; expected a path; remove it")
    return path


PathText = Annotated[str, AfterValidator(expanded_path)]
Sha256 = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{64})?$")]


def _unwrapped(annotation: Any, metadata: list[Any]) -> tuple[Any, list[Any]]:
    while typing.get_origin(annotation) is Annotated:
        annotation, *more = typing.get_args(annotation)
        metadata = [*metadata, *more]
    return annotation, metadata


def _some(union: Any) -> Any:
    return next(kind for kind in typing.get_args(union) if kind is not type(None))


def _list_words(annotation: Any) -> str:
    kind, metadata = _unwrapped(typing.get_args(annotation)[0], [])
    bounds = _bounds(metadata)
    return f"a list of {'whole numbers' if kind is int else 'texts in quotes'}{bounds}"


def _bounds(metadata: Iterable[Any]) -> str:
    """The bounds of a number, in words; of Field(...) inside an Annotated too."""
    found: dict[str, Any] = {}
    for part in metadata:
        for inner in [part, *getattr(part, "metadata", ())]:
            for name in ("ge", "gt", "le", "lt", "multiple_of"):
                if getattr(inner, name, None) is not None:
                    found[name] = getattr(inner, name)
    low = f" from {_number(found['ge'])}" if "ge" in found else ""
    low = f" above {_number(found['gt'])}" if "gt" in found else low
    high = f" to {_number(found['le'])}" if "le" in found else ""
    high = f" below {_number(found['lt'])}" if "lt" in found else high
    if high and "gt" in found:
        high = f" and at most {_number(found['le'])}" if "le" in found else f" and{high}"
    step = f" that is a multiple of {found['multiple_of']}" if "multiple_of" in found else ""
    return f"{step}{low}{high}"


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
