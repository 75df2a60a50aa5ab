"""The tables of config.toml, each setting with its default, its meaning and its unit beside it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from daemon.config.ranges import (
    Count,
    Device,
    Hours,
    Number,
    PathText,
    Positive,
    Seconds,
    Seed,
    Share,
    Similarity,
    Text,
)
from daemon.config.text_checks import (
    require_finite,
    require_fitting,
    require_group,
    require_names,
    require_url,
)

Setting = bool | int | float | str | list[int] | list[float] | list[str]


def _say(default: Any, words: str) -> Any:
    return Field(default=default, description=words)


class Section(BaseModel):
    """A table of config.toml: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Project(Section):
    """[project]: where things are kept."""

    state_dir: PathText = _say(
        "state", "folder of the store, the runs and the image cache, relative to this file"
    )


class Classes(Section):
    """[classes]: what a pixel may be."""

    names: tuple[str, ...] = Field(
        default=("soil", "crop", "weed"),
        strict=False,
        description="class names by pixel value; the first is the background; new ones go to the "
        "end",
    )
    renamed: Mapping[str, str] = _say(
        {},
        'names that changed: { "old name" = "name in names" }, so that labels keep their meaning; '
        "keep it while the labeling tool holds answers with the old name",
    )
    ignore_label: str = _say(
        "", 'label that means "don\'t know" (pixel value 255); empty: there is none'
    )
    unlabeled: Literal["background", "ignore"] = _say(
        "background",
        "what pixels are that nobody drew: background, or ignore: no label, and then background "
        "is drawn like any other class",
    )

    @field_validator("names")
    @classmethod
    def _distinct(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        require_names(names)
        return names

    @model_validator(mode="after")
    def _fit(self) -> Self:
        require_fitting(self.names, self.ignore_label, self.renamed)
        return self


class Images(Section):
    """[images]: which images there are."""

    source: Literal["project", "folder"] = _say(
        "folder", "project: the tasks of the Label Studio project; folder: the images in `folder`"
    )
    folder: PathText = _say(
        "images", "folder of the images, relative to this file (source = folder)"
    )
    max_megabytes: Annotated[int, Field(ge=1, le=100_000)] = _say(
        64, "largest image file that is read, MB"
    )
    max_megapixels: Annotated[int, Field(ge=1, le=1000)] = _say(
        64, "largest image that is decoded, millions of pixels (at most 1000)"
    )
    allow_hosts: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="private machines that images may come from: host, host:port, address or "
        "network, as 10.0.0.0/8",
    )


class ConnectorChoice(Section):
    """[connector]: which labeling tool."""

    kind: Literal["label_studio", "folder"] = _say(
        "label_studio", "label_studio, or folder: masks on disk play the annotator"
    )


class LabelStudioServer(Section):
    """[label_studio]: where the server is and how to sign in."""

    url: str = _say("http://127.0.0.1:8080", "address of the server, without a path")
    project: Number = _say(0, "number of the project; `maskloop init` fills it in")
    title: str = _say("Maskloop", "title of the project that `maskloop init` makes or adopts")
    token_env: str = _say(
        "LABEL_STUDIO_API_KEY", "environment variable that holds the token (legacy or personal)"
    )
    token_file: PathText = _say(
        "", "file that holds the token instead, mode 0600; read again when it changes"
    )
    document_root: PathText = _say(
        "", "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT of the server, which must hold `images.folder`"
    )
    webhook: str = _say(
        "", "address of our page as Label Studio reaches it, for hints to look sooner; empty: none"
    )
    webhook_secret_env: str = _say(
        "MASKLOOP_WEBHOOK_SECRET", "environment variable with the secret that such hints carry"
    )
    keep_versions_hours: Hours = _say(
        168.0, "hours that replaced predictions stay: longer than any page is open; 0: for ever"
    )
    connect_timeout_s: Seconds = _say(10.0, "seconds to wait for a connection")
    read_timeout_s: Seconds = _say(120.0, "seconds to wait for an answer")

    @field_validator("url", "webhook")
    @classmethod
    def _is_url(cls, text: str, place: ValidationInfo) -> str:
        if text or place.field_name == "url":
            require_url(text)
        return text


class TruthFolder(Section):
    """[folder]: settings of the folder connector."""

    truth: PathText = _say("masks", "folder of the true masks, NAME.png beside each image's NAME")


class Loop(Section):
    """[loop]: when to look and how much to ask."""

    poll_s: Seconds = _say(10.0, "seconds between two looks at the labeling tool")
    budget_labels: Positive = _say(500, "images that people label in all, validation included")
    batch_images: Positive = _say(20, "images asked in one cycle")
    seed_images: Positive = _say(20, "images asked in cycle 0, beside validation")
    done_share: Share = _say(
        1.0, "share of a batch that is answered when the next cycle starts; the rest stays open"
    )
    random_share: Share = _say(0.1, "share of a batch drawn at random, for unbiased estimates")
    queue_low: Count = _say(
        3,
        "open images for each person at work (in the last 24 hours) below which the next best "
        "ones are asked ahead of a training, so that nobody waits for it; 0: never",
    )
    queue_top_up: Count = _say(
        0, "at most so many images of a cycle are asked ahead; 0: as many as people answer"
    )
    label_in_effect: Literal["latest", "first"] = _say(
        "latest",
        "which of several labels of an image counts where none is ground truth: the latest or the "
        "first; the others are kept",
    )
    max_skips: Positive = _say(2, "people who must skip an image before it is dropped")
    ask_again: Count = _say(
        2,
        "times that an image is asked again whose answers cannot be used: one or two are slips of "
        "the hand, more say that the image or the setup is at fault",
    )
    max_wait_hours: Hours = _say(
        336.0, "hours after which an unanswered image is dropped; 0: never"
    )
    push_chunk: Annotated[int, Field(gt=0, le=1000)] = _say(
        200, "tasks that are pushed under one key, 50 a request"
    )

    def too_old(self, age: timedelta) -> bool:
        """Whether an unanswered image of this age is dropped."""
        return bool(self.max_wait_hours) and age > timedelta(hours=self.max_wait_hours)


class Validation(Section):
    """[validation]: the images that measure the model."""

    share: Share = _say(0.1, "share of all images kept for validation, labeled first")
    min_images: Count = _say(16, "at least so many")
    max_images: Count = _say(200, "at most so many")
    group_by: str = _say(
        "", "regular expression on the image name; group 1 names the group (a video, a field)"
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
    """[selection]: which images next."""

    strategy: str = _say("hybrid", "query strategy once there is a model; see strategies/README.md")
    seed_strategy: str = _say("kcenter", "query strategy of cycle 0, when there is no model yet")
    duplicate_similarity: Similarity = _say(
        0.98, "cosine similarity from which two images count as near-duplicates"
    )
    seed: Seed = _say(0, "seed of every random choice: validation, random share, strategies")
    settings: Mapping[str, Setting] = _say({}, "settings of the strategy, by name")

    @field_validator("settings")
    @classmethod
    def _are_finite(cls, settings: Mapping[str, Setting]) -> Mapping[str, Setting]:
        require_finite(settings)
        return settings


class Predictions(Section):
    """[predictions]: masks that people correct."""

    min_region_px: Count = _say(
        25, "regions of a class with fewer pixels become what surrounds them; 0: none does"
    )
    fill_holes_px: Count = _say(
        25, "enclosed regions of background with fewer pixels are filled; 0: none is"
    )


class Training(Section):
    """[training]: how the model learns."""

    preset: str = _say("cpu", "paper, supervisely, gpu or cpu; see daemon/hrda/README.md")
    device: Device = _say("auto", "auto, cpu, cuda or cuda:N")
    threads: Annotated[int, Field(ge=0, le=4096)] = _say(0, "processor threads; 0: all")
    processes: Annotated[int, Field(ge=1, le=1024)] = _say(
        1, "processes that train together, a GPU each (torchrun)"
    )
    seed: Seed = _say(0, "seed of the training")
    warm_start: bool = _say(True, "start from the previous model instead of ImageNet weights")
    settings: Mapping[str, Setting] = _say(
        {}, "settings of the learner that differ from the preset, by name"
    )


class TestSet(Section):
    """[test]: measured after each training; decides nothing."""

    images: PathText = _say("", "folder of held-out images; empty: no test set")
    masks: PathText = _say("", "folder of their masks, NAME.png")
    ids: PathText = _say("", "list of names, one a line, or splits.json:test; empty: every image")


class Storage(Section):
    """[storage]: the disk."""

    min_free_gb: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = _say(
        2.0, "free space below which nothing is started, GB"
    )
    keep_checkpoints: Positive = _say(3, "last checkpoints kept, beside the best one")


class Web(Section):
    """[web]: the page."""

    enabled: bool = _say(True, "whether `run` serves the page")
    host: Text = _say("127.0.0.1", "address to listen on; any but loopback shows it to others")
    port: Annotated[int, Field(ge=0, le=65535)] = _say(8060, "port; 0: any free one")
