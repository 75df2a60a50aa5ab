"""When the map is drawn: by a real child process, on a few images, which need no UMAP."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from daemon.domain import Stage
from daemon.launchers.local import LocalLauncher
from daemon.runs.map_files import MapFit, MapRequest, MapResult, map_runs, newest_map, write_fit
from daemon.runs.run_folder import PredictResult, RunFolder, Scores
from daemon.stages.commands.draw_map import DrawMapArguments
from daemon.stages.commands.draw_map import draw_map as ask_to_draw
from daemon.stages.context import Context
from daemon.stages.map_runs import draw_map
from daemon.stages.run_settings import depends_on
from daemon.store.map_faults import read_map_fault
from tests.fakes.chosen_cycles import made, opened
from tests.fakes.drawn_map import write_map
from tests.fakes.embeddings import unit
from tests.fakes.labels import NOON


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Context]:
    """A loop with a cycle that waits for people; nothing is embedded."""
    config = made(tmp_path)
    for run in ("0000-embed", "0001-embed"):
        (config.state / "runs" / run / "result.json").unlink()
    with opened(config) as context:
        context.store.start_cycle(0, Stage.DONE, NOON, labels=0, train_labels=0)
        launcher = LocalLauncher()
        yield replace(context, launcher=launcher)
        launcher.stop()


def embed(loop: Context, name: str, ids: list[int], numbers: float = 1.0) -> None:
    run = RunFolder(loop.config.state / "runs" / name)
    run.path.mkdir(exist_ok=True)
    degrees = np.linspace(0, 90 * numbers, len(ids))
    run.write_scores(Scores(ids=np.array(ids), embeddings=unit(*degrees)))
    run.settings_file.write_text(json.dumps(depends_on(loop.config, Stage.EMBED)))
    run.write_result(PredictResult(images=len(ids), seconds=0.0))


def runs(loop: Context) -> list[str]:
    return [run.path.name for run in map_runs(loop.config.state / "runs")]


def wait_for(loop: Context, finished: list[str], open_run: str | None = None) -> None:
    """Tick until these map runs have finished, and no other is there than an open one."""
    deadline, folder = time.monotonic() + 240, loop.config.state / "runs"
    wanted = [*finished, *([open_run] if open_run else [])]
    while runs(loop) != wanted or not all(RunFolder(folder / n).finished() for n in finished):
        assert time.monotonic() < deadline, runs(loop)
        draw_map(loop, busy=False)
        time.sleep(0.05)


def test_the_map_waits_for_embeddings_and_for_a_training(loop: Context) -> None:
    draw_map(loop, busy=False)
    assert runs(loop) == []  # nothing is embedded

    embed(loop, "0000-embed", [1, 2, 3])
    draw_map(loop, busy=True)
    assert runs(loop) == []  # a training runs

    wait_for(loop, ["0000-map"])
    drawn = newest_map(loop.config.state / "runs")
    assert drawn is not None
    assert drawn.read_result(MapResult).images == 3
    assert read_map_fault(loop.store) is None


def test_new_images_and_a_command_draw_it_again_and_old_runs_go(loop: Context) -> None:
    embed(loop, "0000-embed", [1, 2, 3])
    wait_for(loop, ["0000-map"])
    embed(loop, "0001-embed", [4, 5])

    wait_for(loop, ["0000-map"], "0000-2-map")
    wait_for(loop, ["0000-2-map"])
    draw_map(loop, busy=False)
    assert runs(loop) == ["0000-2-map"]  # everything is on it

    assert "drawn anew" in ask_to_draw(loop, DrawMapArguments())
    wait_for(loop, ["0000-2-map"], "0000-3-map")


def test_a_fitted_map_is_extended_and_one_of_another_encoder_is_not(loop: Context) -> None:
    embed(loop, "0000-embed", [1, 2, 3])
    run = write_map(loop.config, "0000-embed")
    write_fit(
        run,
        MapFit(ids=np.array([1]), embeddings=unit(0.0), positions=np.zeros((1, 2), np.float32)),
    )
    embed(loop, "0001-embed", [4])
    loop.store.start_cycle(3, Stage.DONE, NOON, labels=0, train_labels=0)

    draw_map(loop, busy=False)
    asked = RunFolder(loop.config.state / "runs" / "0003-map")
    assert asked.read_request(MapRequest).before == "0002-map"

    changed = json.loads((loop.config.state / "runs/0001-embed/settings.json").read_bytes())
    changed["[training] settings.encoder"] = "another"
    (loop.config.state / "runs/0001-embed/settings.json").write_text(json.dumps(changed))
    deadline = time.monotonic() + 120
    while asked.read_request(MapRequest).before is not None:
        assert time.monotonic() < deadline
        draw_map(loop, busy=False)  # ends the run that is out of date, then asks for another
        time.sleep(0.05)

    assert asked.read_request(MapRequest).embedded == ("0001-embed",)


def test_a_run_that_fails_is_said_once_and_tried_after_a_pause(loop: Context) -> None:
    embed(loop, "0000-embed", [1, 2])
    (loop.config.state / "runs/0000-embed/scores.npz").write_bytes(b"damaged")

    def attempt(minutes: float) -> int:
        """Tick, as if so many minutes after the first attempt, until the process has ended."""
        later = replace(loop, now=lambda: NOON + timedelta(days=1, minutes=minutes))
        before = read_map_fault(loop.store)
        for _ in range(2400):
            draw_map(later, busy=False)
            fault = read_map_fault(loop.store)
            if fault != before or minutes in (0.5, 2.5):
                break
            time.sleep(0.05)
        return fault.failures if fault else 0

    assert [attempt(0), attempt(0.5), attempt(1.5), attempt(2.5)] == [1, 1, 2, 2]
    fault = read_map_fault(loop.store)
    assert fault is not None
    assert "scores.npz" in fault.words
    messages = [event.message for event in loop.store.events(50)]
    assert sum("could not be drawn" in message for message in messages) == 1
