"""Which class names fit the labels of a project that is adopted."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.config.sections import Classes
from daemon.setup.project_choice import classes_for

CASES: dict[str, tuple[dict[str, Any], tuple[str, ...], list[str]]] = {
    "other spelling": ({}, ("Crop", "Weed"), ["soil", "Crop", "Weed"]),
    "the same": ({}, ("weed", "crop"), []),
    "one more goes to the end": ({}, ("beet", "weed", "crop"), ["soil", "crop", "weed", "beet"]),
    "one less": ({}, ("weed",), ["soil", "weed"]),
    "a background that is drawn": ({}, ("soil", "crop"), ["background", "soil", "crop"]),
    "two backgrounds that are drawn": ({}, ("soil", "background"), []),
    "no labels": ({}, (), []),
    "a label for doubt": ({"ignore_label": "?"}, ("Crop", "?"), ["soil", "Crop"]),
    "a renamed class": ({"renamed": {"old": "crop"}}, ("old", "weed"), []),
    "background is drawn": ({"unlabeled": "ignore"}, ("crop", "soil", "weed"), []),
    "background is drawn and called otherwise": (
        {"unlabeled": "ignore"},
        ("crop", "Earth"),
        ["crop", "Earth"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_class_names_that_fit_keep_their_order(name: str) -> None:
    settings, labels, expected = CASES[name]

    assert classes_for(Classes.model_validate(settings), labels) == expected
