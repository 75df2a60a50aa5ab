"""What a recipe may say: every table and setting with its type, range, default and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from daemon.config.ranges import Device, PathText, Seed
from daemon.config.section import Section, Setting, setting
from daemon.experiment.options import MaxSeconds

ALL, SAMPLE = "all", "sample"
MOST_IMAGES = 1_000_000
ARM_NAME = r"^[a-z0-9][a-z0-9-]{0,39}$"

Texts = Annotated[tuple[str, ...], Field(strict=False)]
Seeds = Annotated[tuple[Seed, ...], Field(strict=False, min_length=1, max_length=100)]
ImageCount = Annotated[int, Field(ge=1, le=MOST_IMAGES)]
Threads = Annotated[int, Field(ge=0, le=1024)]
Pictures = Annotated[int, Field(ge=0, le=10)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Iterations = Annotated[int, Field(ge=1, le=10_000_000)]
Strategy = Literal["kcenter", "typiclust", "kmeans", "probcover", "random"]


class PlainFolders(Section):
    """[data]: where images and masks lie."""

    images: PathText = setting("images", "folder of the images, ID.jpg")
    masks: PathText = setting("masks", "folder of the masks, ID.png, 255 = no label")
    classes: Texts = setting(
        (), "names by pixel value, background first; empty: those of classes.txt beside the masks"
    )


class Lists(Section):
    """[lists]: which images are for what. A list is FILE with one id a line, or FILE.json:NAME."""

    test: str = Field(description="a list: images that are measured on")
    pool: str = setting(ALL, 'a list: images to sample and learn from; "all": all but the test')
    labeled: str = setting("", "a list: the labeled images, instead of a sample of the pool")
    leaks: Literal["refuse", "remove", "allow"] = setting(
        "refuse",
        "pictures that are both in test and in labeled or pool; remove: they leave, with their "
        "near-duplicates; allow: they stay, and the report says so",
    )
    same_picture: str = setting(
        "", "a pattern whose first group names the picture: ids with one name are the same picture"
    )


class Sampling(Section):
    """[sample]: which images of the pool get labels, by the diversity of their embeddings."""

    n: ImageCount = setting(62, "how many images are labeled")
    by: Strategy = setting("kcenter", "strategy")
    seed: Seed = setting(0, "of the choice")
    group_by: str = setting("", "a pattern whose first group names a video or a field")
    similarity: Share = setting(0.98, "smallest cosine similarity of near-duplicates")


class Auditing(Section):
    """[audit]: whether the labels are checked before the trainings."""

    run: bool = setting(True, "check the labels of the sample before the trainings")


class Trainings(Section):
    """[training]: what all arms share."""

    seeds: Seeds = setting((0,), "each arm is trained once with each")
    preset: str = setting("cpu", "cpu, gpu, supervisely or paper")
    iterations: Iterations | None = setting(None, "of a training; left out: those of the preset")
    max_seconds: MaxSeconds | None = setting(None, "of a training, instead of iterations")
    device: Device = setting("auto", "auto, cpu, cuda or cuda:N")
    threads: Threads = setting(0, "CPU threads of a training; 0: as many as the machine has")
    settings: Mapping[str, Setting] = setting({}, "settings of the learner, by name")


class Arm(Section):
    """[arms.NAME]: one way to train."""

    method: Literal["hrda", "supervised", "segformer"] = Field(
        description="hrda learns from the unlabeled pool too"
    )
    labels: Literal["sample", "all"] | ImageCount = setting(
        SAMPLE, 'labels: the sample, its first N images, or "all" images of the pool with a mask'
    )
    pool: bool = setting(True, "hrda learns from the unlabeled images of the pool")
    seeds: Seeds | None = setting(None, "instead of those of [training]")
    iterations: Iterations | None = setting(None, "instead of those of [training]")
    max_seconds: MaxSeconds | None = setting(None, "instead of that of [training]")
    settings: Mapping[str, Setting] = setting({}, "beside those of [training]")

    def learns_from_pool(self) -> bool:
        """Whether unlabeled images are used."""
        return self.method == "hrda" and self.pool


class Reporting(Section):
    """[report]: what the arms are compared with, and which images are shown."""

    reference: str = setting("", "an arm: of its mIoU the others reach a share")
    published: Mapping[str, Share] = setting({}, "words = mIoU: figures of others, to compare with")
    pictures: Pictures = setting(2, "images of each kind: best, median and worst")


class Recipe(Section):
    """A recipe. The first arm leads: its figures choose the pictures that are shown."""

    title: str = setting("", "heading of the report")
    notes: Texts = setting((), "what a reader has to know of the data; the report says it")
    not_repeatable: Texts = setting((), "what of the published work cannot be repeated; said too")
    data: PlainFolders = PlainFolders()
    lists: Lists
    sample: Sampling = Sampling()
    audit: Auditing = Auditing()
    training: Trainings = Trainings()
    arms: Annotated[
        Mapping[Annotated[str, Field(pattern=ARM_NAME)], Arm], Field(min_length=1, max_length=50)
    ]
    report: Reporting = Reporting()

    def seeds_of(self, arm: str) -> tuple[int, ...]:
        """The seeds of an arm, each once."""
        return tuple(dict.fromkeys(self.arms[arm].seeds or self.training.seeds))

    def limit_of(self, arm: str) -> float | None:
        """Seconds of a training of an arm; None where iterations count."""
        own, shared = self.arms[arm], self.training
        if own.max_seconds is not None or own.iterations is not None:
            return own.max_seconds
        return shared.max_seconds

    def settings_of(self, arm: str) -> dict[str, Any]:
        """The settings of the learner of an arm, by name."""
        own, shared = self.arms[arm], self.training
        iterations = own.iterations
        if iterations is None and self.limit_of(arm) is None:
            iterations = shared.iterations
        return {
            "preset": shared.preset,
            "method": own.method,
            **({} if iterations is None else {"iterations": iterations}),
            **shared.settings,
            **own.settings,
        }
