"""The probabilities that an audit compares."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from daemon.audit.label_audit import step_of
from daemon.hrda.audit import probability_of
from daemon.hrda.inference import whole_images
from daemon.hrda.inference.whole_images import ImagePrediction


@pytest.mark.parametrize("most_pixels", [10_000, 700, 100])
def test_a_large_image_is_compared_at_every_nth_pixel(
    monkeypatch: pytest.MonkeyPatch, most_pixels: int
) -> None:
    monkeypatch.setattr("daemon.audit.label_audit.MAX_PIXELS", most_pixels)
    monkeypatch.setattr(whole_images, "BAND_PX", 1500)  # several bands
    logits = torch.randn(3, 13, 9, generator=torch.Generator().manual_seed(0))
    prediction = ImagePrediction(logits=logits, size=(50, 35), embedding=np.zeros(1, np.float32))
    step = step_of(prediction.size)

    found = probability_of(prediction)

    whole = prediction.probability().numpy()
    assert np.allclose(found, whole[:, ::step, ::step], atol=1e-6)
    assert found.sum(axis=0) == pytest.approx(1, abs=1e-5)
