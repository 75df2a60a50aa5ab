"""The loop's memory; the only room that speaks SQL. README.md says which file has which table."""

from __future__ import annotations

from daemon.store.agreements import AgreementQueries
from daemon.store.base import FILE, LOCK, StoreBase, sole_writer
from daemon.store.classes import ClassQueries
from daemon.store.click_networks import ClickNetworkQueries
from daemon.store.commands import CommandQueries
from daemon.store.corrections import CorrectionQueries
from daemon.store.cycles import CycleQueries
from daemon.store.duplicate_labels import DuplicateLabelQueries
from daemon.store.effective_labels import EffectiveLabelQueries
from daemon.store.events import EventQueries
from daemon.store.exclusions import ExclusionQueries
from daemon.store.identity import IdentityQueries
from daemon.store.images import ImageQueries
from daemon.store.incidents import IncidentQueries
from daemon.store.label_findings import FindingQueries
from daemon.store.labels import LabelQueries, decode_png, encode_png
from daemon.store.majority_labels import MajorityLabelQueries
from daemon.store.models import ModelQueries
from daemon.store.outbox import OutboxQueries
from daemon.store.people import PeopleQueries
from daemon.store.prediction_sets import PredictionSetQueries
from daemon.store.quarantine import QuarantineQueries
from daemon.store.reviews import ReviewQueries
from daemon.store.second_labels import SecondLabelQueries
from daemon.store.unaccepted_masks import UnacceptedMaskQueries


class Store(
    ImageQueries,
    IdentityQueries,
    ExclusionQueries,
    LabelQueries,
    EffectiveLabelQueries,
    MajorityLabelQueries,
    CorrectionQueries,
    DuplicateLabelQueries,
    CycleQueries,
    OutboxQueries,
    PredictionSetQueries,
    QuarantineQueries,
    EventQueries,
    ModelQueries,
    IncidentQueries,
    ClassQueries,
    PeopleQueries,
    CommandQueries,
    FindingQueries,
    ReviewQueries,
    ClickNetworkQueries,
    SecondLabelQueries,
    AgreementQueries,
    UnacceptedMaskQueries,
):
    """Images, labels, cycles, tasks and events in one SQLite file; see StoreBase."""


__all__ = ["FILE", "LOCK", "Store", "StoreBase", "decode_png", "encode_png", "sole_writer"]
