"""The prior maps of a predict run: what clicks know of an image before the first of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from daemon.clicks.click import PriorMap
from daemon.domain.errors import MaskRefused
from daemon.hrda.__main__ import main
from daemon.hrda.inference import whole_images
from daemon.hrda.inference.object_prior import prior_of
from daemon.hrda.inference.whole_images import ImagePrediction, predict_image
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.runs.prior_maps import PRIOR_STRIDE, prior_file, read_prior, write_prior
from daemon.runs.run_folder import ImageFile, PredictRequest, RunFolder
from daemon.runs.run_process import DONE
from tests.hrda.tiny import CLASSES, field, segmentor, spread

SIZE = (50, 35)


@pytest.mark.parametrize("band_px", [10_000, 1_500])
def test_a_value_is_the_mean_of_its_square(monkeypatch: pytest.MonkeyPatch, band_px: int) -> None:
    monkeypatch.setattr(whole_images, "BAND_PX", band_px)  # one band, or several
    logits = torch.randn(3, 13, 9, generator=torch.Generator().manual_seed(0)) * 3
    prediction = ImagePrediction(logits=logits, size=SIZE, embedding=np.zeros(1, np.float32))

    prior = prior_of(prediction, temperature=1.0)

    plant = 1 - prediction.probability()[0].numpy()
    side = PRIOR_STRIDE
    slow = [
        [plant[y : y + side, x : x + side].mean() * 255 for x in range(0, SIZE[1], side)]
        for y in range(0, SIZE[0], side)
    ]
    assert prior.values.shape == (13, 9)
    assert np.abs(prior.values - np.array(slow)).max() <= 0.51


def test_a_predict_run_writes_a_prior_beside_each_mask(tmp_path: Path) -> None:
    image, _ = field(np.random.default_rng(0), 96)
    Image.fromarray(image).save(tmp_path / "a.png")
    write_checkpoint(tmp_path / "checkpoint.pth", spread(segmentor()), CLASSES)
    run = RunFolder(tmp_path / "run")
    request = PredictRequest(
        classes=CLASSES,
        device="cpu",
        threads=1,
        checkpoint=tmp_path / "checkpoint.pth",
        masks=(ImageFile(id=7, image=tmp_path / "a.png"),),
        priors=True,
        temperature=2.0,
    )
    run.write_request(request)

    assert main(["predict", str(run.path)]) == DONE

    prior = read_prior(prior_file(run, 7), (96, 96))
    assert prior.stride == PRIOR_STRIDE
    again = prior_of(predict_image(spread(segmentor()), image), temperature=2.0)
    assert np.abs(prior.values.astype(int) - again.values).max() <= 1
    assert run.mask(7).exists()


def test_a_prior_of_another_size_or_a_damaged_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "1.png"
    prior = PriorMap(values=np.arange(12, dtype=np.uint8).reshape(3, 4), stride=4)
    write_prior(path, prior)

    assert np.array_equal(read_prior(path, (9, 16)).values, prior.values)
    with pytest.raises(MaskRefused, match=r"expected 8 bits gray of \(5, 5\)"):
        read_prior(path, (20, 20))
    Image.fromarray(prior.values).save(path)
    with pytest.raises(MaskRefused, match="stride ''"):
        read_prior(path, (9, 16))
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(MaskRefused, match="delete the file"):
        read_prior(path, (9, 16))
    with pytest.raises(MaskRefused, match="FileNotFoundError"):
        read_prior(tmp_path / "2.png", (9, 16))
