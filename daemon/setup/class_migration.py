"""`maskloop classes`: rewrite the store for classes that were removed, merged or reordered.

Every mask gets the new class indices, in one commit; figures of classes that are gone or merged
are dropped, others keep their names. Before, the store is copied beside itself. Masks that a
model predicted for open tasks are removed: the next model makes new ones.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.config.loading import Config
from daemon.config.sections import Classes
from daemon.domain import IGNORE, Clock, Stage
from daemon.domain.errors import ConfigError, MaskloopError
from daemon.stages.classes import refusals, save_class_mapping
from daemon.store import FILE, Store, sole_writer

BETWEEN_MODELS = (Stage.EMBED, Stage.TRAIN, Stage.DONE)  # no model of the old classes is in use


@dataclass(frozen=True, kw_only=True)
class Migration:
    """names: old name -> new name, None: its pixels have no label. values: of the pixels."""

    names: Mapping[str, str | None]
    values: Mapping[int, int]

    def lines(self) -> Sequence[str]:
        """What becomes of each class, in words."""
        return [
            f"{old!r}: {'its pixels have no label any more' if new is None else f'{new!r}'}"
            for old, new in self.names.items()
        ]


def plan(kept: Sequence[str], classes: Classes) -> Migration:
    """What these classes mean for a store with the kept ones. Pure.

    Raises ConfigError for a class that is gone without a word about its pixels.
    """
    names: dict[str, str | None] = {}
    values: dict[int, int] = {}
    gone = []
    for place, old in enumerate(kept):
        new = classes.renamed.get(old, old)
        if new and new not in classes.names:
            gone.append(old)
            continue
        names[old] = new or None
        values[place] = classes.names.index(new) if new else IGNORE
    if gone:
        raise ConfigError(
            f"[classes] names lacks {', '.join(map(repr, gone))}: expected a word on what their "
            f'pixels become; write renamed = {{ "{gone[0]}" = "{classes.names[0]}" }} to merge '
            f'them into a class, or renamed = {{ "{gone[0]}" = "" }} for no label'
        )
    return Migration(names=names, values=values)


def migrate(config: Config, now: Clock, *, apply: bool) -> Sequence[str]:
    """Say what would be done; with `apply` do it. Raises MaskloopError where it cannot be done."""
    path = config.state / FILE
    if not path.exists():
        return [f"{path}: there is no store yet; any classes will do"]
    with sole_writer(config.state), Store(path) as store:
        kept, classes = store.kept_classes(), config.classes
        if not kept or not refusals(kept, classes.names, classes.renamed):
            return ["nothing to do: these classes need no other masks; `maskloop run` takes them"]
        migration = plan(kept, classes)
        if not apply:
            return [
                *migration.lines(),
                "nothing was changed; run `maskloop classes --apply` to rewrite the store",
            ]
        return _apply(store, config, migration, now)


def _apply(store: Store, config: Config, migration: Migration, now: Clock) -> Sequence[str]:
    _require_between_models(store)
    copy = config.state / f"before-classes-{now():%Y%m%dT%H%M%S}.db"
    store.backup(copy)
    with store.atomic():
        save_class_mapping(store, migration.names)
        count = store.remap_masks(migration.values)
        store.rename_classes(migration.names)
        store.keep_classes(config.classes.names)
        words = f"classes migrated, {count} masks rewritten: {'; '.join(migration.lines())}"
        store.add_event("warning", words, now())
    for folder in (config.state / "runs").glob(f"*-{Stage.PREDICT}"):
        shutil.rmtree(folder)
    return [
        *migration.lines(),
        f"{count} masks rewritten; {copy} is the store of before",
        *_to_do(config),
    ]


def _require_between_models(store: Store) -> None:
    last = store.last_cycle()
    if last and last.number and last.stage not in BETWEEN_MODELS:
        raise MaskloopError(
            f"cycle {last.number} is at {last.stage}, with a model of the old classes; expected "
            f"a finished cycle; put the old classes back, let `maskloop once` finish the cycle, "
            f"and run `maskloop classes --apply` then"
        )


def _to_do(config: Config) -> Sequence[str]:
    if config.connector.kind == "folder":
        truth: Path = config.home / config.folder.truth
        return [
            f"to do: the masks in {truth} hold the old pixel values, and all of them are read "
            f"again; write them anew before the next run"
        ]
    return [
        "to do: change the labels of the project in Label Studio too; answers with the old names "
        "are read as [classes] renamed says"
    ]
