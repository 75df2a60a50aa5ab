"""Which region lies on top where two overlap: what Label Studio draws, and what we read.

Every pair of mask tags is drawn once in each order, the first region as crop, the second as weed.
Label Studio paints three layers: brush, then shapes, then bitmask. Within one layer its order is
no rule: Chromium shows the first region on top while nothing is selected (it sorts by a comparison
that never says "equal"), and whichever is selected on top of the others.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Picture
from selenium.webdriver import Chrome

from connectors.label_studio import label_config
from connectors.masks import bitmask, brush_rle
from connectors.masks.regions import BITMASK, BRUSH, SHAPES, decode
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.domain import ClassSet, Fault
from tests.browser.drawing_page import DrawingPage
from tests.contract.rigs import LabelStudioRig, Server, folder_source_rig
from tests.live.live_server import MakeUser

pytestmark = [pytest.mark.live, pytest.mark.browser]

CLASSES = ClassSet(names=("soil", "crop", "weed"))
CROP, WEED = 1, 2
LAYERS = {BRUSH: 0, **dict.fromkeys(SHAPES, 1), BITMASK: 2}
TAGS = {tag_type: tag for tag, tag_type in label_config.TYPES.items()}
PAIRS = list(itertools.product(TAGS, TAGS))
CELL = 48
SIDE = CELL * len(TAGS)
SIZE = (SIDE, SIDE)
GREEN = (0, 200, 0)
PATIENCE_S = 30.0
_LABELS = '<Label value="crop" background="#ff0000"/><Label value="weed" background="#0000ff"/>'
CONFIG = (
    '<View><Image name="image" value="$image"/>'
    + "".join(
        f'<{tag} name="{tag_type}" toName="image" fillOpacity="1">{_LABELS}</{tag}>'
        for tag_type, tag in TAGS.items()
    )
    + "</View>"
)


@pytest.fixture
def tool(label_studio: LabelStudioServer, annotator: MakeUser) -> Iterator[LabelStudioRig]:
    files = Path(label_studio.folder) / "files"
    with Server(label_studio.url, label_studio.credentials.token, files, annotator) as server:
        made = folder_source_rig(server, SIZE, CLASSES)
        assert made.source is not None
        for name in made.keys:
            Picture.new("RGB", (SIDE, SIDE), GREEN).save(made.source.root / name)
        made.api.patch(f"api/projects/{made.project}/", {"label_config": CONFIG})
        yield made


@pytest.mark.long
def test_layers_are_read_as_label_studio_draws_them(
    label_studio: LabelStudioServer, tool: LabelStudioRig, browser: Chrome
) -> None:
    result = [region for cell, pair in enumerate(PAIRS) for region in _two(cell, pair)]
    (ask,) = tool.push(tool.keys[:1])
    tool.api.post(f"api/tasks/{ask.task}/annotations/", {"result": result, "lead_time": 1})
    page = DrawingPage(browser, label_studio)
    page.sign_in()
    browser.get(f"{label_studio.url}/projects/{tool.project}/data?task={ask.task}")
    page.wait(lambda: page.regions() > 1)
    looks: list[dict[tuple[str, str], int | None]] = []

    def at_rest_now() -> bool:
        """All are painted, and nothing more comes: images of masks are decoded one by one."""
        looks.append(_seen(browser))
        return None not in looks[-1].values() and looks[-5:] == [looks[-1]] * 5

    page.wait(at_rest_now)

    at_rest = looks[-1]
    page.choose(1)  # the weed of the first pair: bitmask over bitmask
    page.wait(lambda: _seen(browser)[BITMASK, BITMASK] == WEED)
    found = label_config.parse(CONFIG)
    assert not isinstance(found, Fault)
    mask = decode(result, CLASSES, found.control, SIZE, "annotation").mask
    read = {pair: int(mask[_middle(cell)]) for cell, pair in enumerate(PAIRS)}

    across = [pair for pair in PAIRS if LAYERS[pair[0]] != LAYERS[pair[1]]]
    within = [pair for pair in PAIRS if LAYERS[pair[0]] == LAYERS[pair[1]]]
    assert {pair: read[pair] for pair in across} == {pair: at_rest[pair] for pair in across}
    assert {at_rest[pair] for pair in within} == {CROP}  # Chromium's order, which is no rule
    assert {read[pair] for pair in within} == {WEED}


def _two(cell: int, pair: tuple[str, str]) -> list[dict[str, Any]]:
    """A crop and a weed that overlap in the middle of a cell."""
    down, right = divmod(cell, len(TAGS))
    top, left = down * CELL + 8, right * CELL + 4
    return [
        _region(f"{cell} crop", pair[0], "crop", (top, left)),
        _region(f"{cell} weed", pair[1], "weed", (top, left + 12)),
    ]


def _region(name: str, tag_type: str, label: str, corner: tuple[int, int]) -> dict[str, Any]:
    (top, left), (high, wide) = corner, (32, 28)
    inside = np.zeros(SIZE, np.bool_)
    inside[top : top + high, left : left + wide] = True
    x, y, width, height = (100 * px / SIDE for px in (left, top, wide, high))
    corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
    drawn: dict[str, dict[str, Any]] = {
        BITMASK: {"imageDataURL": bitmask.encode(inside)},
        BRUSH: {"format": "rle", "rle": brush_rle.encode(inside * np.uint8(255))},
        "polygonlabels": {"points": corners, "closed": True},
        "rectanglelabels": {"x": x, "y": y, "width": width, "height": height, "rotation": 0},
        "ellipselabels": {
            "x": x + width / 2,
            "y": y + height / 2,
            "radiusX": width / 2,
            "radiusY": height / 2,
            "rotation": 0,
        },
    }
    return {
        "id": name,
        "type": tag_type,
        "from_name": tag_type,
        "to_name": "image",
        "original_width": SIDE,
        "original_height": SIDE,
        "image_rotation": 0,
        "origin": "manual",
        "value": {**drawn[tag_type], tag_type: [label]},
    }


def _middle(cell: int) -> tuple[int, int]:
    down, right = divmod(cell, len(TAGS))
    return down * CELL + CELL // 2, right * CELL + CELL // 2


def _seen(browser: Chrome) -> dict[tuple[str, str], int | None]:
    """The class on top in the middle of each cell by its colour; None where neither is seen."""
    with Picture.open(io.BytesIO(browser.get_screenshot_as_png())) as picture:
        screen = np.asarray(picture.convert("RGB")).astype(int)
    red, green, blue = screen[..., 0], screen[..., 1], screen[..., 2]
    ground = (green > 60) & (green > 2 * red) & (green > 2 * blue)
    rows, columns = (np.flatnonzero(ground.sum(axis=axis) > 100) for axis in (1, 0))
    if not rows.size or not columns.size:
        return dict.fromkeys(PAIRS, None)
    top, left = rows[0], columns[0]
    scale = (columns[-1] - left + 1) / SIDE
    seen: dict[tuple[str, str], int | None] = {}
    for cell, pair in enumerate(PAIRS):
        y, x = (
            int(start + px * scale) for start, px in zip((top, left), _middle(cell), strict=True)
        )
        r, g, b = screen[y, x]
        seen[pair] = None if max(r, b) <= g else CROP if r > b else WEED
    return seen
