"""Reads what is known of one image of the map, and which images are like it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from daemon.config.loading import Config
from daemon.domain import Role, Task, TaskState
from daemon.insight.map_columns import ImageState, nearest
from daemon.insight.map_view import AskedImage, ImageFacts
from daemon.runs.map_files import MapResult, newest_map, read_coordinates
from daemon.runs.run_folder import RunFolder
from daemon.status.map_points import classes_of, newest_scores, place_of
from daemon.store import Store

BLOCK = 65_536  # embeddings that are compared at once


def read_image_facts(config: Config, store: Store, image_id: int) -> ImageFacts | None:
    """What is known of an image; None for an unknown one."""
    image = store.images_of([image_id]).get(image_id)
    if image is None:
        return None
    tasks = store.tasks_of_image(image_id)
    state = _state(image.role, bool(store.label_ids([image_id])), tasks)
    uncertainty, above, shares = _scores(config, image_id)
    return ImageFacts(
        id=image.id,
        name=image.name,
        size=f"{image.width_px} x {image.height_px} pixels",
        state=state.words,
        role_reason=store.role_reason(image_id) if image.role is Role.EXCLUDED else "",
        asked=tuple(
            AskedImage(cycle=one.cycle, arm=one.arm, reason=one.words, state=one.state.value)
            for one in tasks
        ),
        uncertainty=uncertainty,
        uncertainty_above=above,
        shares=shares,
    )


def similar_images(config: Config, image_id: int, n: int) -> list[tuple[int, float]]:
    """The n images whose embedding is nearest to that of an image, nearest first, each with its
    cosine similarity; empty for an image that is not on the map."""
    run = newest_map(config.state / "runs")
    if run is None:
        return []
    points, names = read_coordinates(run), run.read_result(MapResult).embedded
    place = place_of(points.ids, image_id)
    if place is None:
        return []
    scores = [RunFolder(config.state / "runs" / name).read_scores() for name in names]
    own = scores[points.source[place]]
    vector = np.array(own.embeddings[np.flatnonzero(own.ids == image_id)[0]])
    found: list[tuple[float, int]] = []
    for number, one in enumerate(scores):
        where = np.searchsorted(points.ids, one.ids)
        where = np.where(where < len(points.ids), where, 0)
        current = (points.ids[where] == one.ids) & (points.source[where] == number)
        for start in range(0, len(one.ids), BLOCK):
            rows = start + np.flatnonzero(current[start : start + BLOCK])
            block = one.embeddings[rows]
            best = nearest(block, vector, n + 1)
            found += zip(
                (-block[best] @ vector).tolist(), one.ids[rows[best]].tolist(), strict=True
            )
    others = [(found_id, -product) for product, found_id in sorted(found) if found_id != image_id]
    return others[:n]


def _scores(config: Config, image_id: int) -> tuple[float | None, float | None, dict[str, float]]:
    """(uncertainty, share of the images below it, class name -> share) by the newest scores."""
    found = newest_scores(config.state / "runs")
    if found is None or image_id not in found[1].ids:
        return None, None, {}
    scores, row = found[1], int(np.flatnonzero(found[1].ids == image_id)[0])
    uncertainty, above = None, None
    if scores.uncertainty is not None:
        uncertainty = float(scores.uncertainty[row])
        above = float(np.mean(scores.uncertainty < scores.uncertainty[row]))
    share = () if scores.class_share is None else scores.class_share[row].tolist()
    return uncertainty, above, dict(zip(classes_of(config, scores), share, strict=False))


def _state(role: Role, labeled: bool, tasks: Sequence[Task]) -> ImageState:
    """As the column `state` of the points has it."""
    if role is not Role.POOL:
        return ImageState.VALIDATION if role is Role.VALIDATION else ImageState.EXCLUDED
    if labeled:
        return ImageState.LABELED
    if any(task.state is TaskState.OPEN for task in tasks):
        return ImageState.ASKED
    return ImageState.DROPPED if tasks else ImageState.POOL
