"""Crops that follow the images."""

from __future__ import annotations

import pytest

from daemon.hrda.data.crop_size import with_crops_by_images
from tests.hrda.tiny import tiny

GPU = {"preset": "gpu", "context_px": 640, "detail_px": 320, "detail_window_px": 320}


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(384, 384)] * 3, (384, 192)),
        ([(300, 400), (500, 200), (4000, 3000)], (512, 256)),
        ([(640, 480)], (640, 320)),
        ([(4000, 3000)], (640, 320)),
        ([(20, 30)], (128, 64)),
        ([(385, 385)], (448, 224)),
    ],
)
def test_a_crop_is_no_larger_than_the_median_image(
    sizes: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    found = with_crops_by_images(tiny(**GPU, window_px=1280), sizes)

    assert (found.context_px, found.detail_px) == expected


def test_crops_stay_as_they_are_set_where_nobody_asked() -> None:
    settings = tiny(**GPU, window_px=1280, crops_by_images=False)

    assert with_crops_by_images(settings, [(100, 100)]) is settings
