"""What a person should know about a label config that can be used."""

from __future__ import annotations

from connectors.label_studio import LabelStudio, create_or_adopt_project
from tests.contract.rigs import CLASSES, LabelStudioRig

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
