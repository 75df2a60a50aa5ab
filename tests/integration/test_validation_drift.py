"""A pool that grows after the validation draw is compared with validation, in a whole loop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from daemon.diagnostics.notes import notes
from tests.fakes.status_json import status_json
from tests.integration.figures import look_again
from tests.integration.workbench import configured, run_out, ticker


def add(home: Path, name: str, colour: tuple[int, int, int], images: int) -> None:
    """Images around a colour, with masks."""
    rng = np.random.default_rng(images + sum(colour))
    for folder in ("images", "masks"):
        (home / folder).mkdir(exist_ok=True, parents=True)
    for number in range(images):
        pixels = np.clip(np.array(colour) + rng.integers(-25, 25, 3), 0, 255).astype(np.uint8)
        picture = np.tile(pixels, (16, 16, 1))
        picture[:8] = picture[:8] // 2
        Image.fromarray(picture).save(home / f"images/{name}{number:02}.png")
        mask = np.zeros((16, 16), np.uint8)
        mask[:8] = 1
        Image.fromarray(mask).save(home / f"masks/{name}{number:02}.png")


def test_images_of_another_field_are_reported_as_validation_drift(tmp_path: Path) -> None:
    add(tmp_path, "brown", (150, 110, 60), images=34)
    config = configured(
        tmp_path,
        validation={"min_images": 6, "max_images": 6},
        selection={"duplicate_similarity": 1.0},
        loop={"batch_images": 4, "seed_images": 4, "budget_labels": 22},
    )
    run_out(ticker(config, cycle_limit=1))
    before = status_json(config)
    assert before["redundancy"]["images"] == 34
    assert before["validation_drift"] is None
    assert not [note for note in notes(config) if "drift" in note]

    add(tmp_path, "green", (40, 160, 70), images=24)
    look_again(config)
    run_out(ticker(config))

    found = status_json(config)["validation_drift"]
    assert found["added"] == 24
    assert found["drifted"]
    assert found["far"] > 0.5
    assert [note for note in notes(config) if note.startswith("validation drift: ")]
    events = [event["message"] for event in status_json(config)["events"]]
    assert sum("validation drift: " in words for words in events) == 1
