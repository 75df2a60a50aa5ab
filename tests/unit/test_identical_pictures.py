from __future__ import annotations

import io

import numpy as np
from PIL import Image

from daemon.audit.identical_pictures import agreement, fingerprint, identical_pairs, near_pairs

CLASSES = ("soil", "crop", "weed")


def test_identical_pictures_are_found_across_formats_and_listed_once() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    copies = []
    for kind in ("PNG", "BMP", "PNG"):
        out = io.BytesIO()
        Image.fromarray(picture).save(out, kind)
        copies.append(np.asarray(Image.open(out).convert("RGB")))
    smooth = np.asarray(Image.fromarray(picture).resize((20, 20)).resize((80, 60)))
    brighter = (smooth * 0.97).astype(np.uint8)

    prints = [fingerprint(one) for one in copies]

    assert list(identical_pairs(prints)) == [(0, 1), (0, 2)]
    assert list(near_pairs([fingerprint(smooth), fingerprint(brighter)])) == [(0, 1)]
    assert list(near_pairs([fingerprint(picture), fingerprint(smooth)])) == []


def test_the_agreement_of_two_labels_leaves_out_what_either_leaves_out() -> None:
    one, other = np.array([[0, 1, 1, 255]], np.uint8), np.array([[0, 1, 2, 1]], np.uint8)

    assert agreement(one, other, CLASSES) == {"soil": 1.0, "crop": 0.5, "weed": 0.0}
