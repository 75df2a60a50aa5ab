"""Reads what the page of a batch shows from the store and the run folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from daemon.config.loading import Config
from daemon.domain import CorrectedLabel, Draft, Image, Label, Pick, Task
from daemon.insight.batch_query import BatchQuery
from daemon.insight.batch_view import BatchEntry, BatchView, batch_view
from daemon.insight.class_legend import legend
from daemon.insight.corrections import LONGEST_S, mean_iou
from daemon.insight.plain_reasons import arm_words, plain_reason
from daemon.runs.predicted_masks import predict_run, predicted_cycles
from daemon.store import Store
from daemon.store.counts import state_of
from daemon.web.batch_scores import BatchScores, KnownOfImage, batch_scores


def read_batch(store: Store, config: Config, query: BatchQuery) -> BatchView:
    """The batch that a query asks for; of a cycle that asked nothing, an empty one."""
    cycles = store.asked_cycles()
    cycle = query.cycle if query.cycle is not None else max(cycles, default=None)
    facts = None if cycle is None else _Facts.of(store, config, cycle)
    entries = [] if facts is None else [facts.entry(task) for task in facts.tasks]
    return batch_view(
        query,
        entries,
        cycle=cycle,
        cycles=cycles,
        legend=legend(config.class_set),
        scores_missing=facts.scores.missing if facts and entries else "",
    )


def task_link(config: Config, task: str) -> str | None:
    """Address of a task in Label Studio; None for another tool, or where the task has none."""
    number = task.partition("#")[0]
    if config.connector.kind != "label_studio" or not number.isdigit():
        return None
    server = config.label_studio
    return f"{server.url.rstrip('/')}/projects/{server.project}/data?task={quote(number)}"


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """All that is known of a batch, by image."""

    config: Config
    tasks: list[Task]
    images: Mapping[int, Image]
    picks: Mapping[int, Pick]
    labels: Mapping[int, Label]
    corrected: Mapping[int, CorrectedLabel]
    drafts: Mapping[str, Draft]
    people: Mapping[str, str]
    scores: BatchScores
    labeled: set[int]
    newest_masks: int | None

    @classmethod
    def of(cls, store: Store, config: Config, cycle: int) -> _Facts:
        tasks = store.tasks_of_cycle(cycle)
        ids = [task.image_id for task in tasks]
        scores = batch_scores(config.state / "runs", cycle, ids, config.classes.names)
        labels = store.labels_of(ids)
        nearest = {one.nearest.image_id for one in scores.images.values() if one.nearest}
        images = store.images_of({*ids, *nearest})
        picks = [*store.picks(cycle), *store.reserve(cycle)]
        return cls(
            config=config,
            tasks=tasks,
            images=images,
            picks={pick.image_id: pick for pick in picks},
            labels=labels,
            labeled=set(labels),
            corrected={one.image_id: one for one in store.corrected_labels_of(cycle)},
            drafts={one.task: one for one in store.drafts()},
            people=store.people(),
            scores=scores,
            newest_masks=next(iter(predicted_cycles(config.state / "runs")), None),
        )

    def entry(self, task: Task) -> BatchEntry:
        """What the page shows of one image."""
        image_id = task.image_id
        label, change = self.labels.get(image_id), self.corrected.get(image_id)
        draft = None if label else self.drafts.get(task.id)
        known = self.scores.images.get(image_id, KnownOfImage())
        pick, who = self.picks.get(image_id), label or draft
        return BatchEntry(
            image_id=image_id,
            name=self.images[image_id].name,
            task=task.id,
            link=task_link(self.config, task.id),
            rank=pick.rank if pick else None,
            arm=task.arm,
            arm_words=arm_words(task.arm),
            reason=plain_reason(task.reason, task.arm),
            asked_again=task.refused.got if task.refused else "",
            state=state_of(task, self.labeled).value,
            since=(task.closed_at or task.asked_at).isoformat(),
            person_id=who.annotator if who else "",
            person=self.people.get(who.annotator, "") if who else "",
            has_draft=draft is not None,
            minutes=_minutes(label),
            iou=_iou(change),
            class_iou=mean_iou([change]) if change else {},
            changed_share=change.changed_share if change else None,
            classes=_classes(change, known),
            scores=known.places,
            nearest=known.nearest,
            nearest_name=self._name(known.nearest.image_id) if known.nearest else "",
            prediction_cycle=self._prediction(task, change),
            labeled=label is not None,
        )

    def _name(self, image_id: int) -> str:
        return self.images[image_id].name if image_id in self.images else ""

    def _prediction(self, task: Task, change: CorrectedLabel | None) -> int | None:
        """The cycle whose mask people began with, or would begin with; None where none is kept."""
        runs = self.config.state / "runs"
        is_open = task.image_id not in self.labels
        usual = [self.newest_masks, task.cycle] if is_open else [task.cycle]
        for cycle in [change.version.cycle] if change else usual:
            if cycle and predict_run(runs, cycle).mask(task.image_id).exists():
                return cycle
        return None


def _minutes(label: Label | None) -> float | None:
    """A time above 4 h is that of a page that was left open."""
    if label is None or label.lead_time_s is None or not 0 <= label.lead_time_s <= LONGEST_S:
        return None
    return label.lead_time_s / 60


def _iou(change: CorrectedLabel | None) -> float | None:
    found = mean_iou([change]) if change else {}
    return sum(found.values()) / len(found) if found else None


def _classes(change: CorrectedLabel | None, known: KnownOfImage) -> tuple[str, ...]:
    if change is None:
        return known.classes
    return tuple(name for name, pixels in change.classes.items() if pixels.submitted_px)
