"""What Label Studio in particular must do, on the fake and on the real one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from connectors.label_studio import create_or_adopt_project
from connectors.masks.regions import BITMASK, encode
from daemon.domain import ClassSet
from tests.contract.rigs import CLASSES, CONTROL, LabelStudioRig, Server, project_source_rig
from tests.fakes.versions import version

SHUFFLED = [4, 1, 6, 0, 5, 2, 7, 3]


def test_two_annotators_in_lock_step_receive_the_positions_in_order(
    any_tool: LabelStudioRig,
) -> None:
    wanted = [any_tool.keys[number] for number in SHUFFLED]
    any_tool.push(wanted)

    handed = []
    for _ in range(4):
        first, second = any_tool.taken("ada"), any_tool.taken("bo")
        handed += [any_tool.key_of(first), any_tool.key_of(second)]
        any_tool.submit("ada", first, any_tool.truth[handed[-2]])
        any_tool.submit("bo", second, any_tool.truth[handed[-1]])

    assert handed == wanted


def test_after_the_batch_nothing_is_handed_out_that_was_not_asked(any_tool: LabelStudioRig) -> None:
    asks = any_tool.push(any_tool.keys[:2])
    data = {"image": "/data/local-files/?d=stranger.png", "maskloop_reason": "none"}
    any_tool.api.post(f"api/projects/{any_tool.project}/import", [{"data": data}])

    any_tool.connector.repair(version(1, 0), [str(ask.task) for ask in asks])

    assert sorted(any_tool.answer()) == sorted(any_tool.keys[:2])
    assert any_tool.person("bo").next_task(any_tool.project) is None


def test_a_tab_that_is_open_over_a_rerank_can_still_submit(any_tool: LabelStudioRig) -> None:
    asks = any_tool.push(any_tool.keys[:3])
    tab = any_tool.taken("ada")
    turned = [replace(ask, position=2 - ask.position) for ask in asks]
    any_tool.connector.rerank(version(1, 1), turned)

    any_tool.submit("ada", tab, any_tool.truth[any_tool.key_of(tab)])

    changes = any_tool.connector.changes(None, any_tool.sizes)
    assert [one.image_key for one in changes.annotations] == any_tool.keys[:1]
    assert any_tool.key_of(any_tool.taken("ada")) == any_tool.keys[2]


def test_a_rerank_shows_the_new_predictions(tool: LabelStudioRig) -> None:
    asks = tool.push(tool.keys[:1])
    better = np.full_like(tool.truth[tool.keys[0]], 2)
    assert asks[0].prediction is not None
    shown = replace(asks[0], prediction=replace(asks[0].prediction, mask=better))

    tool.connector.rerank(version(1, 1), [shown])

    question = tool.taken("ada")
    assert [one["value"][BITMASK] for one in question.result] == [["weed"]]


def test_a_later_batch_goes_behind_the_open_tasks(tool: LabelStudioRig) -> None:
    first = tool.push(tool.keys[:2])
    later = [replace(ask, position=ask.position + 2) for ask in tool.asks(tool.keys[2:4])]
    tasks = tool.connector.push(later, "push-2", version(1, 1))
    both = [*first, *(replace(ask, task=tasks[ask.image.id]) for ask in later)]
    tool.connector.rerank(version(1, 1), both)

    assert tool.answer() == tool.keys[:4]


def test_every_open_task_has_one_prediction_of_the_version_in_force(tool: LabelStudioRig) -> None:
    asks = tool.push(tool.keys[:3])

    tool.connector.rerank(version(11, 1), asks)  # its name contains the first version's
    tool.connector.rerank(version(1, 1), asks)

    project = f"api/projects/{tool.project}/"
    rows = tool.api.get(f"{project}model-versions/", extended="true")["static"]
    assert {row["model_version"]: row["count"] for row in rows} == {
        version(1, 0): 3,
        version(11, 1): 3,
        version(1, 1): 3,
    }
    assert tool.api.get(project)["model_version"] == version(1, 1)


def test_whether_a_prediction_was_corrected_is_known(tool: LabelStudioRig) -> None:
    tool.push(tool.keys[:3])
    untouched, thinned, drawn = (tool.taken(name) for name in ("ada", "bo", "cy"))
    as_shown = [{**one, "origin": "prediction"} for one in untouched.result]
    tool.person("ada").submit(untouched, tool.project, as_shown)
    fewer = [{**one, "origin": "prediction"} for one in thinned.result][1:]
    tool.person("bo").submit(thinned, tool.project, fewer)
    tool.submit("cy", drawn, tool.truth[tool.key_of(drawn)])

    found = tool.connector.changes(None, tool.sizes).annotations

    assert {one.prediction_version for one in found} == {version(1, 0)}
    told = {one.image_key: one.corrected for one in found}
    assert [told[key] for key in tool.keys[:3]] == [False, True, True]


def test_an_annotation_without_regions_is_all_background(tool: LabelStudioRig) -> None:
    tool.push(tool.keys[:1])
    tool.person("ada").submit(tool.taken("ada"), tool.project, [])

    found = tool.connector.changes(None, tool.sizes).annotations

    assert found[0].mask.shape == tool.truth[tool.keys[0]].shape
    assert not found[0].mask.any()


def test_a_skip_is_told_with_its_person_and_the_task_goes_to_others(tool: LabelStudioRig) -> None:
    tool.push(tool.keys[:1])
    tool.person("ada").skip(tool.taken("ada"), tool.project)

    changes = tool.connector.changes(None, tool.sizes)

    assert [skip.image_key for skip in changes.skips] == tool.keys[:1]
    assert not changes.annotations
    assert tool.key_of(tool.taken("bo")) == tool.keys[0]


def test_a_deleted_annotation_is_missing_from_what_was_seen(tool: LabelStudioRig) -> None:
    asks = tool.push(tool.keys[:1])
    tool.answer()
    before = tool.connector.changes(None, tool.sizes)
    number = before.annotations[0].id
    _delete(tool, f"api/annotations/{number}/")

    after = tool.connector.changes(before.cursor, tool.sizes)

    assert before.annotation_ids[str(asks[0].task)] == (number,)
    assert after.annotation_ids[str(asks[0].task)] == ()


def test_a_deleted_task_is_lost(tool: LabelStudioRig) -> None:
    asks = tool.push(tool.keys[:3])
    before = tool.connector.changes(None, tool.sizes)
    _delete(tool, f"api/tasks/{asks[1].task}/")

    after = tool.connector.changes(before.cursor, tool.sizes)
    later = tool.connector.changes(after.cursor, tool.sizes)

    assert before.lost_tasks == ()
    assert after.lost_tasks == (asks[1].task,)
    assert later.lost_tasks == ()
    tool.connector.retire([str(asks[1].task)])  # as harmless as retiring twice


def test_an_answer_that_is_older_than_its_task_is_flagged(fake_tool: LabelStudioRig) -> None:
    """The server gives the number of a deleted task out again; an open page submits to it."""
    first = fake_tool.push(fake_tool.keys[:1])
    stale = fake_tool.taken("ada")
    _delete(fake_tool, f"api/tasks/{first[0].task}/")
    second = fake_tool.push(fake_tool.keys[1:2], key="push-2", version=version(1, 1))
    assert second[0].task == first[0].task
    opened = replace(stale, opened_at=stale.opened_at - 600, prediction=None)
    fake_tool.submit("ada", opened, fake_tool.truth[fake_tool.keys[0]])
    fake_tool.push(fake_tool.keys[2:3], key="push-3", version=version(1, 2))
    fake_tool.answer()

    found = fake_tool.connector.changes(None, fake_tool.sizes).annotations

    assert {one.image_key: len(one.notes) for one in found} == {
        fake_tool.keys[1]: 1,
        fake_tool.keys[2]: 0,
    }
    assert "started before its task was created" in found[0].notes[0]


def test_a_task_that_people_add_joins_the_pool_and_rests(fake_server: Server) -> None:
    """As storage sync adds them; they are images of the project like all others."""
    tool = project_source_rig(fake_server)
    tool.push(tool.keys[:1])
    before = {image.key for image in tool.connector.images()}
    data = {"image": "/data/local-files/?d=added/later.png"}
    tool.api.post(f"api/projects/{tool.project}/import", [{"data": data}])

    added = {image.key for image in tool.connector.images()} - before

    assert added == {data["image"]}
    assert tool.answer() == tool.keys[:1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"value": {BITMASK: ["thistle"]}}, "add the class to config.toml"),
        ({"type": "brushlabels"}, "expected bitmasklabels of the tag"),
        ({"original_width": 4000}, "4000"),
        ({"value": {BITMASK: ["crop"], "imageDataURL": "data:image/png;base64,AAAA"}}, "a PNG"),
    ],
    ids=["unknown class", "other tag", "other size", "broken png"],
)
def test_an_annotation_that_cannot_be_used_becomes_a_fault_and_the_next_one_is_read(
    fake_tool: LabelStudioRig, change: dict[str, Any], words: str
) -> None:
    fake_tool.push(fake_tool.keys[:2])
    spoiled = fake_tool.taken("ada")
    regions = encode(fake_tool.truth[fake_tool.key_of(spoiled)], CLASSES, CONTROL, {})
    fake_tool.person("ada").submit(spoiled, fake_tool.project, [{**regions[0], **change}])
    fake_tool.answer()

    changes = fake_tool.connector.changes(None, fake_tool.sizes)

    assert [one.image_key for one in changes.annotations] == [fake_tool.keys[1]]
    assert len(changes.faults) == 1
    assert words in str(changes.faults[0])


def test_settings_that_somebody_changed_are_mended_and_said(any_tool: LabelStudioRig) -> None:
    asks = any_tool.push(any_tool.keys[:4])
    retired = str(asks[0].task)
    any_tool.connector.retire([retired])
    tasks = [str(ask.task) for ask in asks[1:]]
    project = f"api/projects/{any_tool.project}/"
    any_tool.api.patch(
        project, {"sampling": "Sequential sampling", "show_collab_predictions": False}
    )
    any_tool.api.patch(project, {"maximum_annotations": 3})

    words = "; ".join(any_tool.connector.repair(version(1, 0), tasks))

    assert "sampling" in words
    assert "show_collab_predictions" in words
    assert "maximum_annotations" in words
    assert list(any_tool.connector.repair(version(1, 0), tasks)) == []
    assert any_tool.answer() == any_tool.keys[1:4]


def test_what_hides_skips_empty_masks_or_the_guide_is_mended_and_said(
    tool: LabelStudioRig,
) -> None:
    project = f"api/projects/{tool.project}/"
    changed = {
        "show_skip_button": False,
        "skip_queue": "IGNORE_SKIPPED",
        "enable_empty_annotation": False,
        "evaluate_predictions_automatically": True,
        "expert_instruction": "Mind the gap.",
    }
    tool.api.patch(project, changed)

    words = "; ".join(tool.connector.repair(None, []))
    mended = tool.api.get(project)

    assert all(name in words for name in changed if name != "expert_instruction")
    assert "no guide for these classes" in words
    assert mended["expert_instruction"].startswith("Mind the gap.")
    assert "Label All Tasks" in mended["expert_instruction"]
    assert [mended[name] for name in changed][:4] == [True, "REQUEUE_FOR_OTHERS", True, False]
    assert list(tool.connector.repair(None, [])) == []


def test_a_version_whose_predictions_are_gone_is_said_and_not_fatal(tool: LabelStudioRig) -> None:
    asks = tool.push(tool.keys[:1])
    tool.api.patch(f"api/projects/{tool.project}/", {"sampling": "Uniform sampling"})

    words = "; ".join(tool.connector.repair(version(9, 9), [str(ask.task) for ask in asks]))

    assert f"{version(9, 9)!r} were deleted" in words
    assert "sampling was 'Uniform sampling'" in words


def test_wrong_sampling_and_other_classes_are_found_by_a_check(tool: LabelStudioRig) -> None:
    tool.api.patch(f"api/projects/{tool.project}/", {"sampling": "Uniform sampling"})
    other = ClassSet(names=("soil", "crop", "thistle"))

    checked = " ".join(str(fault) for fault in tool.connector.check())
    adopted = create_or_adopt_project(
        url=tool.api.url,
        token=lambda: str(tool.api._token()),
        project=tool.project,
        classes=other,
        source=None,
    )
    told = " ".join(str(fault) for fault in adopted.faults)

    assert not adopted.created
    assert "no label for thistle" in told
    assert "the label weed, unsure, which config.toml does not know" in told
    assert "got sampling 'Uniform sampling'" in checked
    assert list(tool.connector.check()) == []  # adopting set the sampling


def _delete(tool: LabelStudioRig, path: str) -> None:
    tool.api._send("DELETE", path, params={})
