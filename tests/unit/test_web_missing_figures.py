"""Where a figure is missing, the page says why."""

from __future__ import annotations

import re

from daemon.web.app import create_app
from tests.fakes.statuses import status


def text_of(html: str) -> str:
    """What a reader sees of it, blanks joined."""
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def test_the_page_says_why_a_figure_is_missing() -> None:
    found = status(4)
    found["evaluations"][-1] |= {
        "miou": None,
        "miou_interval": None,
        "interval_words": "no interval",
        "remarks": ["the masks hold one class only"],
        "test_miou": None,
        "test_remarks": ["not measured: 1 of 4 test images cannot be used"],
        "missing": {"iou.soil": {"why": "class_absent", "words": "no mask holds 'soil'"}},
    }

    page = create_app(lambda: found).test_client().get("/").text

    shown = text_of(page)
    assert "\N{EN DASH} mIoU the masks hold one class only" in shown
    assert "Test images: not measured: 1 of 4 test images cannot be used" in shown
    assert "no mask holds &#39;soil&#39;" in page
