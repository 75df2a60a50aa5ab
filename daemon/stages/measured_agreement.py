"""Measures how alike two labels of the same validation image are, once for each pair of labels."""

from __future__ import annotations

from itertools import islice

from daemon.audit.label_agreement import class_agreement
from daemon.domain import Mask
from daemon.domain.agreements import LabelAgreement, LabelPair
from daemon.stages.context import Context
from daemon.store import decode_png

PAIRS_IN_A_TICK = 2  # a tick is short


def measure_agreement(context: Context) -> None:
    """Measure the pairs of labels that are new or were edited, some in each tick: of two people,
    and of each person and the ground truth."""
    store, names = context.store, context.config.classes.names
    tolerance_px = context.config.audit.tolerance_px
    known = store.measured_agreements(names)
    measured = {pair for pair, one in known.items() if one.tolerance_px == tolerance_px}
    pairs = [*store.label_pairs(), *(pair for _, pair in store.gold_pairs())]
    new = (pair for pair in dict.fromkeys(pairs) if pair not in measured)
    for pair in islice(new, PAIRS_IN_A_TICK):
        masks = [_mask(context, annotation) for annotation in (pair.first, pair.second)]
        found = _measured(pair, masks, len(names), tolerance_px)
        store.keep_agreement(found, names)


def _measured(
    pair: LabelPair, masks: list[Mask | None], classes: int, tolerance_px: int
) -> LabelAgreement:
    known = [mask for mask in masks if mask is not None]
    is_comparable = len({mask.shape for mask in known}) == 1 and len(known) == len(masks)
    pixels = class_agreement(known[0], known[1], classes, tolerance_px) if is_comparable else ()
    return LabelAgreement(pair=pair, tolerance_px=tolerance_px, classes=pixels)


def _mask(context: Context, annotation: str) -> Mask | None:
    png = context.store.annotation_png(annotation)
    return None if png is None else decode_png(png)
