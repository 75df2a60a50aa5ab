"""A corrected setting counts at the next attempt: runs belong to the settings they got."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from daemon.config.loading import Config
from daemon.diagnostics.notes import notes
from daemon.domain import Stage
from daemon.domain.errors import RunFailed
from daemon.runs.run_folder import EmbedRequest, PredictRequest, Request, RunFolder, TrainRequest
from daemon.stages import run_settings
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, run_of, run_out, ticker

STAGES: dict[Stage, type[Request]] = {
    Stage.EMBED: EmbedRequest,
    Stage.TRAIN: TrainRequest,
    Stage.SCORE: PredictRequest,
    Stage.PREDICT: PredictRequest,
}


class FailingAt(ForkLauncher):
    """Fails every run of one stage of one cycle, as a device that is absent does."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    def advance(self, run: RunFolder, command: str) -> bool:
        if run.path.name == self._name:
            raise RunFailed(f"{run.path.name}: {command}: no such device")
        return super().advance(run, command)


def fail_at(config: Config, cycle: int, stage: Stage) -> None:
    with pytest.raises(RunFailed, match="no such device"):
        run_out(ticker(config, launcher=FailingAt(f"{cycle:04d}-{stage}")))


def said(config: Config) -> str:
    return "\n".join(event["message"] for event in status_json(config)["events"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_failed_run_is_asked_anew_when_its_settings_were_corrected(
    home: Path, stage: Stage
) -> None:
    cycle = 0 if stage is Stage.EMBED else 1
    fail_at(configured(home, training={"device": "cuda:0"}), cycle, stage)
    corrected = configured(home, training={"device": "cpu"})

    outcome = run_out(ticker(corrected))  # without the pause that follows a failure

    assert outcome.final
    assert run_of(corrected, cycle, stage).read_request(STAGES[stage]).device == "cpu"
    words = f"cycle {cycle}: {stage} is started again, config.toml changed: [training] device"
    assert f"{words} 'cuda:0' -> 'cpu'" in said(corrected)
    assert said(corrected).count("started again") == 1
    if stage is not Stage.EMBED:  # what was finished with the old settings stays
        assert run_of(corrected, 0, Stage.EMBED).read_request(EmbedRequest).device == "cuda:0"


def test_a_failed_run_stays_and_waits_while_nothing_was_changed(home: Path) -> None:
    config = configured(home, training={"device": "cuda:0"})
    fail_at(config, 1, Stage.TRAIN)
    before = run_of(config, 1, Stage.TRAIN).request_file.read_bytes()

    outcome = ticker(configured(home, training={"device": "cuda:0"}, web={"port": 1})).tick()

    assert "it is tried again in" in outcome.waiting
    assert run_of(config, 1, Stage.TRAIN).request_file.read_bytes() == before
    assert "started again" not in said(config)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({"seed": 1}, {"seed": 2}, "[training] seed 1 -> 2"),
        ({"threads": 1}, {"threads": 2}, "[training] threads 1 -> 2"),
        ({"warm_start": True}, {"warm_start": False}, "[training] warm_start True -> False"),
        (
            {"settings": {"learning_rate": 1.0}},
            {"settings": {"learning_rate": 0.001}},
            "[training] settings.learning_rate 1.0 -> 0.001",
        ),
        (
            {"settings": {"encoder_weights": "/none"}},
            {"settings": {}},
            "[training] settings.encoder_weights '/none' -> ''",
        ),
        ({"preset": "cpu"}, {"preset": "gpu"}, "[training] preset 'cpu' -> 'gpu', "),
    ],
)
def test_every_setting_of_a_training_is_compared(
    home: Path, before: dict[str, Any], after: dict[str, Any], words: str
) -> None:
    fail_at(configured(home, training=before), 1, Stage.TRAIN)
    corrected = configured(home, training=after)

    ticker(corrected).tick()

    assert words in said(corrected)
    assert "started again" in said(corrected)


def test_a_preset_written_out_is_the_same_settings(home: Path) -> None:
    fail_at(configured(home, training={"settings": {}}), 1, Stage.TRAIN)
    same = configured(home, training={"settings": {"width": 64, "preset": "cpu"}})

    assert "it is tried again in" in ticker(same).tick().waiting


def test_other_processes_are_tried_at_once_and_keep_the_progress(home: Path) -> None:
    config = configured(home, training={"processes": 2})
    fail_at(config, 1, Stage.TRAIN)
    run = run_of(config, 1, Stage.TRAIN)
    run.resume.write_bytes(b"half of the iterations")

    ticker(configured(home, training={"processes": 1})).tick()

    assert "tried again at once, config.toml changed: [training] processes 2 -> 1" in said(config)
    assert run.resume.exists()


def test_what_was_done_for_the_old_settings_is_removed(home: Path) -> None:
    config = configured(home, training={"device": "cuda:0"})
    fail_at(config, 1, Stage.TRAIN)
    run = run_of(config, 1, Stage.TRAIN)
    old = [run.resume, run.schedule, run.error_file, run.path / "rows.bin"]
    for path in (*old, run.log):
        path.write_bytes(b"of the old settings")

    ticker(configured(home, training={"device": "cpu"})).tick()

    assert [path.name for path in old if path.exists()] == []
    assert run.log.exists()


def test_a_power_cut_while_a_run_is_asked_anew_changes_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_at(configured(home, training={"device": "cuda:0"}), 1, Stage.TRAIN)
    corrected = configured(home, training={"device": "cpu"})
    run = run_of(corrected, 1, Stage.TRAIN)
    run.resume.write_bytes(b"of the old settings")

    def cut(path: Path) -> None:
        raise OSError("power cut")

    monkeypatch.setattr(run_settings, "_remove", cut)
    with pytest.raises(OSError, match="power cut"):
        ticker(corrected).tick()
    monkeypatch.undo()

    assert run_out(ticker(corrected)).final
    assert run.read_request(TrainRequest).device == "cpu"


def test_a_run_of_an_older_version_is_compared_by_its_request(home: Path) -> None:
    fail_at(configured(home, training={"device": "cuda:0"}), 1, Stage.TRAIN)
    corrected = configured(home, training={"device": "cpu"})
    run_of(corrected, 1, Stage.TRAIN).settings_file.unlink()

    ticker(corrected).tick()

    assert "[training] device 'cuda:0' -> 'cpu'" in said(corrected)


def test_a_test_set_that_was_corrected_counts_at_the_next_scoring(home: Path) -> None:
    for folder in ("images", "masks"):
        shutil.copytree(home / folder, home / "held" / folder)
    held = {"images": "held/images", "masks": "held/masks", "ids": "ids.txt"}
    (home / "ids.txt").write_text("field00\nfield01\n")
    fail_at(configured(home, test=held), 1, Stage.SCORE)
    (home / "ids.txt").write_text("field01\n")

    corrected = configured(home, test=held)
    run_out(ticker(corrected))

    request = run_of(corrected, 1, Stage.SCORE).read_request(PredictRequest)
    assert [file.image.stem for file in request.test] == ["field01"]
    assert "[test] the list of ids" in said(corrected)


def test_another_width_starts_the_next_training_from_scratch_and_says_so(home: Path) -> None:
    config = configured(home, training={"settings": {"width": 64}})
    run_out(ticker(config, cycle_limit=1))

    narrow = configured(home, training={"settings": {"width": 32}})
    run_out(ticker(narrow))

    second, third = (
        run_of(narrow, cycle, Stage.TRAIN).read_request(TrainRequest) for cycle in (2, 3)
    )
    assert second.parent is None
    assert third.parent == run_of(narrow, 2, Stage.TRAIN).checkpoint
    assert "not from the model before: [training] changed the network: width 64 -> 32" in said(
        narrow
    )


def test_another_encoder_embeds_every_image_again_in_the_next_cycle(home: Path) -> None:
    run_out(ticker(configured(home), cycle_limit=1))

    other = configured(home, training={"settings": {"encoder": "mit_b0"}})
    run_out(ticker(other))

    assert len(run_of(other, 0, Stage.EMBED).read_request(EmbedRequest).images) == 30
    assert len(run_of(other, 2, Stage.EMBED).read_request(EmbedRequest).images) == 30
    assert not run_of(other, 3, Stage.EMBED).request_file.exists()


def test_a_class_that_is_added_within_a_cycle_comes_with_the_next_model(home: Path) -> None:
    fail_at(configured(home), 1, Stage.SCORE)
    names = ("soil", "crop", "weed", "stone")

    more = configured(home, classes={"names": names})
    run_out(ticker(more))

    for stage in (Stage.SCORE, Stage.PREDICT):
        assert run_of(more, 1, stage).read_request(PredictRequest).classes == names[:3]
    trained = run_of(more, 2, Stage.TRAIN).read_request(TrainRequest)
    assert trained.classes == names
    assert trained.parent_classes == names[:3]
    assert "classes: 'stone' added; all answers are read again" in said(more)
    with Store(more.state / FILE, read_only=True) as store:
        assert store.kept_classes() == names


def test_a_class_that_is_added_before_its_training_is_trained_at_once(home: Path) -> None:
    fail_at(configured(home), 1, Stage.TRAIN)
    names = ("soil", "crop", "weed", "stone")

    run_out(ticker(more := configured(home, classes={"names": names})))

    assert run_of(more, 1, Stage.TRAIN).read_request(TrainRequest).classes == names


def test_check_says_what_changed_settings_will_do(home: Path) -> None:
    config = configured(home, training={"device": "cuda:0"})
    run_out(ticker(config, cycle_limit=1))
    fail_at(config, 2, Stage.TRAIN)
    changed = configured(home, training={"device": "cpu", "settings": {"width": 8}})

    found = "\n".join(notes(changed))

    assert "run 0002-train will be started again, config.toml changed: [training] device" in found
    assert "starts from ImageNet weights, the network changed: width 64 -> 8" in found
    assert list(notes(config)) == []


def test_a_second_embedding_of_a_cycle_is_asked_anew_too(home: Path) -> None:
    config = configured(home, training={"device": "cuda:0"})
    fail_at(config, 1, Stage.TRAIN)
    run_of(config, 1, Stage.EMBED).path.mkdir(exist_ok=True)
    shutil.copytree(run_of(config, 0, Stage.EMBED).path, run_of(config, 1, Stage.EMBED).path,
                    dirs_exist_ok=True)  # fmt: skip
    second = RunFolder(config.state / "runs/0001-2-embed")
    shutil.copytree(run_of(config, 0, Stage.EMBED).path, second.path)
    second.result_file.unlink()
    with Store(config.state / FILE) as store:
        store.reopen_cycle(1, Stage.EMBED, datetime.now(UTC))
    changed = configured(home, training={"device": "cpu"})

    assert any("run 0001-2-embed will be started again" in words for words in notes(changed))
    ticker(changed).tick()

    assert "cycle 1: embed is started again, config.toml changed: [training] device" in said(
        changed
    )
    assert run_of(changed, 1, Stage.EMBED).finished()
