"""The loop's memory; the only room that speaks SQL. One file a noun."""

from __future__ import annotations

from daemon.store.asks import AskVerbs, Intent, Question
from daemon.store.base import FILE, LOCK, StoreBase, sole_writer
from daemon.store.classes import ClassVerbs
from daemon.store.corrections import CorrectionVerbs
from daemon.store.cycle_summary import StoryVerbs
from daemon.store.cycles import CycleVerbs
from daemon.store.duplicate_labels import TeamVerbs
from daemon.store.exclusions import ExclusionVerbs
from daemon.store.identity import Holder, IdentityVerbs, LostLabels
from daemon.store.images import ImageVerbs, KnownImage
from daemon.store.incidents import IncidentVerbs
from daemon.store.labels import LabelVerbs, png_of
from daemon.store.prediction_versions import VersionVerbs
from daemon.store.records import SETTLED, FaultState, RecordVerbs


class Store(
    ImageVerbs,
    IdentityVerbs,
    ExclusionVerbs,
    LabelVerbs,
    CorrectionVerbs,
    TeamVerbs,
    CycleVerbs,
    AskVerbs,
    VersionVerbs,
    RecordVerbs,
    StoryVerbs,
    IncidentVerbs,
    ClassVerbs,
):
    """Images, labels, cycles, tasks and events in one SQLite file; see StoreBase."""


__all__ = [
    "FILE",
    "LOCK",
    "SETTLED",
    "FaultState",
    "Holder",
    "Intent",
    "KnownImage",
    "LostLabels",
    "Question",
    "Store",
    "StoreBase",
    "png_of",
    "sole_writer",
]
