"""`unlabeled = "ignore"`: what nobody draws has no label, and background is drawn."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from connectors.masks.regions import BITMASK
from daemon.domain import IGNORE, ClassSet
from tests.contract.rigs import LabelStudioRig, folder_source_rig

DRAWN = ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure", unlabeled=IGNORE)


@pytest.fixture(params=["fake", pytest.param("live", marks=pytest.mark.live)])
def tool(request: pytest.FixtureRequest) -> LabelStudioRig:
    return folder_source_rig(request.getfixturevalue(f"{request.param}_server"), classes=DRAWN)


def project(tool: LabelStudioRig) -> dict[str, Any]:
    found: dict[str, Any] = tool.api.get(f"api/projects/{tool.project}/")
    return found


def test_background_is_a_label_and_the_guide_says_what_undrawn_means(tool: LabelStudioRig) -> None:
    labels = re.findall(r'<Label value="(\w+)"', project(tool)["label_config"])

    assert labels == ["soil", "crop", "weed", "unsure"]
    assert "Draw <b>soil</b> too." in project(tool)["expert_instruction"]
    assert "What nobody draws is left out" in project(tool)["expert_instruction"]
    assert list(tool.connector.check()) == []
    assert list(tool.connector.repair(None, [])) == []  # the guide comes back as it was written


def test_a_prediction_draws_background_too(tool: LabelStudioRig) -> None:
    tool.push(tool.keys[:1])

    question = tool.taken("ada")

    assert [one["value"][BITMASK][0] for one in question.result] == ["soil", "crop", "weed"]
    untouched = [{**one, "origin": "prediction"} for one in question.result]
    tool.person("ada").submit(question, tool.project, untouched)
    (read,) = tool.connector.changes(None, tool.sizes).annotations
    np.testing.assert_array_equal(read.mask, tool.truth[tool.keys[0]])
    assert read.corrected is False


def test_undrawn_pixels_and_empty_submissions_have_no_label(tool: LabelStudioRig) -> None:
    tool.push(tool.keys[:2])
    first = tool.taken("ada")
    only_crop = np.where(tool.truth[tool.keys[0]] == 1, 1, IGNORE).astype(np.uint8)
    tool.submit("ada", first, only_crop)
    tool.person("ada").submit(tool.taken("ada"), tool.project, [])

    found = {a.image_key: a.mask for a in tool.connector.changes(None, tool.sizes).annotations}

    np.testing.assert_array_equal(found[tool.keys[0]], only_crop)
    assert np.unique(found[tool.keys[1]]).tolist() == [IGNORE]
