"""How much was corrected, measured on a real Label Studio under the names that the loop makes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from connectors.masks.regions import decode, encode
from daemon.demo.web_user import WebUser
from daemon.domain import PredictionVersion, Unmeasured
from daemon.store import FILE, Store
from tests.live.live_field import CONTROL, Field, field

__all__ = ["field"]

pytestmark = pytest.mark.live

BESIDE_PX = 3  # what people draw lies so far beside what the model showed


@pytest.mark.long
def test_what_people_corrected_is_measured_by_class_and_by_person(
    field: Field, annotator: Callable[[str], WebUser]
) -> None:
    ada, grace = annotator("ada"), annotator("grace")
    field.tick()
    while field.answer(ada) is not None:  # cycle 0, without a model
        pass
    field.tick()
    changed: dict[int, float] = {}
    for user in (ada, grace, grace, grace):
        question = user.next_task(field.project)
        assert question is not None
        size = field.truth[question.details["data"]["maskloop_key"]].shape
        classes = field.config.class_set
        shown = decode(list(question.result), classes, CONTROL, size, "shown").mask
        beside = np.roll(shown, BESIDE_PX, axis=1)
        submitted = shown if user is ada else beside
        user.submit(question, field.project, encode(submitted, classes, CONTROL, {}))
        changed[question.task] = float(np.mean(shown != submitted))
    field.ticker.tick()

    with Store(field.config.state / FILE, read_only=True) as store:
        labels = store.corrected_labels()
        tasks = store.label_tasks(label.image_id for label in labels)
    found = field.status()["corrections"]
    assert {int(tasks[one.image_id]): one.changed_share for one in labels} == changed
    (version,) = {label.version for label in labels}
    assert (version.cycle, len(version.nonce)) == (1, 8)
    project = field.connector._api.get(f"api/projects/{field.project}/")
    assert PredictionVersion.parse(project["model_version"]) == version
    assert sorted(work["images"] for work in found["people"].values()) == [1, 3]
    assert sorted(work["untouched"] for work in found["people"].values()) == [0, 1]
    assert set(found["classes"]) == {"soil", "crop", "weed"}
    assert all(work["changed_share"] > 0 for work in found["classes"].values())
    assert found["total"]["untimed"] == 0
    assert found["unmeasured"] == {Unmeasured.EMPTY_PAGE: 8}
