"""Finds and reads a recipe: a file, or the name of one that comes with Maskloop."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.config.ranges import nearest
from daemon.config.toml_lines import lines_of, read_toml
from daemon.domain.errors import ConfigError, ExperimentRefused
from daemon.experiment.recipes.recipe_faults import (
    contradictions,
    in_order,
    learner_faults,
    type_faults,
)
from daemon.experiment.recipes.recipe_model import Recipe

FOLDER = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class ReadRecipe:
    """A checked recipe. name: of the file without its ending. home: the folder that its paths
    start from. sha256: of the text of the file, 64 hex digits."""

    name: str
    source: Path
    home: Path
    recipe: Recipe
    sha256: str


def shipped_recipes() -> list[str]:
    """The names of the recipes that come with Maskloop."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_recipe(name: str, data: Path | None, changes: Sequence[str] = ()) -> ReadRecipe:
    """Read a recipe. Raises ExperimentRefused that lists all faults.

    name: a path, or a shipped name. data: the folder that its paths start from; None: that of the
    file. changes: as `training.iterations=20`, one setting each.
    """
    source = _source(name)
    if source.parent == FOLDER and data is None:
        raise ExperimentRefused(
            f"{name}: comes with Maskloop, without images; name the folder of the data with --data"
        )
    try:
        text = read_toml(source)
        content = tomllib.loads(text)
    except ConfigError as exc:
        raise ExperimentRefused(str(exc)) from exc
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as exc:
        raise ExperimentRefused(f"{source}: cannot be read as TOML: {exc}") from exc
    for change in changes:
        _apply(content, change)
    return ReadRecipe(
        name=source.stem,
        source=source,
        home=(data or source.parent).absolute(),
        recipe=_checked(content, text, source),
        sha256=hashlib.sha256(text.encode()).hexdigest(),
    )


def narrowed(read: ReadRecipe, arms: str, seeds: str) -> ReadRecipe:
    """The recipe with some of its arms, and other seeds for all of them.

    arms, seeds: names and numbers between commas; "": as the recipe has them. Raises
    ExperimentRefused for an arm that it lacks.
    """
    recipe, chosen = read.recipe, _names(arms)
    for name in chosen:
        if name not in recipe.arms:
            raise ExperimentRefused(
                f"--arms {name}: there is no such arm{nearest(name, recipe.arms)}; expected some "
                f"of {', '.join(recipe.arms)}"
            )
    changes: dict[str, Any] = {}
    kept = {name: arm for name, arm in recipe.arms.items() if not chosen or name in chosen}
    if numbers := _names(seeds):
        if not all(text.isdecimal() and len(text) < 10 for text in numbers):
            raise ExperimentRefused(f"--seeds {seeds}: expected whole numbers between commas")
        kept = {name: arm.model_copy(update={"seeds": None}) for name, arm in kept.items()}
        given = {"seeds": tuple(map(int, numbers))}
        changes["training"] = recipe.training.model_copy(update=given)
    changes["arms"] = kept
    if recipe.report.reference not in kept:
        changes["report"] = recipe.report.model_copy(update={"reference": ""})
    return replace(read, recipe=recipe.model_copy(update=changes))


def _names(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _source(name: str) -> Path:
    """The file of a recipe. Raises ExperimentRefused with the names that there are."""
    path, shipped = Path(name).expanduser(), shipped_recipes()
    if path.suffix == ".toml" or path.exists():
        if not path.is_file():
            raise ExperimentRefused(f"{name}: no such file; expected a recipe in TOML")
        return path.absolute()
    if name in shipped:
        return FOLDER / f"{name}.toml"
    raise ExperimentRefused(
        f"{name}: no such recipe{nearest(name, shipped)}; expected a file such as recipe.toml, or "
        f"one of {', '.join(shipped)}"
    )


def _checked(content: Mapping[str, Any], text: str, source: Path) -> Recipe:
    lines = lines_of(text)
    faults = list(learner_faults(content, lines))
    try:
        recipe = Recipe.model_validate(content)
    except ValidationError as exc:
        faults = [*type_faults(exc, lines), *faults]
    else:
        faults += contradictions(recipe, lines)
    if faults:
        listed = "\n  ".join(in_order(faults))
        raise ExperimentRefused(f"{source}: the recipe has faults:\n  {listed}")
    return recipe


def _apply(content: dict[str, Any], change: str) -> None:
    """Set one value, of a table that may be missing. Raises ExperimentRefused."""
    key, equals, value = change.partition("=")
    parts = [part.strip() for part in key.split(".")]
    if not equals or not all(parts):
        raise ExperimentRefused(f"--set {change}: expected KEY=VALUE, as training.iterations=20")
    table = content
    for part in parts[:-1]:
        inner = table.setdefault(part, {})
        if not isinstance(inner, dict):
            raise ExperimentRefused(f"--set {change}: {part} is no table of the recipe")
        table = inner
    table[parts[-1]] = _value(value.strip())


def _value(text: str) -> Any:
    """What TOML reads of it; a word without quotes is a text."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return text
