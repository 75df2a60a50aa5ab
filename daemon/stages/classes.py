"""Compares the classes of config.toml with those that the labels were read with.

A mask holds a class as its index in the list of names. Appending a name changes no mask. A name
that [classes] renamed maps keeps its index. Anything else would change what masks mean, and is
refused, and `maskloop classes` rewrites the store.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.config.loading import Config
from daemon.domain import Clock
from daemon.domain.errors import ConfigError
from daemon.store import Store

log = logging.getLogger(__name__)

CLASS_MAPPING = "classes_moved"  # JSON: {"last_cycle": N, "to": [NAME | null]}


@dataclass(frozen=True, kw_only=True)
class _ClassMapping:
    """The present names of the classes of runs up to `last_cycle`, in order; None: removed."""

    last_cycle: int
    to: Sequence[str | None]


def refusals(kept: Sequence[str], names: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """The changes of names that would change what masks mean, one text for each. Pure.

    kept: the names that labels were read with, by pixel value. names, renamed: of config.toml.
    """
    changes = []
    for value, old in enumerate(kept):
        name = renamed.get(old, old)
        if value < len(names) and names[value] == name:
            continue
        if name in names:
            changes.append(f"{old!r} had the value {value} and would have {names.index(name)}")
        else:
            changes.append(f"{old!r}, value {value}, is missing")
    return changes


def require_same_classes(store: Store, config: Config) -> None:
    """Raise ConfigError if the classes of config.toml would change what stored masks mean."""
    kept, classes = store.kept_classes(), config.classes
    changes = refusals(kept or (), classes.names, classes.renamed)
    if kept and changes:
        raise ConfigError(
            f"[classes] names = {list(classes.names)}: the labels in the store were read with "
            f"{list(kept)}: {'; '.join(changes)}; masks hold classes by their index, so they would "
            f"change their meaning. Expected these names in this order, new ones at the end. A "
            f'class that has another name now: renamed = {{ "old" = "new" }} under [classes]. To '
            f"remove, merge or reorder classes run `maskloop classes`: it says what it would do"
        )


def update_classes(store: Store, config: Config, now: Clock) -> None:
    """Save the classes that labels are read with; rename classes in earlier figures.

    Raises ConfigError as `require_same_classes` does. Calling it twice changes nothing.
    """
    require_same_classes(store, config)
    kept, names = store.kept_classes(), config.classes.names
    if kept == names:
        return
    changed = {old: new for old, new in zip(kept or (), names, strict=False) if old != new}
    with store.atomic():
        if changed:
            store.rename_classes(dict(changed))
            _rename_mapping(store, changed)
        store.keep_classes(names)
        if kept is not None:
            message = _change_text(changed, names[len(kept) :])
            log.info("%s", message)
            store.add_event("info", message, now())


def present_names(store: Store, cycle: int, classes: Sequence[str]) -> tuple[str, ...]:
    """The present names of the classes of a run of this cycle, in the order of the run."""
    mapping = _class_mapping(store)
    present: Sequence[str | None] = store.kept_classes() or classes
    if mapping and cycle <= mapping.last_cycle:
        present = mapping.to
    return tuple(
        name or f"removed: {old}"
        for old, name in zip(classes, present[: len(classes)], strict=True)
    )


def save_class_mapping(store: Store, to: Mapping[str, str | None]) -> None:
    """Save the present names of the classes of earlier runs.

    to: old name -> new name; None: removed.
    """
    last, mapping = store.last_cycle(), _class_mapping(store)
    number = last.number if last else -1
    base: Sequence[str | None] = store.kept_classes() or ()
    if mapping and mapping.last_cycle >= number:
        base = mapping.to
    targets = [None if name is None else to.get(name, name) for name in base]
    store.keep_fact(CLASS_MAPPING, json.dumps({"last_cycle": number, "to": targets}))


def _class_mapping(store: Store) -> _ClassMapping | None:
    saved = store.fact(CLASS_MAPPING)
    return None if saved is None else _ClassMapping(**json.loads(saved))


def _rename_mapping(store: Store, changed: Mapping[str, str]) -> None:
    mapping = _class_mapping(store)
    if mapping:
        to = [None if name is None else changed.get(name, name) for name in mapping.to]
        store.keep_fact(CLASS_MAPPING, json.dumps({"last_cycle": mapping.last_cycle, "to": to}))


def _change_text(changed: Mapping[str, str], added: Sequence[str]) -> str:
    renamed = [f"{old!r} is called {new!r} now" for old, new in changed.items()]
    new = [f"{', '.join(map(repr, added))} added; all answers are read again"] if added else []
    return f"classes: {'; '.join([*renamed, *new])}"
