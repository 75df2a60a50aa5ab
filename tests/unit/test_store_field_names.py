"""The schema step that gives fields the names of the field, on a store of the release before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sqlite_utils import Database

from daemon.domain.faults import FaultState
from daemon.store import FILE, Store
from daemon.store.migrations import migrations
from tests.fakes.labels import NOON, annotation, image


def test_what_an_earlier_release_kept_is_found_under_the_new_names(tmp_path: Path) -> None:
    with Store(tmp_path / "new.db") as store:
        store.add_image(image("a"), None)
        store.keep_annotation(1, replace(annotation("1", "a"), prediction_version="3.1-0123abcd"))
        images, labels = (
            store._rows(f"SELECT * FROM {table}") for table in ("images", "annotations")
        )
    old = Database(tmp_path / FILE)
    migrations.apply(old, stop_before="m028_field_names")
    old.table("images").insert_all(images)
    labels[0]["shown"] = labels[0].pop("prediction_version")
    old.table("annotations").insert_all(labels)
    at = NOON.isoformat()
    old.table("events").insert({"at": at, "level": "info", "words": "a cycle begins"})
    old.table("facts").insert({"name": "doubles_said", "value": "2"})
    columns = [row["name"] for row in old.query("PRAGMA table_info(quarantine)")]
    fault = dict.fromkeys(columns, "") | {"place": "annotation 1 of task 1", "state": "mended"}
    old.table("quarantine").insert(fault | {"at": at, "image_id": 1})
    old.close()

    with Store(tmp_path / FILE) as store:
        [event] = store.events()
        [kept] = store._rows("SELECT prediction_version, state FROM annotations, quarantine")
        reported = store.fact("duplicate_labels_reported")

    assert (event.message, reported) == ("a cycle begins", "2")
    assert kept == {"prediction_version": "3.1-0123abcd", "state": FaultState.CORRECTED.value}
