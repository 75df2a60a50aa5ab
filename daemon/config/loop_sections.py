"""The tables of config.toml about the loop: what it asks, trains and measures.

Every setting stands with its default, range, meaning and unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from daemon.config.ranges import (
    Count,
    Device,
    Hours,
    PathText,
    Positive,
    Seconds,
    Seed,
    Share,
    Similarity,
)
from daemon.config.section import Section, Setting, setting
from daemon.config.text_checks import (
    require_finite,
    require_group,
)
from daemon.domain.label_findings import COPIES


class Loop(Section):
    """[loop]: how often the daemon ticks, and how many images it asks."""

    poll_s: Seconds = setting(10.0, "seconds between two ticks, which read the labeling tool")
    budget_labels: Positive = setting(
        500, "largest number of images that people label, validation included"
    )
    batch_images: Positive = setting(20, "images asked in each cycle")
    seed_images: Positive = setting(20, "images asked in cycle 0, besides validation")
    done_share: Share = setting(
        1.0,
        "share of a batch that must be answered before the next cycle starts; the other images "
        "stay open",
    )
    random_share: Share = setting(
        0.1, "share of each batch that is drawn uniformly at random, for unbiased estimates"
    )
    queue_low: Count = setting(
        3,
        "fewest open images for each annotator who answered in the last 24 hours; below it, the "
        "next best images are asked while a model trains, so that nobody waits; 0: never",
    )
    queue_top_up: Count = setting(
        0, "largest number of images that a cycle asks while a model trains; 0: no limit"
    )
    label_in_effect: Literal["latest", "first", "ground_truth", "majority"] = setting(
        "latest",
        "which label counts when several people labeled an image and none is ground truth: the "
        "latest; the first; ground_truth: the first until somebody marks one as ground truth; "
        "majority: at each pixel the class that more people say than any other, and no label (255) "
        "where two classes have as many; "
        "all are kept",
    )
    max_skips: Positive = setting(2, "number of people who must skip an image before it is dropped")
    ask_again: Count = setting(
        2,
        "how often an image is asked again after an answer that cannot be used; one or two such "
        "answers are mistakes, more mean that the image or the setup is at fault",
    )
    max_wait_hours: Hours = setting(
        336.0, "hours after which an unanswered image is dropped; 0: never"
    )
    push_chunk: Annotated[int, Field(gt=0, le=1000)] = setting(
        200, "tasks that are pushed under one key; a request carries 50 of them"
    )

    def too_old(self, age: timedelta) -> bool:
        """Whether an unanswered image of this age is dropped."""
        return bool(self.max_wait_hours) and age > timedelta(hours=self.max_wait_hours)


class Validation(Section):
    """[validation]: the images that measure the model."""

    share: Share = setting(0.1, "share of all images that is kept for validation and labeled first")
    min_images: Count = setting(16, "smallest number of validation images")
    max_images: Count = setting(200, "largest number of validation images")
    group_by: str = setting(
        "",
        "regular expression on the image name; its first group names what must not be split "
        "between training and validation (a video, a field)",
    )
    second_labels: Count = setting(
        0,
        "number of validation images that a second person labels too, without seeing the first "
        "label; it shows how well people agree, and each costs a label of the budget; 0: none. "
        "Label Studio only",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.min_images > self.max_images:
            raise ValueError(
                f"min_images = {self.min_images}, max_images = {self.max_images}: expected "
                f"min_images of at most max_images"
            )
        return self

    @field_validator("group_by")
    @classmethod
    def _is_pattern(cls, text: str) -> str:
        require_group(text)
        return text


class Selection(Section):
    """[selection]: which images people label next."""

    strategy: str = setting("auto", "query strategy once there is a model (strategies/README.md)")
    seed_strategy: str = setting("kcenter", "query strategy of cycle 0, before there is a model")
    duplicate_similarity: Similarity = setting(
        0.98, "smallest cosine similarity of the embeddings of two near-duplicates"
    )
    seed: Seed = setting(0, "seed of all random choices: validation, random share, strategies")
    settings: Mapping[str, Setting] = setting({}, "settings of the strategy, by name")

    @field_validator("settings")
    @classmethod
    def _are_finite(cls, settings: Mapping[str, Setting]) -> Mapping[str, Setting]:
        require_finite(settings)
        return settings


class Predictions(Section):
    """[predictions]: masks that people correct."""

    min_region_px: Count = setting(
        25,
        "smallest region of a class, in pixels; smaller ones take the class around them; 0: keep "
        "all",
    )
    fill_holes_px: Count = setting(
        25, "smallest hole of background, in pixels; smaller ones are filled; 0: keep all"
    )


class Training(Section):
    """[training]: how the model learns."""

    preset: str = setting(
        "cpu", "preset of the learner: paper, supervisely, gpu or cpu (daemon/hrda/README.md)"
    )
    device: Device = setting("auto", "auto, cpu, cuda or cuda:N")
    threads: Annotated[int, Field(ge=0, le=4096)] = setting(0, "CPU threads of the learner; 0: all")
    processes: Annotated[int, Field(ge=1, le=1024)] = setting(
        1, "processes of one training, a GPU each (torchrun)"
    )
    seed: Seed = setting(0, "seed of the training")
    warm_start: bool = setting(
        True, "start each training from the previous model instead of ImageNet weights"
    )
    keep_student: bool = setting(
        False,
        "keep the student of each training beside its teacher, the model, and measure on which "
        "images of the pool the two disagree, for strategies that ask for it (disagreement); that "
        "doubles the time of scoring and the disk space of checkpoints",
    )
    class_fall: Literal["ask", "serve"] = setting(
        "ask",
        "what happens to a new model whose IoU of a class fell by more than 0.1, beyond noise: ask "
        "(the model before serves until somebody approves the new one, or the next one has the "
        "same fall) or serve (with a warning)",
    )
    previews: Annotated[int, Field(ge=0, le=16)] = setting(
        6,
        "number of images of which small predictions are kept during a training, for its page; "
        "they take at most a thirtieth of its time; 0: none",
    )
    settings: Mapping[str, Setting] = setting(
        {}, "learner settings that differ from the preset, by name"
    )


class TestSet(Section):
    """[test]: measured after each training; decides nothing."""

    images: PathText = setting(
        "", "folder of held-out images, measured after each training; empty: no test set"
    )
    masks: PathText = setting("", "folder of their masks: NAME.png for the image NAME")
    ids: PathText = setting(
        "", "list of image names, one a line, or splits.json:test; empty: every image"
    )


class Audit(Section):
    """[audit]: labels that people should look at again."""

    enabled: bool = setting(
        True,
        "whether labels are compared with a model that did not learn from them, when a cycle is "
        "done, beside the labeling; the page Suspects shows what was found",
    )
    min_labels: Annotated[int, Field(ge=10, le=1_000_000)] = setting(
        30, "smallest number of labels for an audit; a model of fewer is no judge"
    )
    tolerance_px: Annotated[int, Field(ge=0, le=20)] = setting(
        2, "pixels by which the border of a label may differ; people repeat theirs no better"
    )
    copies: Annotated[int, Field(ge=1, le=8)] = setting(
        COPIES,
        "how many mirrored and turned copies of an image a model looks at; its probabilities are "
        "averaged, which finds more errors, and each copy costs a prediction of the image. No more "
        "than [training] settings.turns allows: square 8, mirror 2, none 1",
    )
    weak: bool = setting(
        True,
        "whether labels that every kept model has learned from, as those of the first batch, are "
        "compared with such a model; their findings are marked as weak",
    )
    folds: Literal[0, 2] = setting(
        0,
        "2: two models learn from one half of the labels each and judge the other half, beside the "
        "labeling and at low priority, from 30 train labels on: the only independent view of "
        "labels that the model in service has learned from. Costs two trainings on labels alone, "
        "of half of [training] settings.iterations at first and of a quarter from then on. 0: none",
    )
    every: Annotated[int, Field(ge=1, le=1000)] = setting(
        2, "cycles from one training of these two models to the next"
    )
    review_share: Share = setting(
        0.0,
        "reviews in each cycle, as a share of [loop] batch_images, at least 1: another person "
        "looks at the most suspicious labels once more; 0: none. Label Studio only",
    )
