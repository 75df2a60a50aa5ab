"""How well two people agree on the same validation images: what a model can be expected to reach.

IoU and mIoU are those of the curve, with one person's label in the place of the truth and another's
in that of the model, so that they may stand beside it; it does not matter whose is which. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from daemon.domain.agreements import LabelAgreement
from daemon.domain.formatting import count
from daemon.domain.second_labels import SecondLabelState
from daemon.insight.person_names import PersonName
from daemon.insight.view_model import Count, Share, ViewModel
from daemon.rules.image_bootstrap import MIN_HOLDING, MIN_UNITS, class_iou, miou_interval

SEED = 0  # of the draws: the same labels have the same interval at each look
FEWEST_CLASSES = 2  # of a mean
FEWEST_OF_A_PERSON = 5  # images
Floats = npt.NDArray[np.float64]


class AnnotatorAgreement(ViewModel):
    """Two people on the same validation images."""

    wanted: Count
    """[validation] second_labels: images that two people should label."""
    open: Count
    """Images that wait for the second person."""
    given: Count
    """Second labels that were asked for and given; each costs a label of the budget."""
    dropped: Count
    """Images that nobody else wanted to label; they are not replaced."""
    stopped: str
    """Why no further second label is asked for, as a sentence; empty while they are, or without
    any."""
    images: Count
    """Images on which two labels are compared, none drawn with the other one in sight."""
    from_mask: Count
    """How many of them somebody began with a mask of the model, which makes people alike."""
    miou: Share | None
    """Mean IoU of the two labels over the classes that one of them holds; null where there are too
    few images to say it."""
    interval: tuple[Share, Share] | None
    """95 % interval of `miou`, by the image; null where there is none."""
    iou: Mapping[str, Share | None]
    """Class name -> IoU of the two labels; null for a class that neither holds. Empty without
    `miou`."""
    tolerance_px: Count
    """[audit] tolerance_px: by how many pixels a border may move for the figures below."""
    tolerant_miou: Share | None
    """As `miou`, without pixels where a border only moved so far; null likewise."""
    tolerant_iou: Mapping[str, Share | None]
    """As `iou`, without those pixels."""
    words: str
    """The figure as a sentence, or why there is none; empty where nobody asked for it."""

    @property
    def asked(self) -> int:
        """How many images were given to a second person, and not taken back."""
        return self.open + self.given + self.dropped

    def line(self) -> str:
        """The same in one line, for a person; empty where there is nothing to say."""
        if not self.words:
            return ""
        asked = f"{self.open} waiting for a second label" if self.open else ""
        stopped = f"no further second labels: {self.stopped}" if self.stopped else ""
        return "; ".join(filter(None, [self.words, asked, stopped]))


class PersonOnGold(ViewModel):
    """One person on the validation images that somebody else's ground truth is known of."""

    person: PersonName
    """Who labeled them."""
    images: Count
    """How many images."""
    miou: Share | None
    """Mean IoU with the ground truth, of the summed pixels; null for fewer than 5 images."""
    tolerant_miou: Share | None
    """The same without pixels where a border only moved by the tolerance; null likewise."""


def people_on_gold(
    measured: Sequence[tuple[str, LabelAgreement]], tolerance_px: int
) -> tuple[PersonOnGold, ...]:
    """By person, in the order of their names. measured: (annotator, agreement with the truth)."""
    of_person: dict[str, list[LabelAgreement]] = {}
    for name, one in measured:
        if one.classes and one.tolerance_px == tolerance_px:
            of_person.setdefault(name, []).append(one)
    return tuple(_person_on_gold(name, of_person[name]) for name in sorted(of_person))


def _person_on_gold(person: str, measured: Sequence[LabelAgreement]) -> PersonOnGold:
    plain, tolerant = (_pixels(measured, {}, beyond=beyond) for beyond in (False, True))
    enough = len(measured) >= FEWEST_OF_A_PERSON
    return PersonOnGold(
        person=person,
        images=len(measured),
        miou=_mean(plain) if enough else None,
        tolerant_miou=_mean(tolerant) if enough else None,
    )


def annotator_agreement(
    measured: Sequence[LabelAgreement],
    classes: Sequence[str],
    *,
    groups: Mapping[int, str],
    counts: Mapping[SecondLabelState, int],
    wanted: int,
    stopped: str,
    tolerance_px: int,
) -> AnnotatorAgreement:
    """measured: one for each image. groups: image id -> the group it was drawn in, "" for none."""
    compared = [one for one in measured if one.classes and one.tolerance_px == tolerance_px]
    plain, tolerant = (_pixels(compared, groups, beyond=beyond) for beyond in (False, True))
    asked = {name: counts.get(SecondLabelState(name), 0) for name in ("open", "given", "dropped")}
    is_measured = len(plain) >= MIN_UNITS and _classes_held(plain) >= FEWEST_CLASSES
    miou = _mean(plain) if is_measured else None
    interval = _interval(plain) if is_measured else None
    tolerant_miou = _mean(tolerant) if is_measured else None
    why = _why_not(plain, compared, groups)
    figure = _figure_words(miou, interval, tolerant_miou, tolerance_px, compared, plain)
    return AnnotatorAgreement(
        **asked,
        wanted=wanted,
        stopped=stopped,
        images=len(compared),
        from_mask=sum(one.pair.from_mask for one in compared),
        miou=miou,
        interval=interval,
        iou=_by_class(plain, classes) if is_measured else {},
        tolerance_px=tolerance_px,
        tolerant_miou=tolerant_miou,
        tolerant_iou=_by_class(tolerant, classes) if is_measured else {},
        words=(figure or why) if wanted or compared else "",
    )


def _pixels(
    measured: Sequence[LabelAgreement], groups: Mapping[int, str], *, beyond: bool
) -> Floats:
    """(U, C, 3): pixels in common, of either, in common again, summed over a group. The last two
    stand where a model has "of the truth" and "predicted": so truth + predicted - common, by which
    an IoU is divided, is the pixels of either, and a class counts where either holds it."""
    units: dict[str, Floats] = {}
    for one in measured:
        group = groups.get(one.pair.image_id, "")
        key = f"group {group}" if group else f"image {one.pair.image_id}"
        rows = [
            (each.common, each.beyond if beyond else each.either, each.common)
            for each in one.classes
        ]
        units[key] = units.get(key, np.zeros((len(rows), 3))) + np.array(rows, np.float64)
    return np.stack(list(units.values())) if units else np.empty((0, 0, 3))


def _classes_held(pixels: Floats) -> int:
    return int(np.isfinite(class_iou(pixels)).sum())


def _mean(pixels: Floats) -> float:
    return float(np.nanmean(class_iou(pixels)))


def _by_class(pixels: Floats, classes: Sequence[str]) -> dict[str, float | None]:
    found = class_iou(pixels)
    return {
        name: float(iou) if np.isfinite(iou) else None
        for name, iou in zip(classes, found, strict=True)
    }


def _interval(pixels: Floats) -> tuple[float, float] | None:
    """None where a class of the mean is in too few images to estimate the error of its IoU."""
    holding = (pixels[..., 1] > 0).sum(axis=0)
    if (holding[holding > 0] < MIN_HOLDING).any():
        return None
    return _drawn_interval(pixels.shape, pixels.tobytes())


@lru_cache(maxsize=8)
def _drawn_interval(shape: tuple[int, ...], content: bytes) -> tuple[float, float] | None:
    """The bootstrap takes a tenth of a second, and pages ask every other second."""
    pixels = np.frombuffer(content, np.float64).reshape(shape)
    return miou_interval(pixels, np.random.default_rng(SEED))


def _why_not(pixels: Floats, compared: Sequence[LabelAgreement], groups: Mapping[int, str]) -> str:
    """Why there is no figure."""
    if len(pixels) >= MIN_UNITS:
        return "how well people agree is not measured: the labels hold one class only"
    unit = "group" if any(groups.get(one.pair.image_id) for one in compared) else "image"
    return (
        f"how well people agree is not measured: {len(pixels)} of the {MIN_UNITS} {unit}s that "
        "two people have to label at least"
    )


def _figure_words(
    miou: float | None,
    interval: tuple[float, float] | None,
    tolerant_miou: float | None,
    tolerance_px: int,
    compared: Sequence[LabelAgreement],
    pixels: Floats,
) -> str:
    if miou is None or tolerant_miou is None:
        return ""
    ends = "" if interval is None else f" (95 %: {interval[0]:.3f} to {interval[1]:.3f})"
    groups = f" in {count(len(pixels), 'group')}" if len(pixels) < len(compared) else ""
    rare = "" if interval else f"; no interval: fewer than {MIN_HOLDING} of them hold a class"
    return (
        f"two people agree at mIoU {miou:.3f}{ends} on {count(len(compared), 'image')}{groups}"
        f"{rare}; {tolerant_miou:.3f} where borders may differ by {count(tolerance_px, 'pixel')}"
    )
