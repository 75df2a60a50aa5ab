"""Where a figure is missing, the page says why."""

from __future__ import annotations

import re
from dataclasses import replace

from daemon.domain import Evaluation, Missing, Why
from daemon.web.app import create_app
from tests.fakes.statuses import curve_point, of_points, status


def text_of(html: str) -> str:
    """What a reader sees of it, blanks joined."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_page_says_why_a_figure_is_missing() -> None:
    one_class = Missing(why=Why.ONE_CLASS, classes=("soil",))
    test_files = Missing(why=Why.TEST_FILES, count=1, needed=4, detail="t1.png")
    unmeasured = Evaluation(
        images=16,
        miou=None,
        iou={"soil": None, "crop": 0.9, "weed": None},
        missing={
            "miou": one_class,
            "miou_interval": one_class,
            "iou.soil": Missing(why=Why.CLASS_ABSENT, classes=("soil",)),
        },
    )
    newest = replace(curve_point(3), validation=unmeasured, test=Evaluation.absent(test_files))
    found = status(4, **of_points([*map(curve_point, range(3)), newest]))

    page = create_app(lambda: found).test_client().get("/").text

    shown = text_of(page)
    assert "\N{EN DASH} mIoU the masks hold one class only" in shown
    assert "Test images: not measured: 1 of 4 test images cannot be used" in shown
    assert "no mask of these images holds &#39;soil&#39;" in page
