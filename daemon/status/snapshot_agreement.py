"""The status: how well two people agree on the same validation images."""

from __future__ import annotations

from daemon.config.loading import Config
from daemon.insight.annotator_agreement import AnnotatorAgreement, annotator_agreement
from daemon.rules.validation_split import group_of
from daemon.store import Store


def agreement_of_people(store: Store, config: Config) -> AnnotatorAgreement:
    """From what the ticks measured of each image."""
    measured = store.agreements(config.classes.names)
    group_by = config.validation.group_by
    images = store.images_of(one.pair.image_id for one in measured) if group_by else {}
    return annotator_agreement(
        measured,
        config.classes.names,
        groups={number: group_of(image.name, group_by) for number, image in images.items()},
        counts=store.second_label_counts(),
        wanted=config.validation.second_labels,
        stopped=store.second_labels_stopped(),
        tolerance_px=config.audit.tolerance_px,
    )


def no_agreement(config: Config) -> AnnotatorAgreement:
    """Before the first run."""
    return annotator_agreement(
        (),
        config.classes.names,
        groups={},
        counts={},
        wanted=config.validation.second_labels,
        stopped="",
        tolerance_px=config.audit.tolerance_px,
    )
