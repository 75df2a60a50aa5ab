"""What the trainer sees is what people see: our reader against chromium, pixel by pixel."""

from __future__ import annotations

import base64
from collections.abc import Mapping

import numpy as np
import pytest
from selenium.webdriver import Chrome

from daemon import pixels
from daemon.domain.errors import ImageRefused
from tests.fakes.odd_pictures import (
    all_shown,
    animations,
    colours,
    densities,
    exifs,
    loose,
    modes,
    orientations,
)
from tests.fakes.picture_parts import Array, picture, saved

pytestmark = pytest.mark.browser

TOLERANCE = 1  # of 255: chromium and lcms round a profile's colours differently
LOOSE = 24  # AVIF with transparency or several frames: chromium mistakes its range for video's
SHOW = """
const [content, done] = arguments;
const image = new Image();
image.onload = () => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
  const context = canvas.getContext("2d", {willReadFrequently: true});
  context.fillStyle = "white";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(image, 0, 0);
  const values = context.getImageData(0, 0, canvas.width, canvas.height).data;
  let text = "";
  for (const value of values) text += String.fromCharCode(value);
  done([canvas.height, canvas.width, btoa(text)]);
};
image.onerror = () => done(null);
image.src = "data:image/png;base64," + content;
"""


def shown(browser: Chrome, content: bytes) -> Array | None:
    """(H, W, 3) as the browser shows it over white; None where it shows nothing."""
    answer = browser.execute_async_script(SHOW, base64.b64encode(content).decode())
    if answer is None:
        return None
    height, width, text = answer
    values = np.frombuffer(base64.b64decode(text), np.uint8)
    return values.reshape(height, width, 4)[..., :3]


def read(content: bytes) -> Array | None:
    """The same by our reader; None where it refuses."""
    try:
        return pixels.read_picture(content)
    except ImageRefused:
        return None


def differences(browser: Chrome, contents: Mapping[str, bytes], most: int) -> list[str]:
    found = []
    for name, content in contents.items():
        theirs, ours = shown(browser, content), read(content)
        if ours is None or theirs is None:
            if (ours is None) != (theirs is None):
                found.append(f"{name}: read {ours is not None}, shown {theirs is not None}")
        elif ours.shape != theirs.shape:
            found.append(f"{name}: read as {ours.shape}, shown as {theirs.shape}")
        elif (worst := int(np.abs(ours.astype(int) - theirs).max())) > most:
            found.append(f"{name}: differs by {worst}")
    return found


@pytest.mark.parametrize("kinds", [orientations, exifs, modes, colours, animations])
def test_a_picture_is_read_as_chromium_shows_it(browser: Chrome, kinds: object) -> None:
    assert callable(kinds)
    contents = dict(kinds())

    assert len(contents) >= 6
    assert differences(browser, contents, TOLERANCE) == []


def test_avif_that_chromium_paints_by_other_arithmetic_differs_little(browser: Chrome) -> None:
    assert differences(browser, loose(), LOOSE) == []


def test_a_picture_that_a_browser_lays_out_at_another_size_is_refused(browser: Chrome) -> None:
    for name, content in densities():
        theirs = shown(browser, content)
        assert theirs is not None
        if theirs.shape == (24, 40, 3):
            assert read(content) is not None, name
        else:
            with pytest.raises(ImageRefused, match="EXIF makes a browser show"):
                pixels.read_picture(content)


def test_chromium_shows_every_kind_that_we_take_for_shown(browser: Chrome) -> None:
    for kind in pixels.Kind:
        assert (shown(browser, saved(picture(), kind.value)) is not None) is kind.shown_in_browser


def test_the_pictures_are_many() -> None:
    assert len(all_shown()) > 250
