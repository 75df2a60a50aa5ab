from __future__ import annotations

import io

import numpy as np
from PIL import Image

from daemon.audit.identical_pictures import agreement, digest_of, identical_pairs

CLASSES = ("soil", "crop", "weed")


def test_identical_pictures_are_found_across_formats_and_listed_once() -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (60, 80, 3)).astype(np.uint8)
    copies = []
    for kind in ("PNG", "BMP", "PNG"):
        out = io.BytesIO()
        Image.fromarray(picture).save(out, kind)
        copies.append(np.asarray(Image.open(out).convert("RGB")))

    digests = [digest_of(one) for one in [*copies, picture[::-1]]]

    assert list(identical_pairs(digests)) == [(0, 1), (0, 2)]


def test_the_agreement_of_two_labels_leaves_out_what_either_leaves_out() -> None:
    one, other = np.array([[0, 1, 1, 255]], np.uint8), np.array([[0, 1, 2, 1]], np.uint8)

    assert agreement(one, other, CLASSES) == {"soil": 1.0, "crop": 0.5, "weed": 0.0}
