"""Which images `maskloop export --predictions` predicts, and by which model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from daemon.config.loading import Config
from daemon.config.name_lists import read_list
from daemon.datasets.export.file_names import file_names
from daemon.domain import Exclusion, Image, Role, Stage
from daemon.domain.errors import ExportRefused
from daemon.runs.records import ImageFile, PredictRequest, TrainRequest
from daemon.runs.run_folder import RunFolder
from daemon.store import Store

MOST_NAMED = 3  # unknown images in a message
POOL, ALL = "pool", "all"  # in place of a list
LEFT_OUT = (Exclusion.UNREADABLE, Exclusion.PERSON)  # of all


@dataclass(frozen=True, kw_only=True)
class ServingModel:
    """The model whose predictions people get now. cycle: that trained it."""

    cycle: int
    checkpoint: Path
    classes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What is to be predicted. names: image id -> name of its file. min_region_px, fill_holes_px:
    as for the masks that people correct."""

    model: ServingModel
    images: Mapping[int, Image]
    names: Mapping[int, str]
    min_region_px: int
    fill_holes_px: int
    training: Mapping[str, Any]

    def request(self, image_ids: Iterable[int], checkpoint: Path) -> PredictRequest:
        """The request for masks of some of the images."""
        files = [ImageFile(id=one, image=self.images[one].path) for one in image_ids]
        return PredictRequest(
            classes=self.model.classes, checkpoint=checkpoint, masks=tuple(files), **self.training
        )


def prediction_of(
    store: Store, config: Config, listed: str | None, labeled: Mapping[int, Image]
) -> Prediction | None:
    """What is to be predicted; its files are named as those of the labels are.

    listed: `POOL`, `ALL` or the source of a list; None: nothing. labeled: image id ->
    image, of every label. Raises ExportRefused.
    """
    if listed is None:
        return None
    model, images = serving_model(store, config), images_to_predict(store, listed)
    return Prediction(
        model=model,
        images=images,
        names=file_names(list({**labeled, **images}.values())),
        min_region_px=config.predictions.min_region_px,
        fill_holes_px=config.predictions.fill_holes_px,
        training=settings_of_training(config),
    )


def serving_model(store: Store, config: Config) -> ServingModel:
    """The model that serves. Raises ExportRefused before the first training."""
    last = store.last_cycle()
    for cycle in range(last.number if last else -1, -1, -1):
        serving = store.serving(cycle)
        run = RunFolder(config.state / "runs" / f"{serving:04d}-{Stage.TRAIN}")
        if run.finished() and run.checkpoint.is_file():
            classes = run.read_request(TrainRequest).classes
            return ServingModel(cycle=serving, checkpoint=run.checkpoint, classes=classes)
    raise ExportRefused(
        f"--predictions: got no trained model in {config.state / 'runs'}; expected one; it is "
        f"there when the first cycle has trained: `maskloop status` says where the loop stands"
    )


def images_to_predict(store: Store, listed: str) -> dict[int, Image]:
    """The pool, all images that can be read, or those of a list of ids and names.

    Raises ExportRefused.
    """
    if listed == POOL:
        return {image.id: image for image in store.images(Role.POOL)}
    if listed == ALL:
        left_out = {one for one, why in store.excluded().items() if why in LEFT_OUT}
        return {image.id: image for image in store.images() if image.id not in left_out}
    try:
        wanted = list(dict.fromkeys(read_list(listed)))
    except (ValueError, OSError) as exc:
        raise ExportRefused(f"--predictions {listed}: {exc}") from exc
    named = _by_name(store) if not all(map(str.isdecimal, wanted)) else {}
    ids = [_id(one, named, listed) for one in wanted]
    images = store.images_of(ids)
    unknown = [one for one, image_id in zip(wanted, ids, strict=True) if image_id not in images]
    if unknown:
        raise ExportRefused(
            f"--predictions {listed}: {len(unknown)} of {len(wanted)} are no images of the store, "
            f"first {', '.join(unknown[:MOST_NAMED])}; expected ids or names, as history.json has "
            f"them"
        )
    return images


def settings_of_training(config: Config) -> dict[str, Any]:
    """What a request holds beside its files, as every run of this configuration."""
    training = config.training
    return {
        "device": training.device,
        "threads": training.threads,
        "seed": training.seed,
        "settings": {"preset": training.preset, **training.settings},
    }


def _by_name(store: Store) -> Mapping[str, Sequence[int]]:
    """Name of an image, whole, without folders and without its ending -> ids."""
    found: dict[str, set[int]] = defaultdict(set)
    for image in store.images():
        path = PurePosixPath(image.name)
        for name in (image.name, path.name, path.stem):
            found[name].add(image.id)
    return {name: sorted(ids) for name, ids in found.items()}


def _id(wanted: str, named: Mapping[str, Sequence[int]], listed: str) -> int:
    """The id that an entry means; -1 for none. Raises ExportRefused where several images fit."""
    found = named.get(wanted, ())
    if len(found) > 1:
        raise ExportRefused(
            f"--predictions {listed}: {len(found)} images are called {wanted!r}; expected one; "
            f"name it by its id: {', '.join(map(str, found[:MOST_NAMED]))}"
        )
    return found[0] if found else int(wanted[:18]) if wanted.isdecimal() else -1
