"""When a changed setting counts, and which runs it starts again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from daemon.config.learner import fields_of_settings
from daemon.config.loading import Config
from daemon.config.restart_only import needs_restart, with_restart_only_of
from daemon.config.setting_keys import SettingKey, changes_between, fields_of, flat_settings
from daemon.domain import Stage
from daemon.stages.run_settings import depends_on
from daemon.stages.setting_effects import Effect, effect_of, touches_batch

EVERY = [
    *((table, name) for table in Config.model_fields for name in fields_of(table)),
    *(("training", "settings", name) for name in fields_of_settings()),
]


def test_every_setting_says_when_it_counts() -> None:
    assert {key: effect_of(key) for key in EVERY}
    assert {effect_of(key) for key in EVERY} == set(Effect)


@pytest.mark.parametrize(
    ("key", "effect"),
    [
        ("loop.done_share", Effect.TICK),
        ("loop.batch_images", Effect.BATCH),
        ("web.port", Effect.RESTART),
        ("project.state_dir", Effect.RESTART),
        ("connector.kind", Effect.RESTART),
        ("training.processes", Effect.RESTART),
        ("training.settings.encoder", Effect.CYCLE),
        ("training.settings.window_px", Effect.SCORING),
        ("training.settings.width", Effect.TRAINING),
        ("selection.settings.min_distance", Effect.BATCH),
    ],
)
def test_a_setting_counts_when_its_stage_uses_it(key: str, effect: Effect) -> None:
    assert effect_of(tuple(key.split("."))) is effect


def test_a_setting_that_runs_depend_on_never_counts_from_the_next_tick_on() -> None:
    of_runs: set[SettingKey] = set()
    for stage in (Stage.EMBED, Stage.TRAIN, Stage.SCORE, Stage.PREDICT):
        for name in depends_on(Config(), stage):
            table, _, setting = name.removeprefix("[").partition("] ")
            of_runs.add((table, *setting.split(".")))

    # A label in effect is read at each tick, beside the training that depends on it.
    early = {key for key in of_runs & set(EVERY) if effect_of(key) is Effect.TICK}
    assert early == {("loop", "label_in_effect")}


def test_what_a_choice_depends_on_is_what_a_preview_looks_at() -> None:
    names = depends_on(Config(), Stage.SELECT)
    keys = [name.removeprefix("[").split("] ") for name in names]

    assert [key for key in keys if not touches_batch(tuple(key))] == []


def test_the_running_value_stays_for_what_needs_a_restart_and_for_nothing_else() -> None:
    running = Config()
    new = Config.model_validate(
        {
            "project": {"state_dir": "elsewhere"},
            "classes": {"names": ["a", "b"]},
            "web": {"port": 1},
            "loop": {"poll_s": 1.0, "batch_images": 3},
            "label_studio": {"url": "http://other", "keep_versions_hours": 1.0},
            "training": {"processes": 2, "preset": "gpu"},
        }
    )

    used = with_restart_only_of(running, new)

    changed = {change.key for change in changes_between(running, used)}
    assert changed == {
        ("loop", "batch_images"),
        ("label_studio", "keep_versions_hours"),
        ("training", "preset"),
    }
    waiting = {change.key for change in changes_between(used, new)}
    assert waiting == {key for key in flat_settings(new) if needs_restart(key)} & waiting
    assert len(waiting) == 6


def test_the_table_of_the_readme_says_the_same() -> None:
    text = (Path(__file__).parents[2] / "daemon/config/README.md").read_text()
    rows = re.findall(r"^\| (.+?) \| ((?:`[\w.]+` ?)+)\|$", text, re.MULTILINE)
    said = {name: words for words, names in rows for name in re.findall(r"`([\w.]+)`", names)}

    for table, name in (key for key in EVERY if len(key) == 2):
        words = said.get(f"{table}.{name}", said.get(table))
        assert words == effect_of((table, name)).value, f"{table}.{name}"
    assert set(said.values()) == {effect.value for effect in Effect}
