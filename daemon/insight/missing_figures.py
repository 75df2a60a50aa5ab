"""Why a figure is not there, and what an interval is made from: the only place with these words.

Missing is in daemon/domain/evaluations.py. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from daemon.domain import Evaluation, Missing, Why
from daemon.domain.evaluations import INTERVAL, MIOU


def _names(missing: Missing) -> str:
    return ", ".join(repr(name) for name in missing.classes)


def _share(missing: Missing) -> str:
    share = 100 * (missing.share or 0.0)
    return f"{share:.1f} %" if share >= 0.1 else f"{share:.1g} %"


_WORDS: Mapping[Why, Callable[[Missing], str]] = {
    Why.NO_IMAGES: lambda _: "no image was measured",
    Why.NO_LABEL: lambda _: "every pixel of the masks is 255, which means 'no label'",
    Why.ONE_CLASS: lambda m: (
        f"the masks hold one class only, none holds {_names(m)}: a mean over one class is no result"
    ),
    Why.CLASS_ABSENT: lambda m: f"no mask of these images holds {_names(m)}",
    Why.CLASS_UNLABELED: lambda m: f"no label that taught the model holds {_names(m)}",
    Why.CLASS_AS_IGNORE: lambda m: (
        f"no mask of these images holds {_names(m)}, and {_share(m)} of the pixels are 255, which "
        f"means 'no label' and is measured nowhere: if 255 was meant as a class, write its index"
    ),
    Why.FEW_IMAGES: lambda m: (
        f"no interval: {_count(m.count, 'image')}; no method is right with fewer than {m.needed}"
    ),
    Why.FEW_GROUPS: lambda m: (
        f"no interval: {_count(m.count, 'group')} of images; no method is right with fewer than "
        f"{m.needed}, as images of a group are alike and count as one"
    ),
    Why.RARE_CLASS: lambda m: (
        f"no interval: fewer than {m.needed} images hold {_names(m)}, which says nothing about "
        f"how far its IoU would be off"
    ),
    Why.NO_SPREAD: lambda m: (
        f"no interval: the figure is the same whichever of the {_count(m.count, 'image')} is left "
        f"out, so they do not tell how far it is off"
    ),
    Why.TEST_FILES: lambda m: (
        f"not measured: {m.count} of {m.needed} test images cannot be used, the first: {m.detail}"
    ),
    Why.TEST_SETTING: lambda m: f"not measured: {m.detail}",
    Why.TEST_FAILED: lambda m: f"not measured: {m.detail}",
}


def words_of(missing: Missing) -> str:
    """Why the figure is not there."""
    return _WORDS[missing.why](missing)


def interval_words(evaluation: Evaluation) -> str:
    """What stands beside an interval, or in its place: from how many images, how far it can be
    trusted, or why there is none."""
    if evaluation.miou_interval is None:
        missing = evaluation.missing.get(INTERVAL)
        said = missing is None or missing == evaluation.missing.get(MIOU)  # beside the mIoU
        return "no interval" if missing is None or said else words_of(missing)
    units = _count(evaluation.images, "image")
    if evaluation.interval_groups is not None:
        units += f" in {_count(evaluation.interval_groups, 'group')}"
    if evaluation.interval_coverage is None:
        return f"{units}; by the method of an earlier release, which covers less than 95 %"
    covers = f"this method covers {100 * evaluation.interval_coverage:.0f} % in simulation"
    return f"{units}; {covers}"


def reasons(evaluation: Evaluation) -> dict[str, str]:
    """The name of each figure that is not there, and why: "miou", "miou_interval", "iou.weed"."""
    return {name: words_of(missing) for name, missing in evaluation.missing.items()}


def headline(evaluation: Evaluation) -> list[str]:
    """What must stand beside the mIoU: why there is none, or which classes it leaves out."""
    if MIOU in evaluation.missing:
        return [words_of(evaluation.missing[MIOU])]
    return [words_of(missing) for name, missing in evaluation.missing.items() if name != INTERVAL]


def _count(number: int | None, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
