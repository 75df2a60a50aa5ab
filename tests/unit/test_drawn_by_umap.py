"""Real UMAP draws small maps: it takes seconds to compile, so these tests are long."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from daemon.embedding_map import drawing
from daemon.embedding_map.drawing import draw
from daemon.embedding_map.layout import Placement, fit
from daemon.runs.map_files import MapFit, MapRequest, MapResult, read_coordinates
from daemon.runs.run_folder import RunFolder, Scores

pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("ignore")]


def clusters(images: int, seed: int) -> np.ndarray:
    """Four clusters, image by image in turn: (N, 8) of unit length."""
    rng = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((4, 8))
    made = centres[np.arange(images) % 4] + 0.2 * rng.standard_normal((images, 8))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def request(**changes: object) -> MapRequest:
    values = {"embedded": ("0000-embed",), "seed": 3, "similarity": 0.999, "chunk": 16}
    return MapRequest(**(values | {"fit_images": 60} | changes))


def asked(runs: Path, name: str, wanted: MapRequest) -> RunFolder:
    run = RunFolder(runs / name)
    run.write_request(wanted)
    return run


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name, first, count in (("0000-embed", 1, 100), ("0001-embed", 100, 30)):
        (tmp_path / name).mkdir()
        ids = np.arange(first, first + count)
        RunFolder(tmp_path / name).write_scores(
            Scores(ids=ids, embeddings=clusters(count, seed=first))
        )
    return tmp_path


def test_a_model_made_from_stored_arrays_places_as_the_fitted_one() -> None:
    import umap

    wanted, old, new = request(), clusters(60, 0), clusters(20, 1)
    fitted = umap.UMAP(
        n_neighbors=15, min_dist=0.1, random_state=3, transform_seed=3, n_jobs=1, init="pca"
    ).fit(old)

    positions = fit(old, wanted)
    placed = Placement(
        MapFit(ids=np.arange(60), embeddings=old, positions=positions), wanted
    ).place(new)

    assert np.array_equal(positions, fitted.embedding_)
    assert np.array_equal(placed, fitted.transform(new))


def test_new_images_are_placed_and_the_old_ones_stay(runs: Path) -> None:
    first = asked(runs, "0000-map", request())
    draw(first)
    second = asked(
        runs, "0001-map", request(embedded=("0000-embed", "0001-embed"), before="0000-map")
    )
    draw(second)

    before, after = read_coordinates(first), read_coordinates(second)
    assert second.read_result(MapResult).placed == 30  # 100 was embedded again: its bytes are new
    assert np.array_equal(before.positions[:99], after.positions[:99])
    places = {c: after.positions[(after.ids - 1) % 4 == c].mean(axis=0) for c in range(4)}
    new = after.positions[after.ids >= 104]
    nearest = [min(places, key=lambda c: float(np.abs(places[c] - point).sum())) for point in new]
    right = np.mean([c == (i - 100) % 4 for c, i in zip(nearest, range(104, 130), strict=True)])
    assert right > 0.9


def test_a_killed_run_draws_the_same_map(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = asked(runs, "0000-map", request())
    draw(whole)
    shutil.copytree(whole.path, runs / "0000-2-map")
    killed = RunFolder(runs / "0000-2-map")
    for name in ("result.json", "coordinates.npz", "fit.npz"):
        (killed.path / name).unlink()
    placed: list[int] = []

    class Dying(Placement):
        def place(self, vectors: np.ndarray) -> np.ndarray:
            if len(placed) == 2:
                raise KeyboardInterrupt
            placed.append(len(vectors))
            return super().place(vectors)

    monkeypatch.setattr(drawing, "Placement", Dying)
    with pytest.raises(KeyboardInterrupt):
        draw(killed)
    monkeypatch.setattr(drawing, "Placement", Placement)
    draw(killed)

    assert placed == [16, 16]
    assert np.array_equal(read_coordinates(whole).positions, read_coordinates(killed).positions)
