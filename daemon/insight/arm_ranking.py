"""Which class is the rarest, and whether two studies rank their arms alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MIN_ARMS = 3  # two arms are in the same order or not: no rank correlation


@dataclass(frozen=True, kw_only=True)
class RankAgreement:
    """Kendall's tau-b of two rankings, in [-1, 1]. p: two-sided, of no association; arms: that
    both studies hold, in order of their names."""

    tau: float
    p: float
    arms: tuple[str, ...]


def rank_agreement(first: Mapping[str, float], second: Mapping[str, float]) -> RankAgreement | None:
    """Compare the order that two studies give the arms that both hold; arm -> figure, NaN-free.

    Kendall 1945, tau-b. None with fewer than three arms, or where all figures of one are equal.
    """
    from scipy.stats import kendalltau

    arms = sorted(first.keys() & second.keys())
    values = [[study[arm] for arm in arms] for study in (first, second)]
    if len(arms) < MIN_ARMS or any(len(set(study)) == 1 for study in values):
        return None
    found = kendalltau(*values)
    return RankAgreement(tau=float(found.statistic), p=float(found.pvalue), arms=tuple(arms))


def rarest_class(
    classes: Sequence[str], pixels: Mapping[str, int], holding: Mapping[str, int]
) -> str | None:
    """The class, background (the first) apart, with the fewest pixels.

    Where the pixels are not known for all of them: the one that the fewest images hold. Of equals
    the first in the order of `classes`; None where neither is known, or there is one class only.
    """
    foreground = classes[1:]
    for counts in (pixels, holding):
        if foreground and all(name in counts for name in foreground):
            return min(foreground, key=lambda name: counts[name])
    return None
