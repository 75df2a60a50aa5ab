from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Picture

from connectors.folder import Folder
from daemon.domain import IGNORE
from daemon.domain.errors import ConnectorRefused
from tests.contract.rigs import CLASSES, Rig, folder_rig
from tests.fakes.versions import version


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return folder_rig(tmp_path)


def spoil(tmp_path: Path, rig: Rig, picture: Picture.Image) -> str:
    picture.save(tmp_path / "truth" / rig.keys[0])
    rig.push(rig.keys[:2])
    changes = rig.connector.changes(None, rig.sizes)
    assert [one.image_key for one in changes.annotations] == [rig.keys[1]]
    (fault,) = changes.faults
    return str(fault)


def test_a_mask_with_an_unknown_value_is_a_fault(tmp_path: Path, rig: Rig) -> None:
    mask = np.full((12, 16), 7, np.uint8)

    assert "pixel value 7" in spoil(tmp_path, rig, Picture.fromarray(mask))


def test_a_mask_in_colour_is_a_fault(tmp_path: Path, rig: Rig) -> None:
    assert "mode RGB" in spoil(tmp_path, rig, Picture.new("RGB", (16, 12)))


def test_an_image_without_a_mask_is_a_fault(tmp_path: Path, rig: Rig) -> None:
    (tmp_path / "truth" / rig.keys[0]).unlink()
    rig.push(rig.keys[:2])

    (fault,) = rig.connector.changes(None, rig.sizes).faults

    assert "restore the file" in fault.cure


def test_ignored_pixels_stay_ignored(tmp_path: Path, rig: Rig) -> None:
    mask = np.full((12, 16), IGNORE, np.uint8)
    Picture.fromarray(mask).save(tmp_path / "truth" / rig.keys[0])
    rig.push(rig.keys[:1])

    (annotation,) = rig.connector.changes(None, rig.sizes).annotations

    assert (annotation.mask == IGNORE).all()


def test_a_folder_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    connector = Folder(
        images=tmp_path / "no", truth=tmp_path / "none", state=tmp_path, classes=CLASSES
    )

    assert [fault.where for fault in connector.check()] == ["images", "truth"]


def test_what_was_asked_is_known_to_the_next_process(tmp_path: Path, rig: Rig) -> None:
    first = rig.connector.push(rig.asks(rig.keys[:2]), "push-1", version(1, 0))
    later = folder_rig_again(tmp_path)

    assert later.push(rig.asks(rig.keys[:2]), "push-1", version(1, 0)) == first


def test_an_order_for_tasks_that_were_never_asked_is_refused(rig: Rig) -> None:
    with pytest.raises(ConnectorRefused, match="no task"):
        rig.connector.rerank(version(1, 0), rig.asks(rig.keys[:1]))


def folder_rig_again(tmp_path: Path) -> Folder:
    return Folder(
        images=tmp_path / "images",
        truth=tmp_path / "truth",
        state=tmp_path / "state",
        classes=CLASSES,
    )


def test_many_masks_are_read_in_portions(rig: Rig) -> None:
    rig.push(rig.keys[:3])
    sizes = rig.sizes | {"panorama": (12_000, 12_000)}

    first = rig.connector.changes(None, sizes)
    second = rig.connector.changes(first.cursor, sizes)
    third = rig.connector.changes(second.cursor, sizes)

    assert [one.has_more for one in (first, second, third)] == [True, True, False]
    found = [one.image_key for part in (first, second, third) for one in part.annotations]
    assert found == rig.keys[:3]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tasks": ["1"]}', '{"tasks": {"a": {}}}', "\xff"]
)
def test_a_damaged_record_of_what_was_asked_is_refused_with_its_cure(
    tmp_path: Path, rig: Rig, text: str
) -> None:
    rig.push(rig.keys[:2])
    (tmp_path / "state" / "asked.json").write_text(text, "latin-1")

    with pytest.raises(ConnectorRefused, match="restore the state folder from a copy"):
        rig.connector.changes(None, rig.sizes)
    with pytest.raises(ConnectorRefused, match=r"asked\.json"):
        rig.push(rig.keys[2:3])


def test_one_damaged_entry_of_what_was_asked_is_one_fault(tmp_path: Path, rig: Rig) -> None:
    rig.push(rig.keys[:4])
    file = tmp_path / "state" / "asked.json"
    state = json.loads(file.read_text())
    state["tasks"]["1"] = {"picture": "of another version"}
    state["tasks"]["2"]["at"] = "yesterday"
    file.write_text(json.dumps(state))

    changes = rig.connector.changes(None, rig.sizes)

    assert [one.task for one in changes.annotations] == ["3", "4"]
    assert [fault.where for fault in changes.faults] == [
        "annotation truth-1 of task 1",
        "annotation truth-2 of task 2",
    ]
    assert [ask.task for ask in rig.push(rig.keys[4:5], "push-2", "2.0")] == ["5"]


def test_a_record_of_what_was_asked_that_is_gone_gives_no_number_out_again(
    tmp_path: Path, rig: Rig
) -> None:
    rig.push(rig.keys[:2])
    cursor = rig.connector.changes(None, rig.sizes).cursor
    (tmp_path / "state" / "asked.json").unlink()

    with pytest.raises(ConnectorRefused, match="got no task; expected the 2 that were asked"):
        rig.connector.changes(cursor, rig.sizes)


def test_a_task_that_is_not_known_any_more_is_lost(rig: Rig) -> None:
    rig.push(rig.keys[:2])

    assert rig.connector.changes(None, rig.sizes, ["2", "9"]).lost_tasks == ("9",)
