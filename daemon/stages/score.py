"""SCORE: what the new model thinks of every image of the pool, and of the test set."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from daemon.config import Config
from daemon.domain import Role, Stage
from daemon.errors import ConfigError
from daemon.runs import LabeledFile, PredictRequest, PredictResult, TrainResult
from daemon.stages.context import Context, by_role, files_of
from daemon.stages.train import curve_point

log = logging.getLogger(__name__)


def score(context: Context, cycle: int) -> bool:
    """Uncertainty and embedding of the pool by this cycle's checkpoint; True when done."""
    run = context.run(cycle, Stage.SCORE)
    if not run.request_file.exists():
        pool = by_role(context.store.images())[Role.POOL]
        request = context.request(
            PredictRequest,
            checkpoint=context.run(cycle, Stage.TRAIN).checkpoint,
            score=files_of(pool),
            test=test_files(context.config),
        )
        run.write_request(request)
    if not context.launcher.advance(run, "predict"):
        return False
    _keep(context, cycle)
    return True


def test_files(config: Config) -> tuple[LabeledFile, ...]:
    """The held-out images of [test], in order of name. Raises ConfigError where one is missing."""
    settings = config.test
    if not settings.images:
        return ()
    images, masks = config.home / settings.images, config.home / settings.masks
    by_name = {path.stem: path for path in sorted(images.glob("*")) if path.is_file()}
    names = _names(config.home, settings.ids) if settings.ids else sorted(by_name)
    missing = [n for n in names if n not in by_name or not (masks / f"{n}.png").is_file()]
    if missing:
        raise ConfigError(
            f"[test] {len(missing)} of {len(names)} names have no image or no mask, the first is "
            f"{missing[0]!r}; expected {images}/{missing[0]}.* and {masks}/{missing[0]}.png"
        )
    return tuple(
        LabeledFile(id=place, image=by_name[name], mask=masks / f"{name}.png")
        for place, name in enumerate(names)
    )


def _names(home: Path, source: str) -> list[str]:
    """A list of names: one a line, or the list NAME of FILE.json written as FILE.json:NAME."""
    file, _, key = source.rpartition(":") if ".json:" in source else (source, "", "")
    try:
        text = (home / file).read_text()
        return list(json.loads(text)[key]) if key else text.split()
    except (OSError, ValueError, KeyError) as exc:
        raise ConfigError(f"[test] ids = {source!r}: cannot be read: {exc!r}") from exc


def _keep(context: Context, cycle: int) -> None:
    run = context.run(cycle, Stage.SCORE)
    result = run.read_result(PredictResult)
    if result.test is not None:
        trained = context.run(cycle, Stage.TRAIN)
        point = curve_point(trained, cycle, trained.read_result(TrainResult))
        context.store.keep_evaluation("test", point, result.test)
        log.info("test measured cycle=%d miou=%s", cycle, result.test.miou)
