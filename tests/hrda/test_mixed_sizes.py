"""Small images beside large ones in one pool: the same numbers, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.hrda import embed
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.inference import whole_images
from daemon.hrda.inference.streaming import predictions_of
from daemon.hrda.inference.whole_images import padded, predict_image, window_of
from daemon.hrda.network.hrda import half_scale
from daemon.hrda.network.windows import Box
from daemon.prefetch import prefetch_futures
from daemon.runs.run_folder import ImageFile
from tests.hrda.tiny import CLASSES, field, segmentor

SIZES = ((20, 30), (1200, 300), (64, 64), (1, 700), (130, 90))


@pytest.fixture
def files(tmp_path: Path) -> list[ImageFile]:
    found = []
    for number, (height, width) in enumerate(SIZES):
        image = field(np.random.default_rng(number), max(height, width))[0][:height, :width]
        Image.fromarray(image).save(tmp_path / f"{number}.png")
        found.append(ImageFile(id=number, image=tmp_path / f"{number}.png"))
    return found


def test_images_of_all_sizes_are_embedded_and_scored_in_order(files: list[ImageFile]) -> None:
    net = segmentor().eval().requires_grad_(False)

    vectors = [vector for _, vector in embed._embeddings(net, files, FileReader(files))]
    predictions = list(predictions_of(net, files, FileReader(files)))

    assert [file.id for file, _ in predictions] == [0, 1, 2, 3, 4]
    assert len(vectors) == len(SIZES)
    for (_, prediction), size, vector in zip(predictions, SIZES, vectors, strict=True):
        assert prediction.size == prediction.mask().shape == size
        assert torch.isfinite(prediction.logits).all()
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-3)


def test_a_large_image_is_shrunk_band_by_band_to_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    image = field(np.random.default_rng(0), 1100)[0][:, :900]
    mean = torch.full((1, 3, 1, 1), 111.5)
    whole = padded([image], mean)
    while max(whole.shape[2:]) > embed.MAX_SIDE_PX:
        whole = half_scale(whole)

    monkeypatch.setattr(embed, "BAND_ROWS", 256)

    assert torch.equal(embed.shrunk(image, mean), whole)


def test_a_window_is_a_part_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    image = field(np.random.default_rng(0), 150)[0]
    mean = torch.tensor([1.5, 2.25, 3.0]).view(1, 3, 1, 1)
    whole = padded([image, image], mean)

    for box in (Box(0, 0, 64, 64), Box(128, 64, 64, 128), Box(128, 128, 64, 64)):
        assert torch.equal(window_of([image, image], mean, box), box.crop(whole))


def test_the_probabilities_of_a_large_image_are_the_same_in_bands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prediction = predict_image(segmentor().eval(), field(np.random.default_rng(1), 96)[0])
    whole = prediction.probability()

    monkeypatch.setattr(whole_images, "BAND_ROWS", 10)

    assert torch.equal(prediction.probability(), whole)
    assert whole.shape == (len(CLASSES), 96, 96)


def test_large_things_are_not_read_ahead_together() -> None:
    costs = [1, 1, 50, 1, 40, 30, 1, 1, 1]
    held, most, lock = [0], [0], threading.Lock()

    def work(thing: int) -> int:
        with lock:
            held[0] += costs[thing]
            most[0] = max(most[0], held[0])
        return thing

    def taken() -> Iterator[int]:
        for thing, _ in prefetch_futures(
            work, range(len(costs)), 4, cost=lambda one: costs[one], max_cost=45
        ):
            time.sleep(0.01)
            yield thing
            with lock:
                held[0] -= costs[thing]

    assert list(taken()) == list(range(len(costs)))
    assert most[0] <= 51  # the large one alone, beside the one in hand
