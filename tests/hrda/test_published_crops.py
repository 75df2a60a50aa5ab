"""Crops as published, and where pseudo-labels count in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from daemon.config.learner import PRESETS, settings_of
from daemon.domain import Mask
from daemon.hrda.data.crops import Crops
from daemon.hrda.data.random_crop import training_crop
from daemon.runs.run_folder import TrainRequest
from tests.hrda.tiny import CHANGES, tiny, unlabeled, write_field


def test_redrawn_crops_hold_enough_of_the_class_where_they_can(tmp_path: Path) -> None:
    files = write_field(tmp_path / "field", 3, side=192)
    changes = {**CHANGES, "rare_class": 1.0, "rare_crops": "redrawn", "rare_pixels": 100}
    request = TrainRequest(labeled=tuple(files), unlabeled=unlabeled(files), seed=0,
                           classes=("soil", "crop", "weed"))  # fmt: skip
    crops = Crops(request, tiny(**changes), torch.device("cpu"))
    anywhere = Crops(request, tiny(**{**changes, "rare_crop_ratio": 0.0}), torch.device("cpu"))

    def held(source: Crops) -> list[int]:
        draws = [source.sampler.labeled(at) for at in range(40)]
        found = [source._labeled(at).mask == draw.required_class for at, draw in enumerate(draws)]
        return [int(mask.sum()) for mask in found]

    assert sum(pixels > 200 for pixels in held(crops)) > 30  # eleven tries each
    assert np.mean(held(crops)) > np.mean(held(anywhere))


def test_a_whole_image_fits_into_its_crop_and_its_padding_may_count(tmp_path: Path) -> None:
    files = write_field(tmp_path / "field", 2, side=96)
    request = TrainRequest(labeled=tuple(files), unlabeled=unlabeled(files), seed=0,
                           classes=("soil", "crop", "weed"))  # fmt: skip
    fitting = {**CHANGES, "framing": "fit", "turns": "none"}
    margins = {**fitting, "pseudo_margins_px": (24, 0, 0, 48)}

    whole = Crops(request, tiny(**fitting), torch.device("cpu")).minibatch(0)
    inner = Crops(request, tiny(**margins), torch.device("cpu")).minibatch(0)

    assert bool(whole.valid.all())
    assert inner.valid[0, 16:, :32].all()
    assert not inner.valid[0, :16].any()
    assert not inner.valid[0, :, 32:].any()


def test_padding_gets_pseudo_labels_only_where_the_setting_says_so(tmp_path: Path) -> None:
    files = write_field(tmp_path / "field", 2, side=40)
    request = TrainRequest(labeled=tuple(files), unlabeled=unlabeled(files), seed=0,
                           classes=("soil", "crop", "weed"))  # fmt: skip
    narrow = {**CHANGES, "scale_low": 1.0, "scale_high": 1.0}

    masked = Crops(request, tiny(**narrow), torch.device("cpu")).minibatch(0)
    padded = Crops(request, tiny(**narrow, mask_padding=False), torch.device("cpu")).minibatch(0)

    assert int(masked.valid[0].sum()) == 40 * 40
    assert bool(padded.valid.all())


def test_crops_turn_as_the_setting_says() -> None:
    mask = np.arange(16, dtype=np.uint8).reshape(4, 4)
    image = np.repeat(mask[:, :, None], 3, axis=2)

    def symmetries(turns: str) -> set[bytes]:
        rngs = (np.random.default_rng(seed) for seed in range(60))
        scales = (1.0, 1.0)
        return {training_crop(image, mask, 4, scales, None, r, turns).mask.tobytes() for r in rngs}

    assert symmetries("none") == {mask.tobytes()}
    assert symmetries("mirror") == {mask.tobytes(), mask[:, ::-1].tobytes()}
    assert len(symmetries("square")) == 8


def plain_varied_crop(mask: Mask, side: int, most: float, rng: np.random.Generator) -> Mask:
    """The published crop in plain loops: drawn again, up to ten times, while one class fills it."""

    def drawn() -> Mask:
        y = int(rng.integers(mask.shape[0] - side + 1))
        x = int(rng.integers(mask.shape[1] - side + 1))
        return mask[y : y + side, x : x + side]

    rng.uniform(0, 0)  # the scale
    crop = drawn()
    for _ in range(10):
        pixels: dict[int, int] = {}
        for line in crop.tolist():
            for value in line:
                if value != 255:
                    pixels[value] = pixels.get(value, 0) + 1
        if len(pixels) > 1 and max(pixels.values()) / sum(pixels.values()) < most:
            break
        crop = drawn()
    return crop


def test_a_crop_that_one_class_fills_is_drawn_again_as_in_plain_loops() -> None:
    rng = np.random.default_rng(0)
    mask = np.zeros((60, 80), np.uint8)
    mask[40:, 50:], mask[:20, :12], mask[30:, :20] = 1, 2, 255
    image = rng.integers(0, 255, (60, 80, 3)).astype(np.uint8)
    turned_off = varied = 0

    for seed in range(60):
        for most in (0.3, 0.75, 0.9):
            expected = plain_varied_crop(mask, 16, most, np.random.default_rng(seed))
            crop = training_crop(image, mask, 16, (1.0, 1.0), None, np.random.default_rng(seed),
                                 "none", largest_class_share=most)  # fmt: skip
            assert np.array_equal(crop.mask, expected)
        off = training_crop(image, mask, 16, (1.0, 1.0), None, np.random.default_rng(seed), "none")
        varied += len(np.unique(crop.mask[crop.mask != 255])) > 1
        turned_off += len(np.unique(off.mask[off.mask != 255])) > 1

    assert varied > 50
    assert turned_off < 30


def test_only_the_paper_draws_crops_again_that_one_class_fills() -> None:
    shares = {name: settings_of({"preset": name}).largest_class_share for name in PRESETS}

    assert shares == {"cpu": 1.0, "gpu": 1.0, "supervisely": 1.0, "paper": 0.75}


def test_crops_of_the_pool_have_no_labels_to_be_drawn_again_for(tmp_path: Path) -> None:
    files = write_field(tmp_path / "field", 2, side=192)
    request = TrainRequest(labeled=tuple(files), unlabeled=unlabeled(files), seed=0,
                           classes=("soil", "crop", "weed"))  # fmt: skip
    never = Crops(request, tiny(rare_class=0.0), torch.device("cpu")).minibatch(0)
    often = Crops(
        request, tiny(rare_class=0.0, largest_class_share=0.6), torch.device("cpu")
    ).minibatch(0)

    assert torch.equal(never.unlabeled, often.unlabeled)
    assert not torch.equal(never.image, often.image)
