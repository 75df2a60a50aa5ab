"""The parts of the probe, each by a number worked out by hand; no torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from daemon.domain.errors import RunFailed
from daemon.hrda.evaluation.iou import confusion
from daemon.hrda.probe.cell_measures import border, measures_of, regions
from daemon.hrda.probe.feature_file import FeatureFile, FeatureWriter, ImageFeatures
from daemon.hrda.probe.head_file import read_head, write_head
from daemon.hrda.probe.label_cells import confusion_of, labels_of, pixels_by_cell, pixels_of
from daemon.hrda.probe.linear_head import SAMPLED, LinearHead, draw_pairs, fit_head
from tests.fakes.colour_features import LAYOUT
from tests.hrda.plain import measures as plain

MASK = np.array([[0, 0, 1], [0, 255, 1], [2, 2, 255]], np.uint8)


def test_a_cell_counts_its_labeled_pixels() -> None:
    counts = pixels_by_cell(MASK, 2, 3)

    assert counts.tolist() == [[[3, 0, 0], [0, 2, 0]], [[0, 0, 2], [0, 0, 0]]]
    assert labels_of(counts).tolist() == [[0, 1], [2, 255]]


def test_confusion_by_cell_is_that_of_the_mask_in_pixels() -> None:
    predicted = np.array([[1, 1], [2, 0]])

    found = confusion_of(pixels_by_cell(MASK, 2, 3), predicted)

    assert found.tolist() == confusion(MASK, pixels_of(predicted, 2, MASK.shape), 3).tolist()


def test_a_head_learns_what_is_separable_and_never_predicts_what_it_has_not_seen() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 2], 200)
    cells = rng.normal(size=(400, 2)).astype(np.float32) + 6 * labels[:, None]

    head, iterations = fit_head(cells, labels, classes=3)

    assert iterations > 1
    assert (head.logits(cells).argmax(axis=1) == labels).mean() > 0.99
    assert head.logits(cells)[:, 1].max() < head.logits(cells)[:, [0, 2]].min()


def test_the_sample_holds_more_of_a_rare_class_than_its_share_and_depends_on_the_seed() -> None:
    pixels = np.array([[64, 0]] * 99 + [[0, 64]])  # 1 % of the pixels are class 1

    first, again, other = (draw_pairs(pixels, np.random.default_rng(seed)) for seed in (0, 0, 1))

    assert 0.05 < (first[1] == 1).mean() < 0.5
    assert (first[0][first[1] == 1] == 99).all()
    assert len(first[0]) == SAMPLED
    assert np.array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])


def test_labels_without_a_pixel_cannot_be_sampled() -> None:
    with pytest.raises(ValueError, match="at least one labeled pixel"):
        draw_pairs(np.zeros((4, 2), np.int64), np.random.default_rng(0))


def test_measures_of_a_sure_and_of_an_unsure_image() -> None:
    cells = np.ones((4, 5, 2), np.float32)
    sure, unsure = np.zeros((4, 5, 3), np.float32), np.zeros((4, 5, 3), np.float32)
    sure[..., 1] = 50

    measured, vague = measures_of(sure, cells, 1.0), measures_of(unsure, cells, 1.0)

    assert measured["uncertainty"] == pytest.approx(0, abs=1e-6)
    assert vague["uncertainty"] == vague["margin"] == pytest.approx(1)
    assert vague["least_confidence"] == pytest.approx(1)
    assert vague["foreground_uncertainty"] == 0  # of equal classes the first: all background
    assert list(measured["class_share"]) == [0, 1, 0]  # type: ignore[call-overload]
    np.testing.assert_allclose(measured["foreground_embeddings"], [0.5**0.5] * 2, rtol=1e-6)
    assert not np.any(vague["foreground_embeddings"])
    np.testing.assert_allclose(vague["gradients"], np.repeat([-2 / 3, 1 / 3, 1 / 3], 2), rtol=1e-5)


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_measures_agree_with_their_slow_definitions(classes: int) -> None:
    rng = np.random.default_rng(classes)
    coarse = rng.normal(size=(classes, 3, 4)).repeat(4, axis=1).repeat(3, axis=2) * 3
    logits = (coarse + rng.normal(size=coarse.shape)).astype(np.float32)
    cells = rng.normal(size=(12, 12, 64)).astype(np.float32)

    found = measures_of(np.moveaxis(logits, 0, -1), cells, 1.7)

    p, label = plain.softmax(logits, 1.7), plain.labels(logits)
    maps = np.moveaxis(cells, -1, 0)
    expected = {
        "uncertainty": plain.uncertainty(p),
        "margin": plain.margin(p),
        "least_confidence": plain.least_confidence(p),
        "class_share": plain.class_share(label, classes),
        "foreground_uncertainty": plain.foreground_uncertainty(p, label),
        "class_uncertainty": plain.class_uncertainty(p, label),
        "objects": plain.objects(label, classes),
        "border": plain.border(label),
        "foreground_embeddings": plain.foreground_embedding([maps], label != 0),
        "gradients": plain.gradient(p, maps),
    }
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-5, err_msg=name)


def test_regions_and_borders_are_of_cells_that_share_an_edge() -> None:
    label = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 0]])

    assert regions(label, 3).tolist() == [1, 2, 0]
    assert border(label) == pytest.approx(6 / 9)


def test_a_head_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pth"
    head = LinearHead(
        weights=np.ones((2, 3), np.float32), bias=np.zeros(3, np.float32), temperature=1.5
    )

    write_head(path, head, ("soil", "crop", "weed"))

    found, classes = read_head(path)
    assert classes == ("soil", "crop", "weed")
    assert found.temperature == 1.5
    assert found.weights.tolist() == head.weights.tolist()
    path.write_bytes(b"PK no archive")
    with pytest.raises(RunFailed, match="cannot be read as the head of a probe"):
        read_head(path)


def test_features_of_another_origin_are_written_anew(tmp_path: Path) -> None:
    image = ImageFeatures(
        cells=np.ones((1, 2, 3), np.float16), size=(8, 16), cell_px=8, embedding=np.ones(48)
    )
    for origin in ("0" * 64, "1" * 64):
        layout = type(LAYOUT)(origin=origin, channels=3, embedding=48)
        writer = FeatureWriter(tmp_path, layout)
        assert writer.done == set()
        with writer.appending():
            writer.add("a" * 64, image)
        assert FeatureWriter(tmp_path, layout).done == {"a" * 64}

    with pytest.raises(RunFailed, match="holds no finished features"):
        FeatureFile(tmp_path)  # it has no result.json yet


def test_the_process_of_the_probe_loads_neither_torch_nor_scikit_learn() -> None:
    code = (
        "import sys, daemon.hrda.probe.probe_runs; print({'torch', 'sklearn'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
