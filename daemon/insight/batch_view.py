"""The page of a batch: every image that a cycle asked for, filtered, sorted and in pages. Pure.

Filters and sorting are addresses ("?cycle=3&state=open"), so the page works without scripts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from daemon.insight.batch_query import SORTS, BatchQuery, Filter
from daemon.insight.class_legend import LegendClass
from daemon.insight.person_names import FullName, PersonName
from daemon.insight.score_places import NearestImage, ScorePlace
from daemon.insight.view_model import Count, Share, Timestamp, ViewModel

PAGE_IMAGES = 24


class BatchEntry(ViewModel):
    """An image that a cycle asked for."""

    image_id: int
    """Number of the image in the store."""
    name: str
    """Name of the image."""
    task: str
    """Its task in the labeling tool; "" before it is sent."""
    link: str | None
    """Address of the task in the labeling tool; null where it has none."""
    rank: int | None
    """Position in the batch from 1 on; null for an image that no choice ranked."""
    arm: str
    """Who chose it: "validation", "random", "person" or the name of the strategy."""
    arm_words: str
    """The same for people."""
    reason: str
    """Why it was chosen, as a sentence without its full stop."""
    asked_again: str
    """Why it was asked again; "" where it was not."""
    state: str
    """Where the question stands."""
    since: Timestamp | None
    """When the task was closed; of an open task, when it was created."""
    person_id: PersonName
    """Whose label counts, or who has begun it; "" for nobody."""
    person: FullName
    """Their name, as the labeling tool says it; "" where that is not known."""
    has_draft: bool
    """Whether that person has begun and not submitted."""
    minutes: float | None
    """Minutes of work, as the labeling tool measured them; null where it did not."""
    iou: Share | None
    """IoU of prediction and correction, mean over the classes that either holds; null where no
    prediction was corrected."""
    class_iou: Mapping[str, Share]
    """The same for each class."""
    changed_share: Share | None
    """Share of the pixels that got another class; null where no prediction was corrected."""
    classes: tuple[str, ...]
    """Classes that the label holds, or, before there is one, that the model saw."""
    scores: tuple[ScorePlace, ...]
    """How much of each measure it had, among all that could have been chosen."""
    nearest: NearestImage | None
    """The most alike of the images that were labeled or asked before; null where not known."""
    nearest_name: str
    """Name of that image; "" without one."""
    prediction_cycle: Count | None
    """The cycle whose run holds a predicted mask of it; null where none is kept."""
    labeled: bool
    """Whether it has a label."""


class Choice(ViewModel):
    """A value that a filter can have."""

    value: str
    """The value; "" for all."""
    words: str
    """The same for people."""
    images: Count | None
    """How many images have it; null where that is not counted."""
    chosen: bool
    """Whether the page is filtered by it."""
    address: str
    """Query of the page with this value."""


class PersonTotal(ViewModel):
    """What one person did of a batch."""

    person_id: PersonName
    """Who, as annotations name them."""
    person: FullName
    """Their name, as the labeling tool says it; "" where that is not known."""
    labeled: Count
    """Images with a label of theirs that counts."""
    begun: Count
    """Images that they have begun and not submitted."""
    minutes: float | None
    """Minutes of work on these labels; null where the labeling tool measured none."""
    iou: Share | None
    """IoU of prediction and correction, mean over their images; null without any."""


class BatchView(ViewModel):
    """A batch, image by image."""

    cycle: Count | None
    """The cycle that chose it; null before any batch was asked."""
    cycles: tuple[Choice, ...]
    """All cycles that asked for images, newest first."""
    states: tuple[Choice, ...]
    """The states that its images have."""
    people: tuple[Choice, ...]
    """The people who labeled its images."""
    arms: tuple[Choice, ...]
    """Who chose its images."""
    classes: tuple[Choice, ...]
    """The classes that its images hold."""
    sorts: tuple[Choice, ...]
    """The orders in which the page can be."""
    totals: tuple[PersonTotal, ...]
    """What each person did of the whole batch, most labels first."""
    legend: tuple[LegendClass, ...]
    """The classes in the order of their pixel values."""
    asked: Count
    """Images of the batch."""
    found: Count
    """Images that the filters leave."""
    page: Count
    """Which part of them is listed, from 1 on."""
    pages: Count
    """How many parts there are."""
    previous: str | None
    """Query of the part before; null on the first."""
    following: str | None
    """Query of the part after; null on the last."""
    query: str
    """Query of this page; "" where nothing is chosen."""
    scores_missing: str
    """Why no scores are shown, as a sentence; "" where they are."""
    images: tuple[BatchEntry, ...]
    """The images of this part."""


def batch_view(
    query: BatchQuery,
    entries: Sequence[BatchEntry],
    *,
    cycle: int | None,
    cycles: Mapping[int, int],
    legend: Sequence[LegendClass],
    scores_missing: str,
) -> BatchView:
    """Filter, sort and cut. entries: all images of the batch. cycles: cycle -> images asked."""
    chosen = sorted(filter(_passes(query), entries), key=_ORDERS[query.sort])
    pages = max(1, -(-len(chosen) // PAGE_IMAGES))
    query = query.with_values(page=min(query.page, pages))
    start = (query.page - 1) * PAGE_IMAGES
    return BatchView(
        cycle=cycle,
        **_filters(query.with_values(page=1), entries, cycle, cycles),
        totals=person_totals(entries),
        legend=tuple(legend),
        asked=len(entries),
        found=len(chosen),
        page=query.page,
        pages=pages,
        previous=query.with_values(page=query.page - 1).address() or "?" if start else None,
        following=query.with_values(page=query.page + 1).address() if query.page < pages else None,
        query=query.address(),
        scores_missing=scores_missing,
        images=tuple(chosen[start : start + PAGE_IMAGES]),
    )


def _filters(
    query: BatchQuery, entries: Sequence[BatchEntry], cycle: int | None, cycles: Mapping[int, int]
) -> dict[str, tuple[Choice, ...]]:
    return {
        "cycles": _cycle_choices(query, cycle, cycles),
        "states": _choices(query, "state", [(one.state, one.state) for one in entries]),
        "people": _choices(
            query, "person", [(one.person_id, one.person or one.person_id) for one in entries]
        ),
        "arms": _choices(query, "arm", [(one.arm, one.arm_words) for one in entries]),
        "classes": _choices(
            query, "class_name", [(name, name) for one in entries for name in one.classes]
        ),
        "sorts": tuple(
            Choice(
                value=name,
                words=words,
                images=None,
                chosen=name == query.sort,
                address=query.with_values(sort=name).address() or "?",
            )
            for name, words in SORTS.items()
        ),
    }


def person_totals(entries: Iterable[BatchEntry]) -> tuple[PersonTotal, ...]:
    """What each person did of these images, most labels first."""
    by_person: dict[str, list[BatchEntry]] = {}
    for entry in entries:
        if entry.person_id:
            by_person.setdefault(entry.person_id, []).append(entry)
    totals = []
    for theirs in by_person.values():
        done = [entry for entry in theirs if not entry.has_draft]
        minutes = [entry.minutes for entry in done if entry.minutes is not None]
        ious = [entry.iou for entry in done if entry.iou is not None]
        totals.append(
            PersonTotal(
                person_id=theirs[0].person_id,
                person=theirs[0].person,
                labeled=len(done),
                begun=len(theirs) - len(done),
                minutes=sum(minutes) if minutes else None,
                iou=sum(ious) / len(ious) if ious else None,
            )
        )
    return tuple(
        sorted(totals, key=lambda total: (-total.labeled, total.person or total.person_id))
    )


def _passes(query: BatchQuery) -> Callable[[BatchEntry], bool]:
    def passes(entry: BatchEntry) -> bool:
        return (
            query.state in ("", entry.state)
            and query.person in ("", entry.person_id)
            and query.arm in ("", entry.arm)
            and (not query.class_name or query.class_name in entry.classes)
        )

    return passes


def _choices(
    query: BatchQuery, field: Filter, values: Sequence[tuple[str, str]]
) -> tuple[Choice, ...]:
    """All values that images have, with how many have it; none where there is one value only."""
    known = {value: words for value, words in values if value}
    chosen = getattr(query, field)
    if len(known) < 2 and not chosen:
        return ()
    counts = Counter(value for value, _ in values)
    every = [("", "all", None)]
    listed = [(value, known[value], counts[value]) for value in sorted(known)]
    if chosen and chosen not in known:
        listed.append((chosen, chosen, 0))
    return tuple(
        Choice(
            value=value,
            words=words,
            images=images,
            chosen=value == chosen,
            address=query.with_values(**{field: value}).address() or "?",
        )
        for value, words, images in [*every, *listed]
    )


def _cycle_choices(
    query: BatchQuery, cycle: int | None, cycles: Mapping[int, int]
) -> tuple[Choice, ...]:
    return tuple(
        Choice(
            value=str(number),
            words=f"cycle {number}",
            images=images,
            chosen=number == cycle,
            address=BatchQuery(cycle=number, sort=query.sort).address(),
        )
        for number, images in sorted(cycles.items(), reverse=True)
    )


def _rank(entry: BatchEntry) -> tuple[bool, int, int]:
    return entry.rank is None, entry.rank or 0, entry.image_id


_ORDERS: Mapping[str, Callable[[BatchEntry], tuple[object, ...]]] = {
    "rank": _rank,
    "iou": lambda one: (one.iou is None, one.iou or 0.0, *_rank(one)),
    "minutes": lambda one: (one.minutes is None, -(one.minutes or 0.0), *_rank(one)),
    "newest": lambda one: (one.since is None, *_newest(one), *_rank(one)),
    "name": lambda one: (one.name, *_rank(one)),
}


def _newest(entry: BatchEntry) -> tuple[int, ...]:
    return tuple(-ord(letter) for letter in entry.since or "")
