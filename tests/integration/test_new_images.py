"""Images that arrive between EMBED and a training are seen by no training before they are looked
at, also where they come with a label."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.domain import Exclusion, Role, Stage
from daemon.loop.tick import RUNNERS
from daemon.runs.run_folder import PredictRequest, TrainRequest
from daemon.stages.context import Context
from daemon.stages.image_intake import sync_images
from daemon.store import FILE, Store
from tests.integration.workbench import configured, paint, run_out, ticker


@pytest.mark.parametrize("stage", [Stage.TRAIN, Stage.SCORE])
def test_a_twin_of_validation_that_comes_after_embed_is_never_trained_on(
    tmp_path: Path, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    paint(tmp_path, images=20)
    config = configured(tmp_path, selection={"duplicate_similarity": 0.9999})
    work = RUNNERS[stage]

    def arrive_before(context: Context, cycle: int) -> bool:
        if cycle == 1 and not (tmp_path / "images/twin.png").exists():
            images = context.store.images()
            first = next(image for image in images if image.role is Role.VALIDATION)
            picture = np.asarray(Image.open(tmp_path / "images" / first.name)).copy()
            picture[0, 0] ^= 1  # other bytes, the same look
            Image.fromarray(picture).save(tmp_path / "images/twin.png")
            shutil.copy(tmp_path / "masks" / first.name, tmp_path / "masks/twin.png")
            context.store.keep_fact("images_listed_at", "2026-01-01T00:00:00+00:00")
            sync_images(context)
        return work(context, cycle)

    monkeypatch.setitem(RUNNERS, stage, arrive_before)
    run_out(ticker(config))

    with Store(config.state / FILE, read_only=True) as store:
        (twin,) = [image for image in store.images() if image.name == "twin.png"]
        assert store.excluded()[twin.id] is Exclusion.NEAR_VALIDATION
        assert twin.id not in store.queried_ids()
    for file in (config.state / "runs").glob("*-train/request.json"):
        request = TrainRequest.model_validate_json(file.read_bytes())
        assert twin.id not in {one.id for one in (*request.labeled, *request.unlabeled)}
    for file in (config.state / "runs").glob("*-score/request.json"):
        asked = PredictRequest.model_validate_json(file.read_bytes())
        assert twin.id not in {one.id for one in asked.score}
