"""The engines that an evaluation compares, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from daemon.clicks.click import ClickEngine
from daemon.clicks.walk_engines import COLOUR_WALK, PRIOR_WALK, PriorWalk, colour_walk
from daemon.clicks.walk_features import WalkFeatures


def engines_named(names: Sequence[str], features: WalkFeatures) -> Mapping[str, ClickEngine]:
    """Name -> engine, in the order of the names, which are known ones."""
    known: dict[str, ClickEngine] = {
        COLOUR_WALK: colour_walk(features),
        PRIOR_WALK: PriorWalk(features=features),
    }
    return {name: known[name] for name in names}
