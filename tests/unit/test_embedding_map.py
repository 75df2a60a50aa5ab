"""The points of the map: where they come from, and how they go to the page."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.domain.errors import RunFailed
from daemon.embedding_map.drawing import draw, sample
from daemon.embedding_map.layout import framed, is_too_small, principal_components
from daemon.embedding_map.placed_points import PlacedPoints
from daemon.embedding_map.similar_groups import similar_groups
from daemon.embedding_map.vectors import Vectors
from daemon.insight.map_columns import MapFacts, encoded, map_fields, nearest
from daemon.runs.map_files import MapRequest, MapResult, read_coordinates
from daemon.runs.run_folder import RunFolder, Scores
from tests.fakes.embeddings import unit

REQUEST = MapRequest(embedded=("0000-embed",), seed=0, similarity=0.99)


def facts(images: int, classes: int = 3) -> MapFacts:
    rng = np.random.default_rng(0)
    return MapFacts(
        run="0001-map",
        scores="0001-score",
        ids=np.arange(5, 5 + images),
        positions=rng.uniform(-1, 1, (images, 2)).astype(np.float32),
        state=rng.integers(0, 6, images).astype(np.uint8),
        cycle=rng.integers(-1, 9, images),
        arm=np.zeros(images, np.uint8),
        arms=["never asked"],
        group=np.full(images, -1),
        uncertainty=rng.random(images, dtype=np.float32),
        class_share=rng.dirichlet(np.ones(classes), images).astype(np.float32),
        classes=[f"class {number}" for number in range(classes)],
        suspicion=np.where(np.arange(images) % 2, np.nan, 0).astype(np.float32),
    )


def decoded(block: bytes) -> tuple[dict, dict[str, np.ndarray]]:
    """The head and the columns, read as static/map_points.js reads them."""
    (length,) = struct.unpack_from("<I", block)
    head = json.loads(block[4 : 4 + length])
    return head, {
        one["name"]: np.frombuffer(block, one["type"], head["points"], 4 + length + one["offset"])
        for one in head["columns"]
    }


@settings(deadline=None, max_examples=30)
@given(images=st.integers(0, 40), classes=st.integers(1, 14))
def test_the_page_reads_the_columns_that_were_written(images: int, classes: int) -> None:
    made = facts(images, classes)

    head, columns = decoded(encoded(made))

    assert head["points"] == images
    assert columns["id"].tolist() == made.ids.tolist()
    assert columns["x"].tolist() == made.positions[:, 0].astype(np.float16).tolist()
    assert columns["state"].tolist() == made.state.tolist()
    assert columns["cycle"].tolist() == made.cycle.tolist()
    assert columns["main_class"].tolist() == made.class_share.argmax(axis=1).tolist()
    promised = map_fields(made.classes, scored=True, grouped=True, audited=True)
    assert [one["name"] for one in head["columns"]] == [field.name for field in promised]


def test_an_image_without_a_score_has_no_class_and_no_number() -> None:
    made = facts(3)
    made.uncertainty[1], made.class_share[1] = np.nan, np.nan

    head, columns = decoded(encoded(made))

    named = next(one for one in head["columns"] if one["name"] == "main_class")
    assert named["values"][columns["main_class"][1]] == "no score"
    assert np.isnan(columns["uncertainty"][1])
    scale = next(one for one in head["columns"] if one["name"] == "uncertainty")
    assert 0 <= scale["low"] <= scale["high"] <= 1


def test_before_any_score_the_map_has_its_states_only() -> None:
    head, _ = decoded(encoded(replace(facts(2), uncertainty=None, class_share=None, group=None, suspicion=None)))

    assert [one["name"] for one in head["columns"]] == ["id", "x", "y", "state", "cycle", "arm"]


@settings(deadline=None)
@given(count=st.integers(1, 30), n=st.integers(0, 40), seed=st.integers(0, 99))
def test_the_nearest_are_those_of_a_full_sort(count: int, n: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((count, 3)).astype(np.float32)

    found = nearest(vectors, vectors[0], n)

    assert found.tolist() == np.argsort(-(vectors @ vectors[0]), kind="stable")[:n].tolist()


def test_near_duplicates_have_the_lowest_id_of_their_group() -> None:
    ids, vectors = np.array([3, 7, 9, 12]), unit(0, 90, 2, 4)

    # cos 2 degrees = 0.99939, cos 4 degrees = 0.99756: 3 represents 9, which then represents none
    groups = similar_groups(ids, vectors, similarity=0.999, rng=np.random.default_rng(0))

    assert groups.tolist() == [3, -1, 3, -1]


@pytest.mark.parametrize("count", [1, 2, 5, 14])
def test_few_images_are_projected(count: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((count, 8)).astype(np.float32)

    points = framed(principal_components(vectors), principal_components(vectors))

    assert is_too_small(vectors)
    assert points.shape == (count, 2)
    assert np.abs(points).max() <= 1.0001


def test_many_equal_images_are_too_few_for_umap() -> None:
    assert is_too_small(np.ones((2000, 4), np.float32))
    assert is_too_small(np.outer(np.arange(2000), np.ones(4)).astype(np.float32))  # on a line
    assert not is_too_small(np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32))


@settings(deadline=None, max_examples=40)
@given(total=st.integers(1, 30), chunk=st.integers(1, 9), torn=st.integers(0, 300))
def test_a_killed_run_goes_on_behind_its_last_whole_chunk(
    tmp_path_factory: pytest.TempPathFactory, total: int, chunk: int, torn: int
) -> None:
    path = tmp_path_factory.mktemp("map") / "placed.bin"
    points = np.arange(2 * total, dtype=np.float32).reshape(-1, 2)
    path.write_bytes(points.tobytes()[:torn])  # whatever a killed process left of them

    resumed = PlacedPoints(path, chunk, total)
    while not resumed.complete:
        resumed.add(points[resumed.next_chunk])

    assert np.array_equal(resumed.read(), points)


def test_the_sample_of_the_fit_is_drawn_by_its_seed() -> None:
    request = REQUEST.model_copy(update={"fit_images": 10})

    assert sample(100, request).tolist() == sample(100, request).tolist()
    assert len(set(sample(100, request).tolist())) == 10
    assert sample(7, request).tolist() == list(range(7))


def embedded(runs: Path, name: str, ids: list[int], degrees: list[float]) -> None:
    (runs / name).mkdir(parents=True)
    RunFolder(runs / name).write_scores(Scores(ids=np.array(ids), embeddings=unit(*degrees)))


def test_the_last_embed_run_that_has_an_image_counts(tmp_path: Path) -> None:
    embedded(tmp_path, "0000-embed", [4, 2, 9], [0, 10, 20])
    embedded(tmp_path, "0001-embed", [2, 5], [30, 40])

    vectors = Vectors(tmp_path, ("0000-embed", "0001-embed"))

    assert vectors.ids.tolist() == [2, 4, 5, 9]
    assert vectors.source.tolist() == [1, 0, 1, 0]
    assert vectors.read(np.arange(4)) == pytest.approx(unit(30, 0, 40, 20))


def test_an_embedding_that_is_not_finite_is_named(tmp_path: Path) -> None:
    embedded(tmp_path, "0000-embed", [4, 2], [0, float("nan")])

    with pytest.raises(RunFailed, match="the first is 2"):
        Vectors(tmp_path, ("0000-embed",)).read(np.arange(2))


def test_a_map_of_one_image_has_one_point(tmp_path: Path) -> None:
    embedded(tmp_path, "0000-embed", [8], [45])
    run = RunFolder(tmp_path / "0000-map")
    run.write_request(REQUEST)

    draw(run)

    assert run.read_result(MapResult).method == "pca"
    assert read_coordinates(run).positions.tolist() == [[0, 0]]
