"""SAM in the worker child: loaded there, asked by the smart tool and by an evaluation."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.clicks.click import Click
from daemon.clicks.click_answer import mask_of
from daemon.clicks.click_metrics import object_iou
from daemon.config.loading import Config
from daemon.domain.clock import steady_s
from daemon.runs.run_folder import RunFolder
from daemon.smart_tool.click_answers import AskedObject, FoundObject
from daemon.smart_tool.click_worker_process import ClickWorkerProcess
from daemon.smart_tool.network_first import NetworkFirst
from daemon.smart_tool.walks import Walks
from daemon.smart_tool.wanted_sam import wanted_sam
from tests.fakes.clicked_fields import disc, picture_of
from tests.fakes.labels import image
from tests.fakes.sam_models import sam_files

SIZE = (90, 110)
PLANT = disc(SIZE, 45, 40, 17)
PATIENCE_S = 120.0


def asked(folder: Path, *clicks: Click, label: str = "crop") -> AskedObject:
    path, picture = folder / "field.png", picture_of(PLANT)
    Image.fromarray(picture).save(path)
    shown = replace(image("a"), path=path, height_px=SIZE[0], width_px=SIZE[1])
    return AskedObject(image=shown, picture=picture, clicks=clicks, prior=None, label=label)


def answer_of_sam(engines: NetworkFirst, question: AskedObject) -> FoundObject:
    deadline = time.monotonic() + PATIENCE_S
    while (found := engines.find(question)).engine != "sam":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_the_worker_answers_clicks_with_sam(tmp_path: Path) -> None:
    files, folder = sam_files(tmp_path / "models"), RunFolder(tmp_path / "run")
    wanted = wanted_sam(Config(home=tmp_path), files, folder)
    areas = {"crop": float(PLANT.sum())}
    clicks = (Click(x=40, y=45), Click(x=34, y=38, positive=False))
    with closing(ClickWorkerProcess(wanted, folder, steady_s)) as worker:
        engines = NetworkFirst(worker, Walks(), PATIENCE_S, "sam", areas)

        first = answer_of_sam(engines, asked(tmp_path, clicks[0]))
        second = answer_of_sam(engines, asked(tmp_path, *clicks))
        unknown = answer_of_sam(engines, asked(tmp_path, clicks[0], label="weed"))

    assert object_iou(mask_of(first.probability, SIZE), PLANT) > 0.85
    assert not mask_of(second.probability, SIZE)[38, 34]
    assert mask_of(unknown.probability, SIZE).all()  # no usual area: the best predicted IoU


@pytest.mark.long
def test_files_of_another_layout_turn_the_engine_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files, folder = sam_files(tmp_path / "models", channels=128), RunFolder(tmp_path / "run")
    wanted = wanted_sam(Config(home=tmp_path), files, folder)
    deadline = time.monotonic() + PATIENCE_S
    with (
        caplog.at_level(logging.WARNING),
        closing(ClickWorkerProcess(wanted, folder, steady_s)) as worker,
    ):
        engines = NetworkFirst(worker, Walks(), 10.0, "sam")
        while "expected 1 x 256 x 64 x 64" not in caplog.text:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = engines.find(asked(tmp_path, Click(x=40, y=45)))

    assert (found.engine, found.fell_back) == ("colour_walk", False)
    assert np.isfinite(found.probability.values).all()
