"""The tables of config.toml: every setting with default, range, meaning and unit."""

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


def _setting(default: Any, description: str) -> Any:
    return Field(default=default, description=description)


class Section(BaseModel):
    """A table of config.toml: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Project(Section):
    """[project]: where the daemon keeps its files."""

    state_dir: PathText = _setting(
        "state", "folder of the store, the run folders and the image cache, relative to this file"
    )


class Classes(Section):
    """[classes]: the classes of a pixel."""

    names: tuple[str, ...] = Field(
        default=("soil", "crop", "weed"),
        strict=False,
        description="class names in the order of their pixel values; the first is the background; "
        "add new ones at the end",
    )
    renamed: Mapping[str, str] = _setting(
        {},
        'classes that got a new name: { "old name" = "new name" }; their labels keep their '
        "meaning; keep an entry while the labeling tool holds answers with the old name",
    )
    ignore_label: str = _setting(
        "", 'label for "don\'t know" (pixel value 255); empty: no such label'
    )
    unlabeled: Literal["background", "ignore"] = _setting(
        "background",
        "meaning of pixels that nobody drew: background, or ignore (they have no label, and "
        "background is drawn like any other class)",
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

    source: Literal["project", "folder"] = _setting(
        "folder",
        "where the images are: project (the tasks of the Label Studio project) or folder (the "
        "files in `folder`)",
    )
    folder: PathText = _setting(
        "images", "folder of the images, relative to this file (source = folder)"
    )
    max_megabytes: Annotated[int, Field(ge=1, le=100_000)] = _setting(
        64, "largest image file that is read, in megabytes"
    )
    max_megapixels: Annotated[int, Field(ge=1, le=1000)] = _setting(
        64, "largest image that is decoded, in millions of pixels; at most 1000"
    )
    allow_hosts: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="private hosts that images may come from: host, host:port, address or network "
        "(10.0.0.0/8)",
    )


class ConnectorChoice(Section):
    """[connector]: which labeling tool."""

    kind: Literal["label_studio", "folder"] = _setting(
        "label_studio",
        "labeling tool: label_studio, or folder (true masks on disk take the place of annotators)",
    )


class LabelStudioServer(Section):
    """[label_studio]: where the server is and how to sign in."""

    url: str = _setting("http://127.0.0.1:8080", "address of the server, without a path")
    project: Number = _setting(0, "number of the project; `maskloop init` writes it")
    title: str = _setting("Maskloop", "title of the project that `maskloop init` creates or adopts")
    token_env: str = _setting(
        "LABEL_STUDIO_API_KEY", "environment variable that holds the token (legacy or personal)"
    )
    token_file: PathText = _setting(
        "", "file that holds the token instead, mode 0600; read again when it changes"
    )
    document_root: PathText = _setting(
        "",
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT of the server; the image folder must lie inside it",
    )
    webhook: str = _setting(
        "",
        "address of this page as Label Studio reaches it, for webhooks; empty: no webhooks, only "
        "polling",
    )
    webhook_secret_env: str = _setting(
        "MASKLOOP_WEBHOOK_SECRET", "environment variable that holds the secret of the webhooks"
    )
    keep_versions_hours: Hours = _setting(
        168.0,
        "hours for which replaced predictions stay in Label Studio; longer than anybody keeps a "
        "page open; 0: for ever",
    )
    connect_timeout_s: Seconds = _setting(10.0, "longest wait for a connection, in seconds")
    read_timeout_s: Seconds = _setting(120.0, "longest wait for an answer, in seconds")

    @field_validator("url", "webhook")
    @classmethod
    def _is_url(cls, text: str, place: ValidationInfo) -> str:
        if text or place.field_name == "url":
            require_url(text)
        return text


class TruthFolder(Section):
    """[folder]: settings of the folder connector."""

    truth: PathText = _setting("masks", "folder of the true masks: NAME.png for the image NAME")


class Loop(Section):
    """[loop]: how often the daemon ticks, and how many images it asks."""

    poll_s: Seconds = _setting(10.0, "seconds between two ticks, which read the labeling tool")
    budget_labels: Positive = _setting(
        500, "largest number of images that people label, validation included"
    )
    batch_images: Positive = _setting(20, "images asked in each cycle")
    seed_images: Positive = _setting(20, "images asked in cycle 0, besides validation")
    done_share: Share = _setting(
        1.0,
        "share of a batch that must be answered before the next cycle starts; the other images "
        "stay open",
    )
    random_share: Share = _setting(
        0.1, "share of each batch that is drawn uniformly at random, for unbiased estimates"
    )
    queue_low: Count = _setting(
        3,
        "fewest open images for each annotator who answered in the last 24 hours; below it, the "
        "next best images are asked while a model trains, so that nobody waits; 0: never",
    )
    queue_top_up: Count = _setting(
        0, "largest number of images that a cycle asks while a model trains; 0: no limit"
    )
    label_in_effect: Literal["latest", "first"] = _setting(
        "latest",
        "which label counts when several people labeled an image and none is ground truth: the "
        "latest or the first; all are kept",
    )
    max_skips: Positive = _setting(
        2, "number of people who must skip an image before it is dropped"
    )
    ask_again: Count = _setting(
        2,
        "how often an image is asked again after an answer that cannot be used; one or two such "
        "answers are mistakes, more mean that the image or the setup is at fault",
    )
    max_wait_hours: Hours = _setting(
        336.0, "hours after which an unanswered image is dropped; 0: never"
    )
    push_chunk: Annotated[int, Field(gt=0, le=1000)] = _setting(
        200, "tasks that are pushed under one key; a request carries 50 of them"
    )

    def too_old(self, age: timedelta) -> bool:
        """Whether an unanswered image of this age is dropped."""
        return bool(self.max_wait_hours) and age > timedelta(hours=self.max_wait_hours)


class Validation(Section):
    """[validation]: the images that measure the model."""

    share: Share = _setting(
        0.1, "share of all images that is kept for validation and labeled first"
    )
    min_images: Count = _setting(16, "smallest number of validation images")
    max_images: Count = _setting(200, "largest number of validation images")
    group_by: str = _setting(
        "",
        "regular expression on the image name; its first group names what must not be split "
        "between training and validation (a video, a field)",
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

    strategy: str = _setting(
        "hybrid", "query strategy once there is a model (strategies/README.md)"
    )
    seed_strategy: str = _setting("kcenter", "query strategy of cycle 0, before there is a model")
    duplicate_similarity: Similarity = _setting(
        0.98, "smallest cosine similarity of the embeddings of two near-duplicates"
    )
    seed: Seed = _setting(0, "seed of all random choices: validation, random share, strategies")
    settings: Mapping[str, Setting] = _setting({}, "settings of the strategy, by name")

    @field_validator("settings")
    @classmethod
    def _are_finite(cls, settings: Mapping[str, Setting]) -> Mapping[str, Setting]:
        require_finite(settings)
        return settings


class Predictions(Section):
    """[predictions]: masks that people correct."""

    min_region_px: Count = _setting(
        25,
        "smallest region of a class, in pixels; smaller ones take the class around them; 0: keep "
        "all",
    )
    fill_holes_px: Count = _setting(
        25, "smallest hole of background, in pixels; smaller ones are filled; 0: keep all"
    )


class Training(Section):
    """[training]: how the model learns."""

    preset: str = _setting(
        "cpu", "preset of the learner: paper, supervisely, gpu or cpu (daemon/hrda/README.md)"
    )
    device: Device = _setting("auto", "auto, cpu, cuda or cuda:N")
    threads: Annotated[int, Field(ge=0, le=4096)] = _setting(
        0, "CPU threads of the learner; 0: all"
    )
    processes: Annotated[int, Field(ge=1, le=1024)] = _setting(
        1, "processes of one training, a GPU each (torchrun)"
    )
    seed: Seed = _setting(0, "seed of the training")
    warm_start: bool = _setting(
        True, "start each training from the previous model instead of ImageNet weights"
    )
    settings: Mapping[str, Setting] = _setting(
        {}, "learner settings that differ from the preset, by name"
    )


class TestSet(Section):
    """[test]: measured after each training; decides nothing."""

    images: PathText = _setting(
        "", "folder of held-out images, measured after each training; empty: no test set"
    )
    masks: PathText = _setting("", "folder of their masks: NAME.png for the image NAME")
    ids: PathText = _setting(
        "", "list of image names, one a line, or splits.json:test; empty: every image"
    )


class Storage(Section):
    """[storage]: the disk."""

    min_free_gb: Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)] = _setting(
        2.0, "free disk space below which no run starts, in gigabytes"
    )
    keep_checkpoints: Positive = _setting(
        3, "number of newest checkpoints that are kept, besides the best and the serving one"
    )


class Web(Section):
    """[web]: the page."""

    enabled: bool = _setting(True, "whether `maskloop run` serves the page")
    host: Text = _setting(
        "127.0.0.1", "address to listen on; any but loopback shows the page to others"
    )
    port: Annotated[int, Field(ge=0, le=65535)] = _setting(
        8060, "port to listen on; 0: any free port"
    )
