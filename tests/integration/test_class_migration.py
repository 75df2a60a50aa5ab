"""Classes: appending is free, renaming goes by a mapping, anything else is refused or migrated."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from daemon.config.loading import Config
from daemon.config.sections import Classes
from daemon.diagnostics.check import checks
from daemon.domain import IGNORE, ClassSet, Stage
from daemon.domain.errors import ConfigError
from daemon.runs.run_folder import RunFolder, TrainRequest
from daemon.setup.class_migration import plan_migration
from daemon.stages.classes import present_names, refusals
from daemon.store import FILE, Store
from daemon.store.migrations import migrations
from tests.fakes.command import TRACEBACK, run_command
from tests.integration.workbench import configured, run_out, ticker

USUAL = ("soil", "crop", "weed")


def named(home: Path, *names: str, **more: Any) -> Config:
    return configured(home, classes={"names": names, **more})


def masks(config: Config) -> dict[int, np.ndarray]:
    with Store(config.state / FILE, read_only=True) as store:
        return {
            image_id: np.asarray(Image.open(io.BytesIO(store.label_png(image_id))))
            for image_id in sorted(store.labeled_ids())
        }


def figures(config: Config) -> list[set[str]]:
    with Store(config.state / FILE, read_only=True) as store:
        return [set(point.validation.iou) for point in store.curve() if point.validation]


@pytest.mark.parametrize(
    ("names", "renamed", "words"),
    [
        (("soil", "crop"), {}, "'weed', value 2, is missing"),
        (("soil", "weed", "crop"), {}, "'crop' had the value 1 and would have 2"),
        (("crop", "soil", "weed"), {}, "'soil' had the value 0 and would have 1"),
        (("soil", "beet", "weed"), {}, "'crop', value 1, is missing"),
        (("soil", "weed", "beet"), {"crop": "beet"}, "'crop' had the value 1 and would have 2"),
    ],
)
def test_classes_that_would_change_what_masks_mean_are_refused(
    home: Path, names: tuple[str, ...], renamed: dict[str, str], words: str
) -> None:
    run_out(ticker(named(home, *USUAL), cycle_limit=1))
    config = named(home, *names, renamed=renamed)
    before = masks(config)

    for command in ("once", "run"):
        done = run_command(command, folder=home)
        assert (done.code, TRACEBACK in done.err) == (1, False)
        assert words in done.err
        assert "run `maskloop classes`" in done.err
    assert words in dict(checks(config))["classes"]()[0]
    assert run_command("status", folder=home).code == 0
    assert all(np.array_equal(before[image], masks(config)[image]) for image in before)
    with Store(config.state / FILE, read_only=True) as store:
        assert store.kept_classes() == USUAL


def test_a_renamed_class_keeps_its_labels_its_figures_and_its_weights(home: Path) -> None:
    run_out(ticker(named(home, *USUAL), cycle_limit=1))
    before = masks(
        config := named(home, "soil", "sugar beet", "weed", renamed={"crop": "sugar beet"})
    )

    run_out(ticker(config))

    assert all(np.array_equal(before[image], masks(config)[image]) for image in before)
    assert figures(config) == [{"soil", "sugar beet", "weed"}] * 3
    request = RunFolder(config.state / "runs/0002-train").read_request(TrainRequest)
    assert request.parent_classes == request.classes == ("soil", "sugar beet", "weed")
    with Store(config.state / FILE, read_only=True) as store:
        assert store.kept_classes() == ("soil", "sugar beet", "weed")
        assert any("'crop' is called 'sugar beet' now" in e.message for e in store.events())
        for point in store.curve():
            assert point.validation is not None
            assert set(point.validation.boundary_iou) <= {"soil", "sugar beet", "weed"}


def test_a_class_may_be_renamed_and_another_added_at_once(home: Path) -> None:
    run_out(ticker(named(home, *USUAL), cycle_limit=1))
    names = ("soil", "beet", "weed", "crop of last year")
    config = named(home, *names, renamed={"crop": "beet"})

    run_out(ticker(config))

    assert RunFolder(config.state / "runs/0002-train").read_request(TrainRequest).classes == names


def test_the_command_says_first_and_then_rewrites_every_mask(home: Path) -> None:
    run_out(ticker(named(home, *USUAL), cycle_limit=1))
    config = named(home, "soil", "plant", renamed={"crop": "plant", "weed": "plant"})
    before = masks(config)

    said = run_command("classes", folder=home)
    assert (said.code, "'weed': 'plant'" in said.out) == (0, True)
    assert all(np.array_equal(before[image], masks(config)[image]) for image in before)
    done = run_command("classes", "--apply", folder=home)

    assert done.code == 0, done.err
    for image, mask in masks(config).items():
        assert np.array_equal(mask, np.minimum(before[image], 1))
    (copy,) = config.state.glob("before-classes-*.db")
    with Store(copy, read_only=True) as store:
        assert store.kept_classes() == USUAL
    assert figures(config) == [{"soil"}]  # two classes are one: no figure of theirs stands for it
    assert "to do: the masks in" in done.out
    for path in (home / "masks").iterdir():
        Image.fromarray(np.minimum(np.asarray(Image.open(path)), 1)).save(path)
    assert run_out(ticker(config)).final
    request = RunFolder(config.state / "runs/0002-train").read_request(TrainRequest)
    assert request.classes == ("soil", "plant")
    assert request.parent_classes == ("soil", "plant", "plant")


def test_a_migration_within_a_cycle_is_refused(home: Path) -> None:
    run_out(ticker(config := named(home, *USUAL), cycle_limit=1))
    with Store(config.state / FILE) as store:
        store.reopen_cycle(1, Stage.PREDICT, ticker(config)._now())
    named(home, "soil", "weed", "crop")

    done = run_command("classes", "--apply", folder=home)

    assert done.code == 1
    assert "cycle 1 is at predict" in done.err


def test_a_removed_class_needs_a_setting_for_its_pixels() -> None:
    with pytest.raises(ConfigError, match="lacks 'weed': expected a new class for their"):
        plan_migration(USUAL, Classes(names=("soil", "crop")))
    merged = plan_migration(USUAL, Classes(names=("soil", "crop"), renamed={"weed": "soil"}))
    removed = plan_migration(USUAL, Classes(names=("crop", "soil"), renamed={"weed": ""}))

    assert dict(merged.new_indices) == {0: 0, 1: 1, 2: 0}
    assert dict(removed.new_indices) == {0: 1, 1: 0, 2: IGNORE}
    assert dict(removed.new_names) == {"soil": "soil", "crop": "crop", "weed": None}


def test_a_swap_of_names_is_refused_as_a_setting() -> None:
    with pytest.raises(ValueError, match="expected an old name that is not in names any more"):
        Classes(names=USUAL, renamed={"crop": "weed", "weed": "crop"})
    with pytest.raises(ValueError, match="the name in names that it has now"):
        Classes(names=USUAL, renamed={"beet": "sugar beet"})


def test_answers_with_an_old_name_are_read_as_before() -> None:
    classes = ClassSet(names=("soil", "sugar beet"), renamed={"crop": "sugar beet", "weed": ""})

    assert classes.index("crop") == classes.index("sugar beet") == 1
    assert classes.index("weed") == IGNORE
    assert classes.index("stone") is None


@pytest.mark.parametrize("appended", range(3))
def test_appending_is_free(appended: int) -> None:
    assert refusals(USUAL, (*USUAL, *map(str, range(appended))), {}) == []
    assert refusals((), USUAL, {}) == []


def test_the_classes_of_an_old_store_are_known_from_its_last_reading(tmp_path: Path) -> None:
    path = tmp_path / FILE
    with Store(path) as store:
        store.keep_fact("annotations_read_with", repr(ClassSet(names=USUAL, ignore_label="?")))
        store._write("DELETE FROM facts WHERE name = 'classes'")
        store._write(
            "DELETE FROM _sqlite_migrations WHERE name = 'm013_classes'",
        )
        assert [step.name for step in migrations.pending(store._db)] == ["m013_classes"]

    with Store(path) as store:
        assert store.kept_classes() == USUAL


@pytest.mark.parametrize("written", ["", "x(", "ClassSet()", "ClassSet(names=f())", "1"])
def test_an_old_store_with_a_strange_reading_upgrades_too(tmp_path: Path, written: str) -> None:
    path = tmp_path / FILE
    with Store(path) as store:
        store.keep_fact("annotations_read_with", written)
        store._write("DELETE FROM _sqlite_migrations WHERE name = 'm013_classes'")

    with Store(path) as store:
        assert store.kept_classes() is None


def test_names_of_earlier_runs_follow_renames_and_migrations(tmp_path: Path) -> None:
    with Store(tmp_path / FILE) as store:
        store.keep_classes(USUAL)
        assert present_names(store, 3, USUAL[:2]) == ("soil", "crop")
        store.keep_classes(("soil", "beet", "weed"))
        assert present_names(store, 3, USUAL) == ("soil", "beet", "weed")
