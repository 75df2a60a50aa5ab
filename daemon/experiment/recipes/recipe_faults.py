"""What is wrong with a recipe, in words: line, table, setting, what was got and expected. Pure."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from daemon.config import learner
from daemon.config.ranges import expected, nearest
from daemon.config.text_checks import require_group
from daemon.config.toml_lines import Lines
from daemon.domain.formatting import short_repr
from daemon.experiment.recipes.recipe_model import SAMPLE, Arm, Recipe

Place = tuple[str, ...]
TYPED = ("method", "iterations")  # settings of the learner that the recipe has fields for
WORDS = {"min_length": "is empty; expected at least one", "max_length": "holds too many"}


def type_faults(found: ValidationError, lines: Lines) -> list[str]:
    """What pydantic found, each place once."""
    faults: dict[Place, str] = {}
    for error in found.errors():
        place, words = _fault(error)
        faults.setdefault(place, _sentence(place, words, lines))
    return list(faults.values())


def in_order(faults: Iterable[str]) -> list[str]:
    """The sentences, each once, in the order of the lines that they begin with."""
    numbered = [(re.match(r"line (\d+)", fault), fault) for fault in dict.fromkeys(faults)]
    numbered.sort(key=lambda pair: int(pair[0][1]) if pair[0] else 0)
    return [fault for _, fault in numbered]


def learner_faults(content: Mapping[str, Any], lines: Lines) -> Iterator[str]:
    """The faults of the learner's settings, which are checked by their own model."""
    shared = _table(content, "training")
    for name, arm in _table(content, "arms").items():
        if not isinstance(arm, Mapping):
            continue
        given = {
            **{key: shared[key] for key in ("preset", "iterations") if key in shared},
            **{key: arm[key] for key in ("method", "iterations") if key in arm},
            **_table(shared, "settings"),
            **_table(arm, "settings"),
        }
        own = ("arms", name)
        for key, found in learner.faults_of(given).items():
            within = key in _table(arm, "settings")
            if not within and key in TYPED and key not in _table(shared, "settings"):
                continue  # the model of the recipe says it
            place = (*own, "settings", key) if within else ("training", _home(shared, key))
            yield from (_sentence(place, words, lines) for words in found)


def contradictions(recipe: Recipe, lines: Lines) -> Iterator[str]:
    """Values that are possible alone but not together."""
    for place, pattern in (
        (("sample", "group_by"), recipe.sample.group_by),
        (("lists", "same_picture"), recipe.lists.same_picture),
    ):
        try:
            require_group(pattern)
        except ValueError as exc:
            yield _sentence(place, f"{place[1]} = {short_repr(pattern)}: {exc}", lines)
    reference = recipe.report.reference
    if reference and reference not in recipe.arms:
        near = nearest(reference, recipe.arms)
        words = f"reference = {short_repr(reference)}: there is no such arm{near}; expected one of "
        yield _sentence(("report", "reference"), f"{words}{', '.join(recipe.arms)}", lines)
    for name, arm in recipe.arms.items():
        if arm.iterations is not None and arm.max_seconds is not None:
            words = "iterations and max_seconds: expected one of them; delete the other"
            yield _sentence(("arms", name, "max_seconds"), words, lines)
        labels = arm.labels
        if isinstance(labels, int) and not recipe.lists.labeled and labels > recipe.sample.n:
            words = f"labels = {labels}: expected at most the {recipe.sample.n} images of [sample]"
            yield _sentence(("arms", name, "labels"), f'{words}, or "{SAMPLE}"', lines)
    if recipe.training.iterations is not None and recipe.training.max_seconds is not None:
        words = "iterations and max_seconds: expected one of them; delete the other"
        yield _sentence(("training", "max_seconds"), words, lines)


def _fault(error: ErrorDetails) -> tuple[Place, str]:
    """Where it stands, and what is wrong."""
    place = tuple(str(part) for part in error["loc"] if str(part) != "[key]")
    model, field, known = _walk(place)
    name = place[-1]
    if error["type"] == "extra_forbidden":
        fields = model.model_fields if model else {}
        kind = "table" if isinstance(error["input"], Mapping) else "setting"
        return place, f"{name}: there is no such {kind}{nearest(name, fields)}"
    if error["type"] == "missing":
        words = f"expected {expected(field)} ({field.description})" if field else "expected a table"
        return place, f"{name}: is missing; {words}"
    if str(error["loc"][-1]) == "[key]":
        return place, f"{name}: expected a name of small letters, digits and hyphens, at most 40"
    if error["type"] in ("too_short", "too_long"):
        limit = "min_length" if error["type"] == "too_short" else "max_length"
        return known, f"{known[-1]}: {WORDS[limit]}"
    if error["type"] == "value_error":
        return known, f"{known[-1]}: {error['ctx']['error']}"
    if field is None:
        got = short_repr(error["input"])
        return known, f"{known[-1]} = {got}: expected a table; write [{'.'.join(known)}]"
    words = f"expected {_expected(field)} ({field.description})"
    return known, f"{known[-1]} = {short_repr(error['input'])}: {words}"


def _expected(field: FieldInfo) -> str:
    """As `expected` says it; a choice between kinds by its description alone."""
    union = typing.get_origin(field.annotation) in (typing.Union, types.UnionType)
    kinds = [kind for kind in typing.get_args(field.annotation) if kind is not type(None)]
    return "another value" if union and len(kinds) > 1 else expected(field)


def _walk(place: Place) -> tuple[type[BaseModel] | None, FieldInfo | None, Place]:
    """The model that holds the last part that is known, its field (None: a table), and the place
    up to there."""
    model: type[BaseModel] = Recipe
    for depth, part in enumerate(place):
        if model is Recipe and part == "arms":
            if depth + 1 >= len(place):
                return Recipe, None, place
            continue
        if depth and place[depth - 1] == "arms" and model is Recipe:
            model = Arm
            continue
        field = model.model_fields.get(part)
        if field is None:
            return model, None, place[: depth + 1]
        kind: Any = field.annotation
        if typing.get_origin(kind) is Mapping and depth + 1 < len(place):
            inner = FieldInfo.from_annotation(typing.get_args(kind)[1])
            inner.description = field.description
            return model, inner, place[: depth + 2]
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
            return model, field, place[: depth + 1]
        model = kind
    return model, None, place


def _sentence(place: Sequence[str], words: str, lines: Lines) -> str:
    """The fault with its line, where it stands in the file, and its table."""
    at = tuple(place)
    line = next((lines[at[:n]] for n in range(len(at), 0, -1) if at[:n] in lines), None)
    table = f"[{'.'.join(at[:-1])}] " if len(at) > 1 else ""
    return f"{f'line {line}: ' if line else ''}{table}{words}"


def _home(shared: Mapping[str, Any], key: str) -> str:
    return "settings" if key in _table(shared, "settings") else key


def _table(content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = content.get(name)
    return found if isinstance(found, Mapping) else {}
