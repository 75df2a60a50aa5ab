"""`maskloop config diff`: what other settings would mean, before anybody writes them.

It reads config.toml, the store and the run folders, takes no lock and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from daemon.config.editing import with_content
from daemon.config.loading import Config, checked_config, read_content
from daemon.config.redaction import Redactor
from daemon.config.restart_only import with_restart_only_of
from daemon.config.setting_keys import (
    SettingChange,
    SettingKey,
    changes_between,
    is_open_table,
    key_text,
    parse_key,
    parse_value,
)
from daemon.config.toml_lines import lines_of
from daemon.domain import Pick
from daemon.domain.errors import ConfigError
from daemon.domain.formatting import short_repr
from daemon.loop.components import require_strategies
from daemon.setup.batch_preview import (
    Basis,
    BatchPreview,
    basis_of,
    preview_batch,
    read_candidates,
    reading_context,
)
from daemon.setup.config_changes import refuse_for_labels, restart_lines
from daemon.stages.setting_effects import effect_of, touches_batch
from daemon.store import FILE, Store


@dataclass(frozen=True, kw_only=True)
class BatchDiff:
    """The next batch by the present settings and by the changed ones."""

    basis: Basis
    now: BatchPreview
    changed: BatchPreview

    @property
    def out(self) -> Sequence[Pick]:
        """The images that only the present settings would ask for, by rank."""
        return _only_in(self.now, self.changed)

    @property
    def into(self) -> Sequence[Pick]:
        """The images that only the changed settings would ask for, by rank."""
        return _only_in(self.changed, self.now)

    @property
    def same_order(self) -> bool:
        """Whether both ask for the same images in the same order."""
        return _ids(self.now) == _ids(self.changed)


@dataclass(frozen=True, kw_only=True)
class ConfigDiff:
    """What other settings would mean. refused: why they would not be used. batch: None where no
    setting of the choice differs, or something is missing; `no_batch` says which."""

    changes: Sequence[SettingChange]
    refused: str = ""
    runs: Sequence[str] = ()
    batch: BatchDiff | None = None
    no_batch: str = ""


def config_diff(path: Path, words: Sequence[str], now: datetime) -> ConfigDiff:
    """Compare the settings of `path` with changed ones. words: one FILE, or KEY=VALUE each.

    Raises ConfigError for settings that cannot be used, before anything is computed.
    """
    text, content = read_content(path)
    before = checked_config(content, path, lines_of(text))
    after = _changed(path, before, content, words)
    changes = changes_between(before, after)
    if before.selection != after.selection:
        require_strategies(after)
    refused = ""
    try:
        refuse_for_labels(after.model_copy(update={"project": before.project}))
    except ConfigError as exc:
        refused = str(exc)
    batch: BatchDiff | str = "no changed setting decides which images are chosen"
    if any(touches_batch(one.key) for one in changes):
        batch = _batch_diff(before, with_restart_only_of(before, after), now)
    return ConfigDiff(
        changes=changes,
        refused=refused,
        runs=restart_lines(before, after),
        batch=None if isinstance(batch, str) else batch,
        no_batch=batch if isinstance(batch, str) else "",
    )


def as_json(found: ConfigDiff) -> dict[str, Any]:
    """The same for programs, without secrets in the settings."""
    batch = found.batch
    shown: dict[str, Any] = {
        "changes": [
            {
                "key": key_text(one.key),
                "before": one.before,
                "after": one.after,
                "counts": effect_of(one.key).value,
            }
            for one in found.changes
        ],
        "refused": found.refused or None,
        "runs_started_again": list(found.runs),
        "no_batch": found.no_batch or None,
        "batch": None
        if batch is None
        else {
            "cycle": batch.basis.cycle,
            "exact": batch.basis.exact,
            "now": _batch_json(batch.now),
            "changed": _batch_json(batch.changed),
            "out": [_name(batch.now, pick) for pick in batch.out],
            "in": [_name(batch.changed, pick) for pick in batch.into],
        },
    }
    return {**shown, "changes": Redactor(()).all(shown["changes"])}


def _changed(path: Path, before: Config, content: dict[str, Any], words: Sequence[str]) -> Config:
    """The settings of another file, or of this one with the changes that the words name."""
    files = [word for word in words if "=" not in word]
    if len(files) == len(words) == 1:
        text, content = read_content(Path(files[0]))
        return checked_config(content, Path(files[0]), lines_of(text)).model_copy(
            update={"home": before.home}
        )
    if files:
        raise ConfigError(
            f"{short_repr(files[0])}: expected KEY=VALUE, such as loop.batch_images=8, or a single "
            f"file"
        )
    for word in words:
        key, value = _key_and_value(word)
        if is_open_table(key):
            raise ConfigError(f"{word}: name a setting of it: {key_text(key)}.NAME=VALUE")
        content = with_content(content, key, value)
    return checked_config(content, path, lines_of(read_content(path)[0]))


def _key_and_value(word: str) -> tuple[SettingKey, Any]:
    """The parts of KEY=VALUE; a quoted part of the key may hold a sign `=` itself."""
    fault: ConfigError | None = None
    for place, sign in enumerate(word[:1000]):
        if sign != "=":
            continue
        try:
            key = parse_key(word[:place].strip())
        except ConfigError as exc:
            fault = fault or exc
        else:
            return key, parse_value(word[place + 1 :], key)
    raise fault or ConfigError(f"{short_repr(word)}: expected KEY=VALUE")


def _batch_diff(before: Config, after: Config, now: datetime) -> BatchDiff | str:
    file = before.state / FILE
    if not file.exists():
        return "the daemon has not run yet, so that nothing is known of the images"
    with Store(file, read_only=True) as store:
        store.require_current(file)
        with store.read_transaction():
            old, new = (reading_context(config, store, now) for config in (before, after))
            basis = basis_of(old)
            if isinstance(basis, str):
                return basis
            candidates = read_candidates(old, basis)
            return BatchDiff(
                basis=basis,
                now=preview_batch(old, candidates),
                changed=preview_batch(new, candidates),
            )


def _batch_json(batch: BatchPreview) -> dict[str, Any]:
    return {
        "refused": batch.refused or None,
        "images": [
            {
                "id": pick.image_id,
                "name": _name(batch, pick),
                "rank": rank,
                "arm": pick.arm,
                "reason": pick.reason,
            }
            for rank, pick in enumerate(batch.picks, start=1)
        ],
        "class_share": batch.class_share,
        "images_holding": batch.holding,
        "nearest_similarity": batch.nearest,
        "minutes": batch.minutes,
        "near_duplicates_compared": batch.compared,
    }


def _only_in(batch: BatchPreview, other: BatchPreview) -> Sequence[Pick]:
    ids = set(_ids(other))
    return [pick for pick in batch.picks if pick.image_id not in ids]


def _ids(batch: BatchPreview) -> list[int]:
    return [pick.image_id for pick in batch.picks]


def _name(batch: BatchPreview, pick: Pick) -> str:
    return batch.names.get(pick.image_id, f"image {pick.image_id}")
