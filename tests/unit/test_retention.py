"""Small masks of old trainings are deleted; what the page says of them stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.domain.clock import utc_now
from daemon.loop.components import open_connector, open_launcher
from daemon.runs.predicted_masks import predict_run
from daemon.runs.prior_maps import prior_file
from daemon.stages import retention
from daemon.stages.context import Context
from daemon.status.snapshot_trainings import read_models
from daemon.store import FILE, Store
from tests.fakes.trained_runs import trained_home


def test_masks_are_kept_of_the_newest_trainings_and_histories_of_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "KEPT_PICTURES", 2)
    config = trained_home(tmp_path, 5, storage={"keep_checkpoints": 1})
    with Store(config.state / FILE) as store:
        context = Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=open_launcher(config),
            now=utc_now,
        )

        retention.delete_old_checkpoints(context)

        models = {model.cycle: model for model in read_models(store, config.state)}
    best = next(model.cycle for model in models.values() if model.best)
    assert {cycle for cycle, model in models.items() if model.pictures} == {4, 5, best}
    assert {cycle for cycle, model in models.items() if model.kept} >= {5, best}
    assert all(model.history for model in models.values())


def test_prior_maps_go_where_the_image_has_a_newer_one(tmp_path: Path) -> None:
    config = trained_home(tmp_path, 1)
    runs = config.state / "runs"
    for cycle, images in enumerate([(7, 8), (7,), (7, 9), (7,)], start=1):
        for image in images:
            file = prior_file(predict_run(runs, cycle), image)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(b"a map")
    with Store(config.state / FILE) as store:
        context = Context(
            config=config,
            store=store,
            connector=open_connector(config),
            launcher=open_launcher(config),
            now=utc_now,
        )

        retention.delete_old_checkpoints(context)

    kept = {file.relative_to(runs).as_posix() for file in runs.glob("*/priors/*.png")}
    assert kept == {
        "0001-predict/priors/8.png",
        "0003-predict/priors/7.png",
        "0003-predict/priors/9.png",
        "0004-predict/priors/7.png",
    }
