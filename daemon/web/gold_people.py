"""What the page of the curve shows to leads alone: each person against the ground truth."""

from __future__ import annotations

from contextlib import suppress

from daemon.insight.annotator_agreement import PersonOnGold, people_on_gold
from daemon.web.access.gate import visitor
from daemon.web.page import NothingToShow, Sources


def read_gold_people(sources: Sources) -> tuple[PersonOnGold, ...]:
    """Nobody for a visitor who may not see names, and before the first run."""
    if sources.read_config is None or not visitor().sees_names:
        return ()
    config = sources.read_config()
    with suppress(NothingToShow), sources.store() as store:
        return people_on_gold(
            store.gold_agreements(config.classes.names), config.audit.tolerance_px
        )
    return ()
