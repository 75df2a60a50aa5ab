"""Each person against the ground truth that somebody else drew, for leads alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from connectors.folder import Folder
from daemon.domain import Annotation, Mask, Role
from daemon.domain.agreements import LabelAgreement
from daemon.insight.annotator_agreement import people_on_gold
from daemon.stages.context import Context
from daemon.stages.measured_agreement import PAIRS_IN_A_TICK, measure_agreement
from daemon.store import Store
from daemon.web.app import create_app
from tests.fakes.agreements import TOLERANCE_PX, measured
from tests.fakes.labeled_store import labeled_config, labeled_store
from tests.fakes.labels import NOON, annotation
from tests.fakes.launcher import ForkLauncher
from tests.fakes.statuses import status
from tests.fakes.visitors import signed_in

MASK = np.zeros((24, 32), np.uint8)


def gold(name: str, images: int) -> list[tuple[str, LabelAgreement]]:
    rows = [measured(number, (90, 100, 95), (15, 20, 18)) for number in range(images)]
    return [(name, row) for row in rows]


def test_the_figure_of_a_person_takes_five_images() -> None:
    anna, ben = people_on_gold([*gold("ben", 4), *gold("anna", 5)], TOLERANCE_PX)

    assert (anna.person, anna.images) == ("anna", 5)
    assert anna.miou == pytest.approx(0.825)
    assert anna.tolerant_miou == pytest.approx((90 / 95 + 15 / 18) / 2)
    assert (ben.person, ben.images, ben.miou) == ("ben", 4, None)


def drawn(number: str, image: int, who: str, mask: Mask) -> Annotation:
    return replace(annotation(number, minutes=5), task=f"t{image}", annotator=who, mask=mask)


def test_leads_alone_see_each_person_on_the_images_that_somebody_else_marked(
    tmp_path: Path,
) -> None:
    config = labeled_config(tmp_path)
    with_crop = MASK.copy()
    with_crop[4:12, 4:12] = 1
    masks = {f"image {number}": with_crop for number in range(1, 7)}
    with Store(labeled_store(tmp_path, masks)) as store:  # anna's
        store.set_roles(Role.VALIDATION, dict.fromkeys(range(1, 7), "drawn"))
        for image in range(1, 7):
            truth = replace(drawn(f"g{image}", image, "lea", with_crop), ground_truth=image < 6)
            store.keep_annotation(image, truth)
        store.keep_annotation(1, drawn("b1", 1, "ben", MASK))
        folder = Folder(
            images=tmp_path / "pictures",
            truth=tmp_path / "pictures",
            state=tmp_path,
            classes=config.class_set,
        )
        context = Context(
            config=config, store=store, connector=folder, launcher=ForkLauncher(), now=lambda: NOON
        )

        measure_agreement(context)
        assert len(store.agreements(config.classes.names)) == PAIRS_IN_A_TICK
        for _ in range(6):
            measure_agreement(context)

        assert len(store.agreements(config.classes.names)) == 6  # anna and lea
        assert len(store.gold_agreements(config.classes.names)) == 6  # 5 of anna, 1 of ben
        store.delete_annotations(["g1"])
        assert len(store.gold_agreements(config.classes.names)) == 4
    client = create_app(lambda: status(1), read_config=lambda: config).test_client()

    before = client.get("/curve")
    signed_in(client, config)
    after = client.get("/curve")

    assert "Each person and the ground truth" not in before.text
    assert "Each person and the ground truth" in after.text
    (anna,) = client.get("/curve.json").get_json()["gold"]
    assert (anna["person"], anna["images"], anna["miou"]) == ("anna", 4, None)
