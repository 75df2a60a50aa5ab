"""`maskloop config show`, `set`, `unset` and `history`, as a person types them."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from daemon.config.loading import Config, load_config
from daemon.config.rendering import render
from daemon.setup.config_changes import set_setting
from daemon.store import FILE, Store
from tests.fakes.command import Ended, assert_said, run_command

STRATEGY = Config().selection.strategy
TEXT = f"""# ours
[loop]  # the loop
budget_labels = 100
batch_images = 8  # small ones

[selection]
strategy = "{STRATEGY}"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(TEXT)
    return path


def config(file: Path, *words: str) -> Ended:
    return run_command("config", *words, folder=file.parent)


def test_without_a_further_word_it_prints_the_file_of_all_defaults(tmp_path: Path) -> None:
    assert run_command("config", folder=tmp_path).out == render(Config())


def test_a_setting_is_changed_and_its_comment_and_the_rest_stay(file: Path) -> None:
    file.chmod(0o640)

    done = config(file, "set", "loop.batch_images", "12")

    assert file.read_text() == TEXT.replace("batch_images = 8", "batch_images = 12")
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert done.out == (
        "config.toml: [loop] batch_images 8 -> 12; it counts when the next batch is chosen\n"
    )
    assert (
        "is 12 already; nothing was written" in config(file, "set", "loop.batch_images", "12").out
    )
    assert load_config(file).loop.batch_images == 12


def test_a_setting_of_the_learner_and_a_renamed_class_are_set_and_unset(file: Path) -> None:
    for key, value in (("training.settings.width", "32"), ('classes.renamed."old. one"', "weed")):
        assert config(file, "set", key, value).code == 0
    loaded = load_config(file)
    assert (loaded.training.settings, loaded.classes.renamed) == (
        {"width": 32},
        {"old. one": "weed"},
    )

    assert config(file, "unset", "training.settings.width").code == 0
    assert load_config(file).training.settings == {}
    assert "does not stand there" in config(file, "unset", "training.settings.width").out


def test_a_change_is_kept_with_its_time_its_user_and_both_values(file: Path) -> None:
    config(file, "set", "loop.batch_images", "12")
    config(file, "unset", "selection.strategy")

    (first, second) = json.loads(config(file, "history", "--json").out)["changes"]

    assert (first["key"], first["before"], first["after"]) == ("loop.batch_images", "8", "12")
    assert (second["before"], second["after"]) == (f'"{STRATEGY}"', "")
    assert datetime.fromisoformat(first["at"]).tzinfo is not None
    assert first["by"]
    assert f'selection.strategy  "{STRATEGY}" -> (not set)' in config(file, "history").out


def test_a_linked_file_stays_a_link(file: Path) -> None:
    real = file.parent / "real.toml"
    file.rename(real)
    file.symlink_to(real)

    assert config(file, "set", "loop.batch_images", "12").code == 0

    assert file.is_symlink()
    assert "batch_images = 12  # small ones" in real.read_text()


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "loop.batchimages",
            "3",
            r"batchimages = 3: there is no such setting; did you mean b",
        ),
        ("lopp.batch_images", "3", r"\[lopp\] there is no such table; did you mean loop\?"),
        ("loop.batch_images", "many", r"batch_images = 'many': expected a whole number from 1"),
        ("loop.batch_images", "2026-01-01", r"date\(2026, 1, 1\): expected a whole number"),
        ("loop.random_share", "nan", r"random_share = nan: expected a number from 0 to 1"),
        ("loop", "3", r"'loop': is no key of a setting"),
        ("loop.batch_images.x", "3", r"batch_images = 8: expected a table of settings"),
        ("training.settings", "{ width = 32 }", r"is a table of settings; name one of them"),
        ("training.settings.widht", "32", r"widht: unknown setting; did you mean width"),
        ("training.settings.'a.\"b'", "1", r"unknown setting"),
        ("selection.strategy", "hybrd", r"strategy 'hybrd' is unknown"),
        ("label_studio.token_env", "0123456789abcdef" * 2 + "01234567", r"looks like a secret"),
        ("label_studio.url", "http://me:hunter22@host", r"looks like a secret"),
        ("web.host", "x" * 120_000, r"got 120000 characters"),
        ("web.host", "\udcff", r"is no UTF-8 text"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(
    file: Path, key: str, value: str, words: str
) -> None:
    done = config(file, "set", key, value)

    assert_said(done, words)
    assert file.read_text() == TEXT
    assert os.listdir(file.parent) == ["config.toml"]
    assert "hunter22" not in done.err


def test_a_token_of_the_environment_is_refused(file: Path) -> None:
    done = run_command(
        *("config", "set", "label_studio.title", "quite-harmless-words"),
        folder=file.parent,
        environment={"LABEL_STUDIO_API_KEY": "quite-harmless-words"},
    )

    assert_said(done, "looks like a secret")


def test_classes_that_would_change_what_masks_mean_are_refused(file: Path) -> None:
    with Store(file.parent / "state" / FILE) as store:
        store.keep_classes(("soil", "crop", "weed"))

    assert_said(config(file, "set", "classes.names", '["soil", "weed"]'), "by their index")
    assert file.read_text() == TEXT
    assert config(file, "set", "classes.names", '["soil", "crop", "weed", "stone"]').code == 0


def test_a_faulty_file_is_mended_by_the_right_change_only(file: Path) -> None:
    file.write_text(TEXT.replace("100", '"many"'))

    assert_said(config(file, "set", "loop.batch_images", "12"), r"line 3: \[loop\] budget_labels")
    assert config(file, "set", "loop.budget_labels", "100").code == 0
    assert file.read_text() == TEXT


@pytest.mark.parametrize("content", [b"\0" * 20, b"#" * 2_100_000, b"\xff\xfe", b"[loop"])
def test_a_file_that_is_no_toml_is_refused_in_words(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    for words in (("set", "loop.batch_images", "1"), ("unset", "loop.batch_images"), ("show",)):
        assert_said(config(file, *words), r"config\.toml: (cannot be read|has more than|is UTF-16)")
    assert file.read_bytes() == content


def test_only_the_changed_settings_are_shown_as_json(file: Path) -> None:
    shown = json.loads(config(file, "show", "--changed", "--json").out)

    assert {one["key"]: one["line"] for one in shown["settings"]} == {
        "loop.budget_labels": 3,
        "loop.batch_images": 4,
    }
    assert [one["counts"] for one in shown["settings"]] == [
        "from the next tick on",
        "when the next batch is chosen",
    ]
    assert "batch_images = 8" in config(file, "show", "loop.batch_images").out
    assert_said(config(file, "show", "lop"), "did you mean loop")


def test_a_process_that_is_killed_leaves_the_old_file_or_the_new_one(file: Path) -> None:
    texts = {TEXT, *(TEXT.replace("batch_images = 8", f"batch_images = {n}") for n in (1, 2))}
    for pause_s in (0.01, 0.03, 0.05, 0.08):
        pid = os.fork()
        if pid == 0:
            while True:
                for value in (1, 2):
                    set_setting(file, ("loop", "batch_images"), value, datetime.now(UTC))
        time.sleep(pause_s)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert file.read_text() in texts

    set_setting(file, ("loop", "batch_images"), 8, datetime.now(UTC))
    assert file.read_text() == TEXT
    assert not list(file.parent.glob("*.part"))


def test_two_changes_at_once_are_both_kept(file: Path) -> None:
    changes = [("loop", "batch_images", 5), ("loop", "budget_labels", 50), ("web", "port", 1)]
    threads = [
        threading.Thread(target=set_setting, args=(file, (table, name), value, datetime.now(UTC)))
        for table, name, value in changes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    loaded = load_config(file)
    assert (loaded.loop.batch_images, loaded.loop.budget_labels, loaded.web.port) == (5, 50, 1)
