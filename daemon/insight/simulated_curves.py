"""What a simulation (`maskloop simulate`) measured, to be drawn beside a project's curve. Pure.

A simulation trains the arms on a labeled data set, several seeds each, so it knows what a project
cannot: a random control, training on all labels, and how many labels an arm saves.
"""

from __future__ import annotations

from daemon.domain.formatting import count, fraction
from daemon.insight.view_model import Count, Share, Timestamp, ViewModel

BASELINE = "random"


class ArmPoint(ViewModel):
    """An arm at one number of labels, over its seeds."""

    train_labels: Count
    """Labels that it trained on."""
    labels: Count
    """The same with validation: x."""
    miou: Share
    """Mean mIoU on the test images of the simulation."""
    low: float | None
    """Lower end of the 95 % t-interval of the mean over seeds; null with one."""
    high: float | None
    """Upper end of it."""
    runs: Count
    """Seeds: n."""


class SimulatedArm(ViewModel):
    """A strategy of the simulation."""

    name: str
    points: tuple[ArmPoint, ...]
    """By labels."""


class FullLabels(ViewModel):
    """A training on all labels of the simulation."""

    method: str
    """Of the learner: "hrda" or "plain"."""
    train_labels: Count
    """How many labels that is."""
    miou: Share
    """mIoU on the test images; the mean where there are several trainings."""
    runs: Count
    """Trainings: n."""


class Saving(ViewModel):
    """Labels that an arm saves against random choice, at equal mIoU."""

    arm: str
    level: Share
    """The highest mIoU that the mean curves of both reach."""
    saved: float
    """Labels that random needed more for it; below 0 it needed fewer."""
    low: float | None
    """Lower end of the 95 % interval of `saved`; null with fewer than 3 pairs."""
    high: float | None
    """Upper end of it."""
    pairs: Count
    """Pairs of runs with the same seed: n."""
    coverage: Share | None
    """In which share of simulated cases such an interval holds the true number."""

    @property
    def words(self) -> str:
        """The same as a sentence without its full stop."""
        pairs = count(self.pairs, "pair") + " of runs"
        if self.low is None or self.high is None:
            return f"{self.arm}: not measured; {pairs}, an interval takes 3"
        ends = f"95 %: {_whole(self.low)} to {_whole(self.high)}"
        covers = "" if self.coverage is None else f", which covers {100 * self.coverage:.0f} %"
        noun = "label" if abs(round(self.saved)) == 1 else "labels"
        return (
            f"{self.arm}: {_whole(self.saved)} {noun} ({ends}{covers}, {pairs}) "
            f"at mIoU {fraction(self.level)}"
        )


class SimulatedCurves(ViewModel):
    """What a simulation measured."""

    images: str
    """Name of the folder of its images."""
    test_images: Count | None
    """Images that its models were measured on; null where it does not say."""
    complete: bool
    """Whether every run had all its points."""
    kept_at: Timestamp
    """When it was kept for the pages."""
    arms: tuple[SimulatedArm, ...]
    """The arms, random first."""
    full: tuple[FullLabels, ...]
    """Trainings on all labels; none where they were not asked for."""
    savings: tuple[Saving, ...]
    """Of each arm but random with whole curves."""

    def saving_of(self, arm: str) -> Saving | None:
        """What an arm saves; None where that is not known."""
        return next((one for one in self.savings if one.arm == arm), None)

    @property
    def words(self) -> str:
        """What it was simulated on, as a sentence."""
        measured = "" if self.test_images is None else f", measured on {self.test_images} images"
        state = "" if self.complete else "; it was not finished"
        return f"Simulated on {self.images!r}{measured}, not on this project{state}."


def saving_words(found: SimulatedCurves | None, strategy: str) -> str:
    """Labels saved against random choice, or why that is not known. strategy: of the project."""
    if found is None:
        return (
            "Not measured. It takes trainings on as many labels drawn at random from the same "
            "images, which `maskloop simulate` does on a labeled data set: this curve alone cannot "
            "tell it."
        )
    own = [one for one in found.savings if one.arm == strategy] or list(found.savings)
    if not own:
        return f"Not measured: no arm of the simulation has a whole curve beside {BASELINE}."
    return f"{'; '.join(one.words for one in own)}. {found.words}"


def _whole(labels: float) -> str:
    return str(round(labels)).replace("-", "\N{MINUS SIGN}")
