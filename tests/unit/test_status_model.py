"""The JSON of the status: its keys stay, and its schema describes every field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from daemon.cli.commands import main
from daemon.domain import CurvePoint, Evaluation, TaskState
from daemon.status.model import Status
from daemon.status.model_batch import BatchProgress
from daemon.status.snapshot_curve import evaluated_cycle
from tests.fakes.statuses import curve_point, status

KEYS = {
    *("cycle", "stage", "waiting", "daemon", "incidents", "progress", "classes", "ended", "labels"),
    *("uses", "images", "tasks", "excluded", "evaluations", "batch", "stages", "quarantine"),
    *(
        "quarantine_settled",
        "duplicate_labels",
        "corrections",
        "notes",
        "events",
        "left_out",
        "regime",
    ),
    *("redundancy", "validation_drift", "reviews"),
}
BATCH_KEYS = {
    *("cycle", "asked", "open", "labeled", "skipped", "expired", "deleted", "unusable"),
    *("withdrawn", "retired", "beyond_batch", "skipped_once", "effort", "images"),
}
EVALUATION_KEYS = {
    *("cycle", "labels", "train_labels", "seconds", "refused", "serving"),
    *("labels_deleted", "labels_unconfirmed"),
}
FIGURES = {
    *("miou", "iou", "miou_interval", "images", "interval_coverage", "interval_groups"),
    *("interval_words", "missing", "remarks"),
}


def definitions(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name -> schema of each object of a status, without those that are only enumerations."""
    yield "Status", schema
    yield from ((name, found) for name, found in schema["$defs"].items() if "properties" in found)


def description(value: dict[str, Any], schema: dict[str, Any]) -> str:
    """Of a field; where it says the same as that of its type, only the type has it."""
    own: str = value.get("description", "")
    referred = value.get("$ref", "").removeprefix("#/$defs/")
    return own or schema["$defs"].get(referred, {}).get("description", "")


@pytest.mark.parametrize("points", [0, 4])
def test_the_keys_of_earlier_releases_stay(points: int) -> None:
    assert status(points).as_json().keys() >= KEYS


def test_the_keys_of_the_batch_stay() -> None:
    assert status(4).as_json()["batch"].keys() == BATCH_KEYS


def test_a_cycle_without_test_images_has_no_keys_of_a_test() -> None:
    point = curve_point(3)
    untested = CurvePoint(
        cycle=1, labels=32, train_labels=16, validation=point.validation, test=None
    )

    with_test, without = evaluated_cycle(point).as_json(), evaluated_cycle(untested).as_json()

    assert without.keys() == EVALUATION_KEYS | FIGURES
    assert with_test.keys() == EVALUATION_KEYS | FIGURES | {f"test_{name}" for name in FIGURES}


def test_a_cycle_without_validation_has_the_main_figures_as_null() -> None:
    point = CurvePoint(cycle=1, labels=32, train_labels=32, validation=None)

    found = evaluated_cycle(point).as_json()

    assert found.keys() == EVALUATION_KEYS | {"miou", "iou", "miou_interval", "missing", "remarks"}
    assert (found["miou"], found["iou"], found["remarks"]) == (None, {}, [])


def test_figures_that_were_measured_beside_iou_are_in_the_json() -> None:
    rich = Evaluation(
        images=16, miou=0.5, iou={}, image_miou=0.4, confusion=((3, 1), (0, 4)), boundary_iou={}
    )
    point = CurvePoint(cycle=1, labels=32, train_labels=16, validation=rich)

    found = evaluated_cycle(point).as_json()

    assert (found["image_miou"], found["confusion"]) == (0.4, [[3, 1], [0, 4]])
    assert "boundary_iou" not in found


@pytest.mark.parametrize("points", [0, 1, 4])
def test_the_json_can_be_read_back(points: int) -> None:
    text = json.dumps(status(points).as_json(), allow_nan=False)

    assert Status.model_validate_json(text) == status(points)


def test_every_field_has_a_description() -> None:
    schema = Status.json_schema()
    missing = [
        f"{name}.{field}"
        for name, found in definitions(schema)
        for field, value in found["properties"].items()
        if not description(value, schema)
    ]

    assert missing == []


def test_the_fields_that_are_always_there_are_required() -> None:
    schema = Status.json_schema()

    assert set(schema["required"]) == set(schema["properties"])
    assert "test_miou" not in schema["$defs"]["EvaluatedCycle"]["required"]
    assert "miou" in schema["$defs"]["EvaluatedCycle"]["required"]


def test_a_later_release_may_add_keys_without_breaking_the_schema() -> None:
    for _, found in definitions(Status.json_schema()):
        assert "additionalProperties" not in found


def test_a_share_has_its_range_in_the_schema() -> None:
    share = Status.json_schema()["$defs"]["CorrectionEffort"]["properties"]["changed_share"]

    assert (share["minimum"], share["maximum"]) == (0, 1)


def test_the_batch_counts_every_state_of_a_task() -> None:
    assert {state.value for state in TaskState} <= BatchProgress.model_fields.keys()


def test_the_command_line_prints_the_schema_without_a_configuration(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--config", "/no/such/config.toml", "status", "--schema"]) == 0

    assert json.loads(capsys.readouterr().out) == Status.json_schema()
