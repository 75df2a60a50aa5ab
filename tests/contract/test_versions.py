"""Predictions that another version replaced, on the fake and on the real Label Studio."""

from __future__ import annotations

import numpy as np
import pytest

from connectors.label_studio import prediction_versions
from daemon.domain.errors import ConnectorRefused
from tests.contract.rigs import LabelStudioRig
from tests.fakes.versions import version


def test_a_replaced_version_is_forgotten_and_what_began_with_it_stays(
    tool: LabelStudioRig,
) -> None:
    asks = tool.push(tool.keys[:2])
    question = tool.taken("ada")
    as_shown = [{**one, "origin": "prediction"} for one in question.result]
    tool.person("ada").submit(question, tool.project, as_shown)
    tool.connector.rerank(version(1, 1), asks[1:])

    assert tool.connector.delete_predictions(version(1, 0))
    assert not tool.connector.delete_predictions(version(1, 1))  # it is in force
    assert tool.connector.delete_predictions(version(1, 0))

    path = f"api/projects/{tool.project}/model-versions/"
    rows = tool.api.get(path, extended="true")["static"]
    assert {row["model_version"]: row["count"] for row in rows} == {version(1, 1): 1}
    (answer,) = tool.connector.changes(None, tool.sizes).annotations
    assert np.array_equal(answer.mask, tool.truth[tool.keys[0]])
    assert (answer.prediction_version, answer.corrected) == (version(1, 0), False)
    assert tool.taken("bo").prediction is not None


def test_a_large_version_is_forgotten_piece_by_piece(
    tool: LabelStudioRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prediction_versions, "ONE_REQUEST", 2)
    monkeypatch.setattr(prediction_versions, "TASKS_PER_TICK", 2)
    asks = tool.push(tool.keys[:3], version=version(1, 1))
    tool.connector.rerank(version(11, 1), asks)  # its name contains the other's

    told = [tool.connector.delete_predictions(version(1, 1)) for _ in range(3)]

    path = f"api/projects/{tool.project}/model-versions/"
    rows = tool.api.get(path, extended="true")["static"]
    assert told == [False, True, True]
    assert {row["model_version"]: row["count"] for row in rows} == {version(11, 1): 3}


def test_a_tab_that_shows_a_forgotten_prediction_cannot_submit(tool: LabelStudioRig) -> None:
    """Why replaced predictions stay for longer than anybody keeps a page open."""
    asks = tool.push(tool.keys[:1])
    tab = tool.taken("ada")
    tool.connector.rerank(version(1, 1), asks)
    tool.connector.delete_predictions(version(1, 0))

    with pytest.raises(ConnectorRefused, match="parent_prediction"):
        tool.submit("ada", tab, tool.truth[tool.keys[0]])
