"""`maskloop config diff` says what the next batch would be, and it is what the loop then asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.config.loading import Config
from daemon.domain import Stage
from daemon.domain.errors import PoolInvalid, RunFailed
from daemon.runs.run_folder import RunFolder
from daemon.setup.config_diff import BatchDiff, ConfigDiff, config_diff
from daemon.store import FILE, Store
from tests.fakes.command import assert_said, run_command
from tests.fakes.launcher import ForkLauncher
from tests.integration.workbench import configured, run_out, ticker

NOW = datetime(2026, 11, 27, tzinfo=UTC)
LOOP = {"budget_labels": 20, "batch_images": 6}


class WithoutPredictions(ForkLauncher):
    """Fails the run that follows the choice of the first batch by a model."""

    def advance(self, run: RunFolder, command: str) -> bool:
        if run.path.name == f"0001-{Stage.PREDICT}":
            raise RunFailed("no such device")
        return super().advance(run, command)


def diff(home: Path, *words: str) -> ConfigDiff:
    return config_diff(home / "config.toml", words, NOW)


def batch_of(found: ConfigDiff) -> BatchDiff:
    assert found.batch is not None, found.no_batch
    return found.batch


def picks(config: Config, cycle: int) -> list[int]:
    with Store(config.state / FILE, read_only=True) as store:
        return [one.image_id for one in store.picks(cycle) if one.arm != "validation"]


def ids(picks: Sequence[object]) -> list[int]:
    return [getattr(pick, "image_id") for pick in picks]  # noqa: B009


def contents(home: Path) -> dict[str, str]:
    """Every file with a digest and its time; SQLite's files beside the store belong to readers."""
    files = [path for path in sorted(home.rglob("*")) if path.is_file()]
    return {
        str(path): f"{hashlib.sha256(path.read_bytes()).hexdigest()} {path.stat().st_mtime_ns}"
        for path in files
        if not path.name.startswith(f"{FILE}-")
    }


def test_the_preview_is_what_the_loop_chooses_from_these_scores(home: Path) -> None:
    config = configured(home, loop=LOOP, selection={"duplicate_similarity": 0.95})
    with pytest.raises(RunFailed):
        run_out(ticker(config, launcher=WithoutPredictions()))
    chosen = picks(config, 1)
    with Store(config.state / FILE) as store:
        store.save_picks(1, [], [])  # as before SELECT
    before = contents(home)

    found = diff(home, "loop.batch_images=4", "selection.strategy=random")

    batch = batch_of(found)
    assert batch.basis.exact
    assert len(chosen) == 6
    assert ids(batch.now.picks) == chosen
    assert len(batch.changed.picks) == 4
    assert set(ids(batch.out)) == set(chosen) - set(ids(batch.changed.picks))
    assert set(ids(batch.into)) == set(ids(batch.changed.picks)) - set(chosen)
    assert contents(home) == before
    assert diff(home, "loop.batch_images=4", "selection.strategy=random") == found
    alike = batch_of(diff(home, "selection.duplicate_similarity=1.0"))
    assert ids(alike.now.picks) == chosen
    assert ids(alike.changed.picks) != chosen  # some of them are near-duplicates at 0.95


def test_the_first_batch_is_previewed_from_embeddings(home: Path) -> None:
    wrong = configured(home, loop=LOOP, selection={"seed_strategy": "hybrid"})
    with pytest.raises(PoolInvalid):
        run_out(ticker(wrong))  # this strategy needs a model

    batch = batch_of(diff(home, "selection.seed_strategy=kcenter"))

    assert batch.basis.words() == "the first batch, by the embeddings of the images"
    assert "hybrid" in batch.now.refused
    config = configured(home, loop=LOOP)
    run_out(ticker(config, cycle_limit=0))
    assert ids(batch.changed.picks) == picks(config, 0)
    assert batch.changed.class_share is None


def test_a_finished_cycle_says_that_the_next_model_may_rank_otherwise(home: Path) -> None:
    run_out(ticker(configured(home, loop=LOOP), cycle_limit=1))

    batch = batch_of(diff(home, "selection.strategy=kcenter"))

    assert batch.basis.words().endswith("cycle 2 trains a model first, which may rank otherwise")
    for one in (batch.now, batch.changed):
        assert one.class_share is not None
        assert sum(one.class_share.values()) == pytest.approx(1.0)
        assert one.holding is not None
        assert all(0 <= n <= 6 for n in one.holding.values())
        assert one.nearest is not None
        assert -1 <= one.nearest <= 1
        assert one.minutes is None  # masks on disk take no time
        assert all(pick.reason for pick in one.picks)
    assert not set(ids(batch.now.picks)) & set(picks(configured(home, loop=LOOP), 1))


def test_what_decides_no_choice_names_its_effect_and_no_batch(home: Path) -> None:
    configured(home)

    out = run_command("config", "diff", "web.port=1", "training.settings.width=32", folder=home).out

    assert out.splitlines() == [
        "[training] settings.width not set -> 32: counts when the next training begins",
        "[web] port 8060 -> 1: counts after a restart of the daemon",
        "no batch to compare: no changed setting decides which images are chosen",
        "nothing was written",
    ]


def test_what_is_missing_is_said(home: Path) -> None:
    configured(home)
    assert diff(home, "loop.batch_images=3").no_batch.startswith("the daemon has not run yet")
    run_out(ticker(configured(home, loop=LOOP), cycle_limit=0))
    assert diff(home, "loop.batch_images=3").no_batch.startswith("no scores are stored yet")


def test_an_unfinished_run_that_would_start_again_is_named(home: Path) -> None:
    with pytest.raises(RunFailed):
        run_out(ticker(configured(home, loop=LOOP), launcher=WithoutPredictions()))

    (run,) = diff(home, "training.seed=7", "loop.batch_images=2").runs

    assert run == "run 0001-predict is started again: [training] seed 0 -> 7"


def test_another_file_is_compared_and_json_is_for_programs(home: Path) -> None:
    configured(home)
    other = home / "other.toml"
    other.write_text(
        (home / "config.toml").read_text().replace("batch_images = 4", "batch_images = 9")
    )

    found = json.loads(run_command("config", "diff", "other.toml", "--json", folder=home).out)

    assert found["changes"] == [
        {
            "key": "loop.batch_images",
            "before": 4,
            "after": 9,
            "counts": "when the next batch is chosen",
        }
    ]
    assert found["batch"] is None


def test_classes_that_the_labels_forbid_are_said_to_be_refused(home: Path) -> None:
    run_out(ticker(configured(home, loop=LOOP), cycle_limit=0))

    found = diff(home, 'classes.names=["soil", "weed"]')

    assert "masks hold classes by their index" in found.refused


@pytest.mark.parametrize(
    ("word", "words"),
    [
        ("none.toml", r"none\.toml: no such file"),
        ("images", r"images: is a folder"),
        ("zeros.toml", r"zeros\.toml: cannot be read as TOML"),
        ("huge.toml", r"huge\.toml: has more than"),
        ("loop.batchimages=3", r"did you mean batch_images"),
        ("loop.batch_images=2026-01-01", r"date\(2026, 1, 1\): expected a whole number"),
        ('classes.renamed."a=\\"b.c"=soil=1', r"renamed = .* expected an old name"),
        ("batch_images=3", r"such as loop\.batch_images"),
        ("=" * 5000, r"is no key of a setting"),
        ("training.settings={}", r"name a setting of it"),
    ],
)
def test_hostile_words_and_files_are_refused_in_words(
    tmp_path: Path, word: str, words: str
) -> None:
    configured(tmp_path)
    (tmp_path / "images").mkdir()
    (tmp_path / "zeros.toml").write_bytes(b"a = '\0'\n")
    (tmp_path / "huge.toml").write_bytes(b"#" * 2_100_000)

    assert_said(run_command("config", "diff", word, folder=tmp_path), words)
