"""Labels that people should look at again: what the audits found, the most suspicious first."""

from __future__ import annotations

from collections.abc import Callable

from daemon.config.loading import Config
from daemon.domain import Image
from daemon.domain.label_findings import AuditedLabels, Finding
from daemon.domain.reviews import ReviewState
from daemon.domain.unaccepted_masks import UnacceptedMask
from daemon.insight.review_precision import (
    AuthorReviews,
    PlacePrecision,
    author_reviews,
    place_precision,
)
from daemon.insight.review_totals import ReviewTotals, review_totals
from daemon.insight.view_model import Count, Share, Timestamp, ViewModel
from daemon.rules.review_stop import STOP_AFTER, stop_rule
from daemon.store import FILE, Store
from daemon.web.access.gate import visitor
from daemon.web.page import Page, Sources
from daemon.web.shown_places import ShownPlace, place_fields, task_url

LISTED = 100


class Suspect(ShownPlace):
    """A place of a label."""

    number: Count
    """Of the finding; it stays."""
    rank: Count
    """From 1, the most suspicious."""
    type: str
    """swap, missing, unlabeled part, outside, shift, conflict or rule."""
    labeled: str
    """Class in the label; empty where a class says nothing."""
    proposed: str
    """Class that the model sees; empty likewise."""
    reason: str
    """Why, in one sentence."""
    expected_precision: Share | None
    """Probability of an error, if errors are as frequent as planted ones; corrected by second looks
    once 50 places had one; null: not known."""
    weak: bool
    """Whether the model was trained on this label."""
    under_review: bool
    """Whether another person is asked to look at the label now."""


class Unaccepted(ShownPlace):
    """A mask that was suggested for clicks and that no label holds; it is always kept."""

    annotation: str
    """Of the labeling tool; it holds the clicks."""
    label: str
    """Class of the mask."""
    suggested_at: Timestamp


class SuspectsView(ViewModel):
    """Labels that people should look at again."""

    enabled: bool
    """Whether audits are made ([audit] enabled)."""
    labels: Count
    """Labels that count now."""
    compared: Count
    """Of these, compared with a model."""
    weak: Count
    """Of the compared ones, only with a model that was trained on them."""
    findings: Count
    """Findings in them; the list holds the first."""
    audited_at: Timestamp | None
    """When the newest audit ended; null before the first."""
    reviews: ReviewTotals
    """Labels that another person was asked to look at once more."""
    suspects: tuple[Suspect, ...]
    unaccepted_masks: Count
    """Masks that people saw for their clicks and submitted without; the list holds the newest."""
    unaccepted: tuple[Unaccepted, ...]
    precision: tuple[PlacePrecision, ...]
    """How often reviewers found an error where the audit had said so, by type and classes."""
    stop_rule: str
    """When second looks stop by themselves, and where that stands; empty before the first."""
    authors: tuple[AuthorReviews, ...]
    """What became of the reviewed labels of each person; empty for those who may not see names."""


def build(sources: Sources) -> SuspectsView:
    """The page, from the store. Before the first run it is empty."""
    nothing = AuditedLabels(compared=0, weak=0, findings=0, at=None)
    if sources.read_config is None:
        return _view(nothing, labels=0, enabled=True)
    config = sources.read_config()
    if not (config.state / FILE).exists():
        return _view(nothing, labels=0, enabled=config.audit.enabled)
    with sources.store() as store:
        found = store.findings(LISTED)
        images = store.images_of({finding.image_id for _, finding in found})
        tasks = store.label_tasks(images)
        labels, audited = len(store.labeled_ids()), store.audited_labels()
        reviews = review_totals(store.review_counts(), store.reviews_stopped())
        asked = store.reviews()
        open_ids = {one.image_id for one in asked if one.state is ReviewState.OPEN}
        outcomes = store.newest_review_outcomes(STOP_AFTER)
        authors = author_reviews(asked, store.review_authors()) if visitor().sees_names else ()
        lost, unaccepted = store.count_unaccepted_masks(), _unaccepted(store, config)
    suspects = tuple(
        suspect(
            number,
            rank,
            finding,
            images[finding.image_id],
            task_url(config, tasks),
            under_review=finding.image_id in open_ids,
        )
        for rank, (number, finding) in enumerate(found, start=1)
    )
    enabled = config.audit.enabled
    found_view = _view(audited, labels=labels, enabled=enabled, reviews=reviews, suspects=suspects)
    looked = {
        "precision": place_precision(asked),
        "stop_rule": stop_rule(outcomes) if asked else "",
        "authors": authors,
        "unaccepted_masks": lost,
        "unaccepted": unaccepted,
    }
    return found_view.model_copy(update=looked)


def suspect(
    number: int,
    rank: int,
    finding: Finding,
    image: Image,
    url_of: Callable[[int], str | None],
    *,
    under_review: bool = False,
) -> Suspect:
    """A finding as the page shows it. Pure."""
    return Suspect(
        number=number,
        rank=rank,
        type=finding.type.value,
        labeled=finding.labeled,
        proposed=finding.proposed,
        reason=finding.reason,
        expected_precision=finding.expected_precision,
        weak=finding.weak,
        under_review=under_review,
        **place_fields(
            image, finding.box_yxyx, finding.area_px, finding.mask_png, url_of(image.id)
        ),
    )


def _unaccepted(store: Store, config: Config) -> tuple[Unaccepted, ...]:
    """The newest masks that nobody accepted."""
    found = store.unaccepted_masks(LISTED)
    images = store.images_of({mask.image_id for mask in found})
    url_of = task_url(config, {mask.image_id: mask.task for mask in found})
    return tuple(_one_unaccepted(mask, images[mask.image_id], url_of) for mask in found)


def _one_unaccepted(
    mask: UnacceptedMask, image: Image, url_of: Callable[[int], str | None]
) -> Unaccepted:
    return Unaccepted(
        annotation=mask.annotation,
        label=mask.label,
        suggested_at=mask.at.isoformat(),
        **place_fields(image, mask.box_yxyx, mask.area_px, mask.mask_png, url_of(image.id)),
    )


def _view(
    audited: AuditedLabels,
    *,
    labels: int,
    enabled: bool,
    reviews: ReviewTotals | None = None,
    suspects: tuple[Suspect, ...] = (),
) -> SuspectsView:
    return SuspectsView(
        enabled=enabled,
        labels=labels,
        compared=audited.compared,
        weak=audited.weak,
        findings=audited.findings,
        audited_at=None if audited.at is None else audited.at.isoformat(),
        reviews=reviews or review_totals({}, ""),
        suspects=suspects,
        unaccepted_masks=0,
        unaccepted=(),
        precision=(),
        stop_rule="",
        authors=(),
    )


PAGE = Page(
    name="suspects",
    title="Suspects",
    template="suspects.html",
    model=SuspectsView,
    build=build,
)
