from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np

from daemon.domain.label_findings import Finding, FindingType
from daemon.store import Store
from tests.fakes.labeled_store import labeled_store
from tests.fakes.labels import NOON, annotation

MASK = np.zeros((24, 32), np.uint8)


def finding(image: int, score: float, *, weak: bool = False) -> Finding:
    return Finding(
        image_id=image,
        type=FindingType.MISSING,
        labeled="soil",
        proposed="crop",
        box_yxyx=(1, 2, 9, 8),
        area_px=40,
        score=score,
        expected_precision=score,
        reason="Nothing is labeled here; the model sees crop.",
        weak=weak,
    )


def test_findings_are_kept_once_and_end_with_their_label(tmp_path: Path) -> None:
    with Store(labeled_store(tmp_path, {"a": MASK, "b": MASK, "c": MASK})) as store:
        judged = store.label_ids([1, 2])
        found = [finding(1, 0.3), finding(2, 0.9, weak=True), finding(3, 0.9)]

        for _ in range(2):
            store.keep_findings(1, judged, [2], found, NOON)

        kept = [one for _, one in store.findings(10)]
        assert kept == [found[0], found[1]]  # 3 was not compared; weak ones come last
        assert store.audited_labels().compared == 2
        assert store.audited_labels().weak == 1
        assert store.independently_audited(judged.values()) == {judged[1]}

        later = replace(annotation("a9"), mask=MASK, updated_at=NOON + timedelta(hours=1))
        store.keep_annotation(1, later)

        assert [one.image_id for _, one in store.findings(10)] == [2]
        assert store.audited_labels().compared == 1
