"""Labels as files of CVAT, Datumaro and YOLO: read back, any mask is the same."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from daemon.datasets.export.exported_label import ExportedLabel
from daemon.datasets.export.format_losses import Loss
from daemon.datasets.export.label_formats import FORMATS
from daemon.datasets.formats.bridged_outlines import outlines
from daemon.datasets.recognition import recognize
from daemon.datasets.samples import Trust
from daemon.datasets.source_tree import list_tree
from daemon.domain import Image
from daemon.domain.errors import DatasetRefused
from tests.fakes.dataset_sources import picture, ring
from tests.fakes.labeled_store import CLASSES

SUBSETS = ("cvat", "datumaro", "yolo")
# All classes, and pixels without a label: holes, touching objects, single pixels, lines.
MASKS = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, max_side=12),
    elements=st.sampled_from([0, 0, 1, 1, 2, 255]),
)


def written(form: str, root: Path, masks: dict[str, np.ndarray]) -> Counter[Loss]:
    """A folder of the format with these labels of the list train and their images."""
    root.mkdir()
    with FORMATS[form](root, CLASSES) as files:
        for number, (name, mask) in enumerate(masks.items(), start=1):
            image = Image(
                id=number, key=name, name=f"{name}.png", uri=name, path=root, sha256="",
                height_px=mask.shape[0], width_px=mask.shape[1],
            )  # fmt: skip
            label = ExportedLabel(image=image, name=name, file=f"{name}.png", png=b"", mask=mask)
            files.write(label)
            picture(files.image_folder(label) / label.file, mask.shape)
        files.finish()
        return files.losses


@pytest.mark.parametrize("form", SUBSETS)
@given(mask=MASKS)
@example(mask=ring())
@example(mask=np.eye(9, dtype=np.uint8))
@example(mask=np.full((3, 4), 255, np.uint8))
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_mask_comes_back_and_what_does_not_is_counted(
    form: str, mask: np.ndarray, tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)

    losses = written(form, tmp_path / "out", {"a": mask})
    if form == "yolo" and not mask.any():
        with pytest.raises(DatasetRefused):  # no line in any file: nothing says that it is YOLO
            recognize(list_tree(tmp_path / "out"), Trust())
        return
    source = recognize(list_tree(tmp_path / "out"), Trust())

    sample, values = source.samples[0], np.zeros(256, np.uint8)
    for value, name in enumerate((*CLASSES[1:], "no label"), start=1):
        if name in source.classes:
            values[source.classes.index(name)] = 255 if name == "no label" else value
    assert losses[Loss.NO_LABEL_CLASS] == (mask == 255).sum()
    assert ("no label" in source.classes) == (255 in mask)
    assert losses[Loss.NO_OBJECT] == (sample.labels is None) == (not mask.any())
    if sample.labels is not None:
        assert np.array_equal(values[sample.labels(mask.shape).values], mask)


HOLES = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20))


@given(inside=HOLES, share=st.sampled_from([1, 2]))
@settings(max_examples=200, deadline=None)
def test_outlines_joined_to_their_holes_hold_exactly_their_regions(
    inside: np.ndarray, share: int
) -> None:
    inside = np.kron(inside, np.ones((share, share))) > 0
    found = np.zeros(inside.shape, np.uint8)
    _, regions = ndimage.label(inside, np.ones((3, 3)))

    rings = list(outlines(inside))

    for corners in rings:
        filled = np.zeros_like(found)
        cv2.fillPoly(filled, [corners.astype(np.int32)], 1)
        found += filled  # so that one on another shows
    assert len(rings) == regions
    assert all(len(corners) >= 3 for corners in rings)
    assert np.array_equal(found, inside)


def test_a_large_image_with_thousands_of_holes_comes_back_from_yolo(tmp_path: Path) -> None:
    mask = np.ones((203, 4096), np.uint8)
    mask[1::7, 1::9] = 0
    mask[98, :] = 2

    written("yolo", tmp_path / "out", {"a": mask})

    source = recognize(list_tree(tmp_path / "out"), Trust())
    sample = source.samples[0]
    assert sample.labels is not None
    assert np.array_equal(sample.labels(mask.shape).values, mask)
    assert len((tmp_path / "out/labels/train/a.txt").read_text().splitlines()) == 3
