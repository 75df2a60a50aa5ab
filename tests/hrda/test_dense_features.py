"""Dense features of images: what is written, that a run goes on, that bad files are left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.hrda.__main__ import main
from daemon.hrda.data.image_files import read_image
from daemon.hrda.dense_features import principal_components
from daemon.hrda.embed import embeddings
from daemon.hrda.probe.feature_file import FeatureFile
from daemon.runs.checksums import sha256_of
from daemon.runs.run_folder import FeaturesRequest, ImageFile, PredictResult, RunFolder
from daemon.runs.run_process import DONE
from tests.hrda.tiny import CHANGES, field, segmentor

SIDES = (64, 64, 72)


@pytest.fixture
def images(tmp_path: Path) -> list[ImageFile]:
    files = []
    for row, side in enumerate(SIDES):
        path = tmp_path / f"{row}.png"
        Image.fromarray(field(np.random.default_rng(row), side)[0]).save(path)
        files.append(ImageFile(id=row, image=path))
    return files


def run_of(images: list[ImageFile], folder: Path) -> RunFolder:
    run = RunFolder(folder)
    run.write_request(
        FeaturesRequest(
            images=tuple(images), device="cpu", threads=1, settings=CHANGES, channels=16
        )
    )
    return run


def test_each_image_has_cells_of_8_pixels_and_the_embedding_of_embed(
    images: list[ImageFile], tmp_path: Path
) -> None:
    run = run_of(images, tmp_path / "run")

    assert main(["features", str(run.path)]) == DONE

    found = [FeatureFile(run.path).read(sha256_of(file.image)) for file in images]
    assert [one.cells.shape for one in found] == [(8, 8, 16), (8, 8, 16), (9, 9, 16)]
    assert [(one.size, one.cell_px) for one in found] == [((side, side), 8) for side in SIDES]
    assert all(np.isfinite(one.cells).all() for one in found)
    assert found[0].cells.std() > 0.1
    expected = embeddings(segmentor().eval(), [read_image(images[0])])[0]
    np.testing.assert_allclose(found[0].embedding, expected, atol=1e-3)


def test_a_run_that_was_killed_goes_on_with_the_same_result(
    images: list[ImageFile], tmp_path: Path
) -> None:
    run = run_of(images, tmp_path / "run")
    assert main(["features", str(run.path)]) == DONE
    before = [np.array(FeatureFile(run.path).read(sha256_of(one.image)).cells) for one in images]
    index, cells = run.path / "index.bin", run.path / "cells.npy"
    index.write_bytes(index.read_bytes()[: -index.stat().st_size // 2])  # in the second row
    kept = index.stat().st_size
    run.result_file.unlink()

    assert main(["features", str(run.path)]) == DONE

    assert index.stat().st_size > kept
    assert cells.stat().st_size == 128 + 2 * sum(one.size for one in before)  # none is there twice
    for file, whole in zip(images, before, strict=True):
        found = FeatureFile(run.path).read(sha256_of(file.image)).cells
        np.testing.assert_allclose(found.astype(float), whole.astype(float), atol=0.02)


def test_a_file_that_cannot_be_read_is_left_out_and_named(
    images: list[ImageFile], tmp_path: Path
) -> None:
    images[1].image.write_bytes(b"no picture")
    missing = ImageFile(id=7, image=tmp_path / "gone.png")
    run = run_of([*images, missing], tmp_path / "run")

    assert main(["features", str(run.path)]) == DONE

    result = run.read_result(PredictResult)
    assert {fault.id for fault in result.faults} == {1, 7}
    assert result.images == 2


def test_the_components_of_a_sample_have_variance_1_and_are_uncorrelated() -> None:
    rng = np.random.default_rng(0)
    sample = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6)) + 3

    mean, weights = principal_components(sample, (2, 4), 3)

    reduced = (sample - mean) @ weights
    np.testing.assert_allclose(np.cov(reduced.T, bias=True), np.eye(3), atol=1e-4)


def test_more_components_than_the_sample_has_are_zero() -> None:
    sample = np.array([[0.0, 1.0], [2.0, 5.0]])  # two cells: one direction

    _, weights = principal_components(sample, (1, 1), 4)

    assert np.any(weights != 0, axis=0).tolist() == [True, False, False, False]
