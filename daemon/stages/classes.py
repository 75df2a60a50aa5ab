"""Classes of config.toml against those that the labels were read with.

A mask holds a class as its index in the list of names. Appending a name changes no mask. A name
that [classes] renamed maps keeps its index. Anything else would change what masks mean, and is
refused: `maskloop classes` rewrites the store.
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

MOVED = "classes_moved"  # the fact of the last migration: {"last_cycle": N, "to": [NAME | null]}


@dataclass(frozen=True, kw_only=True)
class _Moved:
    """The present names for the classes of runs until `last_cycle`; None: taken out."""

    last_cycle: int
    to: Sequence[str | None]


def refusals(kept: Sequence[str], names: Sequence[str], renamed: Mapping[str, str]) -> list[str]:
    """How the names differ from the stored ones beyond appending and renaming, in words. Pure.

    kept: the names that labels were read with, by pixel value; names, renamed: of config.toml.
    """
    words = []
    for value, old in enumerate(kept):
        name = renamed.get(old, old)
        if value < len(names) and names[value] == name:
            continue
        if name in names:
            words.append(f"{old!r} had the value {value} and would have {names.index(name)}")
        else:
            words.append(f"{old!r}, value {value}, is missing")
    return words


def require_same_classes(store: Store, config: Config) -> None:
    """Raise ConfigError where the classes of config.toml would change what stored masks mean."""
    kept, classes = store.kept_classes(), config.classes
    wrong = refusals(kept or (), classes.names, classes.renamed)
    if kept and wrong:
        raise ConfigError(
            f"[classes] names = {list(classes.names)}: the labels in the store were read with "
            f"{list(kept)}: {'; '.join(wrong)}; masks hold classes by their index, so they would "
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
            _rename_moved(store, changed)
        store.keep_classes(names)
        if kept is not None:
            words = _in_words(changed, names[len(kept) :])
            log.info("%s", words)
            store.add_event("info", words, now())


def present_names(store: Store, cycle: int, classes: Sequence[str]) -> tuple[str, ...]:
    """The present names of the classes of a run of this cycle, in the order of the run."""
    moved = _moved(store)
    now = moved.to if moved and cycle <= moved.last_cycle else store.kept_classes() or classes
    return tuple(
        name or f"removed: {old}" for old, name in zip(classes, now[: len(classes)], strict=True)
    )


def keep_moved(store: Store, to: Mapping[str, str | None]) -> None:
    """Save the present names for the classes of earlier runs. to: old name -> new name, None: taken
    out."""
    last, moved = store.last_cycle(), _moved(store)
    number = last.number if last else -1
    base: Sequence[str | None] = store.kept_classes() or ()
    if moved and moved.last_cycle >= number:
        base = moved.to
    targets = [None if name is None else to.get(name, name) for name in base]
    store.keep_fact(MOVED, json.dumps({"last_cycle": number, "to": targets}))


def _moved(store: Store) -> _Moved | None:
    known = store.fact(MOVED)
    return None if known is None else _Moved(**json.loads(known))


def _rename_moved(store: Store, changed: Mapping[str, str]) -> None:
    moved = _moved(store)
    if moved:
        to = [None if name is None else changed.get(name, name) for name in moved.to]
        store.keep_fact(MOVED, json.dumps({"last_cycle": moved.last_cycle, "to": to}))


def _in_words(changed: Mapping[str, str], added: Sequence[str]) -> str:
    renamed = [f"{old!r} is called {new!r} now" for old, new in changed.items()]
    new = [f"{', '.join(map(repr, added))} added; all answers are read again"] if added else []
    return f"classes: {'; '.join([*renamed, *new])}"
