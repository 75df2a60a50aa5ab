"""What a person should know about a label config that can be used."""

from __future__ import annotations

from connectors.label_studio import LabelStudio, create_or_adopt_project, label_config
from tests.contract.rigs import CLASSES, LabelStudioRig, Server, project_source_rig

SHAPES = (
    '<View><Image name="image" value="$image"/><PolygonLabels name="p" toName="image">'
    '<Label value="crop"/><Label value="weed"/><Label value="unsure"/></PolygonLabels></View>'
)


def test_a_config_with_shapes_only_is_adopted_with_a_note(fake_tool: LabelStudioRig) -> None:
    assert isinstance(fake_tool.connector, LabelStudio)
    assert list(fake_tool.connector.notes()) == []
    fake_tool.api.patch(f"api/projects/{fake_tool.project}/", {"label_config": SHAPES})

    adopted = create_or_adopt_project(
        url=fake_tool.api.url,
        token=lambda: str(fake_tool.api._token()),
        project=fake_tool.project,
        classes=CLASSES,
        source=fake_tool.source,
    )

    assert adopted.faults == ()
    assert "no prediction is shown" in adopted.notes[0]
    assert fake_tool.connector.notes() == adopted.notes


def test_a_team_whose_config_shows_reasons_finds_them_in_the_tasks_that_are_asked(
    any_tool: LabelStudioRig,
) -> None:
    any_tool.push(any_tool.keys[:2])

    data = any_tool.taken("ada").details["data"]

    assert (data["maskloop_cycle"], data["maskloop_reason"]) == (1, "image 0")
    assert data["image"]  # what the team's task said stays


def test_the_data_of_a_team_that_does_not_show_reasons_stays_as_it_is(
    fake_server: Server,
) -> None:
    tool = project_source_rig(fake_server)
    project = f"api/projects/{tool.project}/"
    config = tool.api.get(project)["label_config"].replace(label_config.REASON_TAG, "")
    tool.api.patch(project, {"label_config": config})

    tool.push(tool.keys[:1])

    assert list(tool.taken("ada").details["data"]) == ["image"]
    assert isinstance(tool.connector, LabelStudio)
    assert any("do not see why" in words for words in tool.connector.notes())


def test_an_image_that_was_never_asked_needs_no_reason_in_its_data(
    any_tool: LabelStudioRig,
) -> None:
    rows = [{"data": {"image": "/data/local-files/?d=by-hand.png"}}]

    assert any_tool.api.post(f"api/projects/{any_tool.project}/import", rows)["task_count"] == 1
