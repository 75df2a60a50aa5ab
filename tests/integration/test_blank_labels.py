"""Images that people left without any label: spent, and neither taught on nor measured on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from daemon.domain import IGNORE, Role, Stage
from daemon.runs.run_folder import RunFolder, TrainRequest
from daemon.store import FILE, Store
from tests.fakes.status_json import status_json
from tests.integration.workbench import configured, paint, run_out, ticker


def test_a_loop_goes_on_over_images_that_nobody_could_label(tmp_path: Path) -> None:
    paint(tmp_path)
    for number in range(0, 30, 3):
        blank = np.full((24, 32), IGNORE, np.uint8)
        Image.fromarray(blank).save(tmp_path / "masks" / f"field{number:02d}.png")
    config = configured(tmp_path, classes={"unlabeled": "ignore"})

    run_out(ticker(config))

    with Store(config.state / FILE, read_only=True) as store:
        labeled, telling = store.labeled_ids(), store.informative_ids()
        pool = {image.id for image in store.images() if image.role is Role.POOL}
        last = store.last_cycle()
    assert len(labeled) == 16
    assert 0 < len(labeled - telling) < 16
    assert last is not None
    run = RunFolder(config.state / "runs" / f"{last.number:04d}-{Stage.TRAIN}")
    request = run.read_request(TrainRequest)
    assert {file.id for file in request.labeled} == telling & pool
    assert {file.id for file in request.validation} == telling - pool
    assert {file.id for file in request.unlabeled} == pool - telling
    assert status_json(config)["labels"]["left"] == 0
    assert status_json(config)["evaluations"][-1]["miou"] is not None
