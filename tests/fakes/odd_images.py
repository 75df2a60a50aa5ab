"""A folder of pictures whose bytes are odd, and a store that takes them in; each accounted
for: in the store, in quarantine, or among what the folder left out and says so."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from daemon.config.loading import Config
from daemon.domain.faults import printable
from daemon.loop.components import open_connector
from daemon.stages.context import Context
from daemon.stages.image_intake import sync_images
from daemon.store import FILE, Store
from tests.fakes.launcher import ForkLauncher
from tests.fakes.mutations import broken
from tests.fakes.picture_parts import saved

FILES = 500  # of a round
LOOKS = 20  # within which every file has to be looked into
SIZE = (11, 13)  # height_px, width_px


def image_rounds(inputs: int, folder: Path, config: Config, seed: int) -> Iterator[list[str]]:
    """Feed so many pictures, some hundreds to a store; the names that each round dropped. Raises
    what would end a tick."""
    rng, good = random.Random(seed), good_pictures()
    for number in range(-(-inputs // FILES)):
        home = folder / f"images{number}"
        names = [f"{n:04d}.{rng.choice(list(good))}" for n in range(FILES)]
        (home / "images").mkdir(parents=True)
        (home / "masks").mkdir()
        for name in names:
            content = broken(rng, rng.choice(good[name.partition(".")[2]]))
            (home / "images" / name).write_bytes(content)
        yield _dropped(config.model_copy(update={"home": home}), names)


def good_pictures() -> dict[str, list[bytes]]:
    """Tiny pictures by suffix: grey, colour, palette, alpha, 16 bits; turned by EXIF, CMYK."""
    pixels = np.random.default_rng(3).integers(0, 255, (*SIZE, 3)).astype(np.uint8)
    picture, turned = Image.fromarray(pixels), Image.Exif()
    turned[0x0112], turned[0x010F] = 6, "a camera"
    grey = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    png = [picture, picture.convert("L"), picture.convert("P"), picture.convert("RGBA"), grey]
    return {
        "png": [saved(one, "PNG") for one in png],
        "jpg": [
            saved(picture, "JPEG"),
            saved(picture, "JPEG", exif=turned.tobytes()),
            saved(picture.convert("CMYK"), "JPEG"),
            saved(picture, "MPO", save_all=True, append_images=[picture]),
        ],
        "webp": [saved(picture, "WEBP"), saved(picture, "WEBP", exif=turned.tobytes())],
    }


def _dropped(config: Config, names: list[str]) -> list[str]:
    clock = datetime(2026, 1, 2, tzinfo=UTC)
    with Store(config.state / FILE) as store:
        for look in range(LOOKS):
            now = clock + timedelta(minutes=2 * look)
            tool = open_connector(config)
            context = Context(
                config=config,
                store=store,
                connector=tool,
                launcher=ForkLauncher(),
                now=lambda now=now: now,  # type: ignore[misc]
            )
            sync_images(context)
            places = {row.where for row in store.quarantined()}
            known = {image.key for image in store.images()} | {one.path for one in tool.left_out()}
            known |= {name for name in names if printable(f"image {name}") in places}
            if missing := [name for name in names if name not in known]:
                continue
            return []
    return missing
