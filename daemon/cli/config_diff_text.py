"""`maskloop config diff` as text for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from daemon.domain.formatting import ABSENT, count
from daemon.setup.batch_preview import LEAST_SHARE, BatchPreview
from daemon.setup.config_diff import BatchDiff, ConfigDiff
from daemon.stages.setting_effects import effect_of

NAME_WIDTH, FIGURE_WIDTH = 46, 12


def diff_lines(found: ConfigDiff) -> Iterator[str]:
    """What other settings would mean, line by line."""
    if not found.changes:
        yield "no setting differs"
        return
    for one in found.changes:
        yield f"{one.words()}: counts {effect_of(one.key)}"
    if found.refused:
        yield f"refused: {found.refused}"
    yield from found.runs
    if found.batch is None:
        yield f"no batch to compare: {found.no_batch}"
    else:
        yield from _batch_lines(found.batch)
    yield "nothing was written"


def _batch_lines(batch: BatchDiff) -> Iterator[str]:
    yield f"{batch.basis.words()}:"
    for name, one in (("now", batch.now), ("changed", batch.changed)):
        if one.refused:
            yield f"  {name}: no batch: {one.refused}"
        elif not one.compared:
            yield f"  {name}: near-duplicates were not looked for, the pool is too large for that"
    for sign, side, picks in (
        ("-", batch.now, batch.out),
        ("+", batch.changed, batch.into),
    ):
        for pick in picks:
            yield f"  {sign} {side.names.get(pick.image_id, pick.image_id)}  ({pick.reason})"
    stay = len(batch.changed.picks) - len(batch.into)
    order = "" if batch.out or batch.into or batch.same_order else ", in another order"
    images = count(len(batch.now.picks), "image")
    yield f"  {stay} of {images} {'stays' if stay == 1 else 'stay'}{order}"
    yield _row("", "now", "changed")
    for (name, now), (_, changed) in zip(
        _figures(batch.now, batch.basis.classes),
        _figures(batch.changed, batch.basis.classes),
        strict=True,
    ):
        yield _row(name, now, changed)


def _figures(batch: BatchPreview, classes: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What is said of a batch: (what, figure); the same lines for every batch of these classes."""
    yield "images", str(len(batch.picks))
    shares, holding = batch.class_share or {}, batch.holding or {}
    for name in classes:
        yield f"predicted share of {name}", f"{shares[name]:.2%}" if name in shares else ABSENT
    for name in classes:
        what = f"images predicted to hold {name} (>= {LEAST_SHARE:.1%})"
        yield what, str(holding[name]) if name in holding else ABSENT
    nearest = ABSENT if batch.nearest is None else f"{batch.nearest:.3f}"
    yield "similarity to the nearest other image", nearest
    minutes = "not measured" if batch.minutes is None else f"{batch.minutes:.0f}"
    yield "minutes of labeling", minutes


def _row(name: str, now: str, changed: str) -> str:
    return f"  {name:<{NAME_WIDTH}}{now:>{FIGURE_WIDTH}}{changed:>{FIGURE_WIDTH + 2}}".rstrip()
