"""`maskloop classes`: rewrite the store for classes that were removed, merged or reordered.

All masks get the new class indices in one commit; figures of classes that were removed or merged
are dropped. The store is copied into the state folder first. Masks that a model predicted for open
tasks are removed, since the next model predicts new ones.
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

BETWEEN_MODELS = (
    Stage.EMBED,
    Stage.TRAIN,
    Stage.DONE,
)  # stages in which no model of the old classes is used


@dataclass(frozen=True, kw_only=True)
class Migration:
    """What becomes of the old classes.

    new_names: old name -> new name; None: its pixels lose their label. new_indices: old class
    index -> new one, or IGNORE.
    """

    new_names: Mapping[str, str | None]
    new_indices: Mapping[int, int]

    def lines(self) -> Sequence[str]:
        """A text for each old class."""
        return [
            f"{old!r}: {'its pixels lose their label' if new is None else f'{new!r}'}"
            for old, new in self.new_names.items()
        ]


def plan_migration(kept: Sequence[str], classes: Classes) -> Migration:
    """The migration from the class names in the store, `kept`, to those of the settings. Pure.

    Raises ConfigError for a class that was removed while the settings do not say what becomes of
    its pixels.
    """
    new_names: dict[str, str | None] = {}
    new_indices: dict[int, int] = {}
    removed = []
    for index, old in enumerate(kept):
        new = classes.renamed.get(old, old)
        if new and new not in classes.names:
            removed.append(old)
            continue
        new_names[old] = new or None
        new_indices[index] = classes.names.index(new) if new else IGNORE
    if removed:
        raise ConfigError(
            f"[classes] names lacks {', '.join(map(repr, removed))}: expected a new class for "
            f'their pixels; write renamed = {{ "{removed[0]}" = "{classes.names[0]}" }} to merge '
            f'them into a class, or renamed = {{ "{removed[0]}" = "" }} for no label'
        )
    return Migration(new_names=new_names, new_indices=new_indices)


def migrate(config: Config, now: Clock, *, apply: bool) -> Sequence[str]:
    """Migrate the store if `apply`; else only say what would be done. Returns messages.

    Raises ConfigError for a removed class, MaskloopError while a cycle uses the old classes.
    """
    path = config.state / FILE
    if not path.exists():
        return [f"{path}: there is no store yet; any classes can be used"]
    with sole_writer(config.state), Store(path) as store:
        kept, classes = store.kept_classes(), config.classes
        if not kept or not refusals(kept, classes.names, classes.renamed):
            return ["nothing to do: no mask has to change; `maskloop run` uses these classes"]
        migration = plan_migration(kept, classes)
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
        save_class_mapping(store, migration.new_names)
        count = store.remap_masks(migration.new_indices)
        store.rename_classes(migration.new_names)
        store.keep_classes(config.classes.names)
        message = f"classes migrated, {count} masks rewritten: {'; '.join(migration.lines())}"
        store.add_event("warning", message, now())
    for folder in (config.state / "runs").glob(f"*-{Stage.PREDICT}"):
        shutil.rmtree(folder)
    return [
        *migration.lines(),
        f"{count} masks rewritten; {copy} is a copy of the store before",
        *_follow_up(config),
    ]


def _require_between_models(store: Store) -> None:
    last = store.last_cycle()
    if last and last.number and last.stage not in BETWEEN_MODELS:
        raise MaskloopError(
            f"cycle {last.number} is at {last.stage}, with a model of the old classes; expected "
            f"a finished cycle; put the old classes back, let `maskloop once` finish the cycle, "
            f"and run `maskloop classes --apply` then"
        )


def _follow_up(config: Config) -> Sequence[str]:
    if config.connector.kind == "folder":
        truth: Path = config.home / config.folder.truth
        return [
            f"to do: the masks in {truth} hold the old pixel values, and all of them are read "
            f"again; write new ones before the next run"
        ]
    return [
        "to do: change the labels of the project in Label Studio too; answers with the old names "
        "are read as [classes] renamed says"
    ]
