"""Why a figure is missing, and what an interval was computed from, as sentences. Pure.

`Missing` is in daemon/domain/evaluations.py; no other file puts it into words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from daemon.domain import Evaluation, Missing, Why
from daemon.domain.evaluations import INTERVAL, MIOU
from daemon.domain.formatting import count


def _names(missing: Missing) -> str:
    return ", ".join(repr(name) for name in missing.classes)


def _of(missing: Missing, noun: str) -> str:
    return count(missing.count or 0, noun)


def _share(missing: Missing) -> str:
    share = 100 * (missing.share or 0.0)
    return f"{share:.1f} %" if share >= 0.1 else f"{share:.1g} %"


_EXPLANATIONS: Mapping[Why, Callable[[Missing], str]] = {
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
        f"no interval: {_of(m, 'image')}; no method is right with fewer than {m.needed}"
    ),
    Why.FEW_GROUPS: lambda m: (
        f"no interval: {_of(m, 'group')} of images; no method is right with fewer than "
        f"{m.needed}, as images of a group are alike and count as one"
    ),
    Why.RARE_CLASS: lambda m: (
        f"no interval: fewer than {m.needed} images hold {_names(m)}, too few to "
        f"estimate the error of its IoU"
    ),
    Why.NO_SPREAD: lambda m: (
        f"no interval: the figure is the same whichever of the {_of(m, 'image')} is left "
        f"out, so its error cannot be estimated"
    ),
    Why.TEST_FILES: lambda m: (
        f"not measured: {m.count} of {m.needed} test images cannot be used, the first: {m.detail}"
    ),
    Why.TEST_SETTING: lambda m: f"not measured: {m.detail}",
    Why.TEST_FAILED: lambda m: f"not measured: {m.detail}",
}


def explain(missing: Missing) -> str:
    """Why the figure is missing, as a sentence."""
    return _EXPLANATIONS[missing.why](missing)


def interval_words(evaluation: Evaluation) -> str:
    """From how many images an interval was computed and how far it can be trusted, or why there is
    none."""
    if evaluation.miou_interval is None:
        missing = evaluation.missing.get(INTERVAL)
        if missing is None or missing == evaluation.missing.get(MIOU):
            return "no interval"  # a reason that is the mIoU's too is shown beside the mIoU
        return explain(missing)
    units = count(evaluation.images, "image")
    if evaluation.interval_groups is not None:
        units += f" in {count(evaluation.interval_groups, 'group')}"
    if evaluation.interval_coverage is None:
        return f"{units}; by the method of an earlier release, which covers less than 95 %"
    coverage = f"this method covers {100 * evaluation.interval_coverage:.0f} % in simulation"
    return f"{units}; {coverage}"


def reasons(evaluation: Evaluation) -> dict[str, str]:
    """Name of each missing figure ("miou", "miou_interval", "iou.weed") -> why it is missing."""
    return {name: explain(missing) for name, missing in evaluation.missing.items()}


def remarks(evaluation: Evaluation) -> list[str]:
    """What has to be shown beside the mIoU: why there is none, or which classes it leaves out."""
    if MIOU in evaluation.missing:
        return [explain(evaluation.missing[MIOU])]
    return [explain(missing) for name, missing in evaluation.missing.items() if name != INTERVAL]
