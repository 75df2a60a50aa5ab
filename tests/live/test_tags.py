"""A team's own project, drawn with brush and shapes: what is shown, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from connectors.masks.regions import BRUSH, Control, decode, encode
from daemon.demo.label_studio_server import LabelStudioServer
from tests.contract.rigs import CLASSES, SIZE, LabelStudioRig, Server, folder_source_rig
from tests.live.live_server import MakeUser

pytestmark = pytest.mark.live

TAGS = ("PolygonLabels", "BrushLabels", "RectangleLabels", "EllipseLabels")
CONTROL = Control(from_name="BrushLabels", to_name="image", type=BRUSH)
ROW, COLUMN = 100 / SIZE[0], 100 / SIZE[1]  # in percent


@pytest.fixture
def tool(label_studio: LabelStudioServer, annotator: MakeUser) -> Iterator[LabelStudioRig]:
    files = Path(label_studio.folder) / "files"
    token = label_studio.credentials.token
    labels = "".join(f'<Label value="{name}"/>' for name in CLASSES.drawn)
    drawing = "".join(f'<{tag} name="{tag}" toName="image">{labels}</{tag}>' for tag in TAGS)
    config = f'<View><Image name="image" value="$image"/>{drawing}</View>'
    with Server(label_studio.url, token, files, annotator) as server:
        made = folder_source_rig(server)
        made.api.patch(f"api/projects/{made.project}/", {"label_config": config})
        yield made


def test_brush_masks_are_shown_and_shapes_over_them_are_read(tool: LabelStudioRig) -> None:
    assert [fault for fault in tool.connector.check() if "config" in fault.where] == []
    key = tool.keys[0]
    tool.push([key])

    question = tool.taken("ada")
    seen = decode(question.result, CLASSES, CONTROL, SIZE, "prediction")
    drawn = {
        "PolygonLabels": {
            "points": [[COLUMN, ROW], [4 * COLUMN, ROW], [4 * COLUMN, 3 * ROW], [COLUMN, 3 * ROW]]
        },
        "RectangleLabels": {"x": 6 * COLUMN, "y": ROW, "width": 2 * COLUMN, "height": ROW},
        "EllipseLabels": {"x": 75, "y": 75, "radiusX": 4 * COLUMN, "radiusY": 3 * ROW},
    }
    whole = encode(np.ones(SIZE, np.uint8), CLASSES, CONTROL, {})[0] | {"origin": "manual"}
    shapes = [
        {
            **whole,
            "id": tag,
            "type": tag.lower(),
            "from_name": tag,
            "value": {**value, tag.lower(): ["weed"]},
        }
        for tag, value in drawn.items()
    ]
    tool.person("ada").submit(question, tool.project, [whole, *shapes])
    changes = tool.connector.changes(None, tool.sizes)

    assert np.array_equal(seen.mask, tool.truth[key])
    assert {region["type"] for region in question.result} == {BRUSH}
    assert changes.faults == ()
    (answer,) = changes.annotations
    assert set(np.unique(answer.mask)) == {1, 2}
    assert (answer.mask[1:3, 1:4] == 2).all()
    assert (answer.mask[1, 6:8] == 2).all()
    assert answer.mask[9, 12] == 2
    assert np.count_nonzero(answer.mask[:6] == 2) == 6 + 2
    assert answer.notes[0].endswith("the region on top has them")
