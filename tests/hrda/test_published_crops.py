"""Crops as published, and where pseudo-labels count in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from daemon.hrda.data.crops import Crops
from daemon.hrda.data.random_crop import training_crop
from daemon.runs.folder import TrainRequest
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
