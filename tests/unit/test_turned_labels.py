"""Mirroring or turning an image and its label permutes the suspects (daemon/audit)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.audit.component_features import NAMES
from daemon.audit.suspects import suspects_of
from tests.unit.test_label_audit import SIDE, field, noisy, seeds, seen


@given(seed=seeds, turns=st.integers(0, 3), flip=st.booleans())
@settings(max_examples=25, deadline=None)
def test_a_turned_or_mirrored_image_has_the_same_suspects(
    seed: int, turns: int, flip: bool
) -> None:
    def turned(plane: np.ndarray) -> np.ndarray:
        found = np.rot90(plane, turns, axes=(-2, -1))
        return np.ascontiguousarray(found[..., ::-1] if flip else found)

    mask, view = field(seed, plants=12), noisy(field(seed + 1, plants=12), seed)

    one = suspects_of(0, mask, view, 2)
    two = suspects_of(0, turned(mask), turned(view), 2)

    for rows, others in ((one.components, two.components), (one.blobs, two.blobs)):
        expected = {_turned_box(box, turned): row for row, box in enumerate(rows.box.tolist())}
        assert sorted(expected) == sorted(map(tuple, others.box.tolist()))
        order = [expected[tuple(box)] for box in others.box.tolist()]
        same = rows.at(np.array(order, np.int64))
        assert np.allclose(same.features, others.features)
        for column in ("labeled", "proposed", "type", "area"):
            assert (getattr(same, column) == getattr(others, column)).all()


def _turned_box(
    box: list[int], turned: Callable[[np.ndarray], np.ndarray]
) -> tuple[int, int, int, int]:
    plane = np.zeros((SIDE, SIDE), bool)
    plane[box[0] : box[2], box[1] : box[3]] = True
    rows, columns = np.nonzero(turned(plane))
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


@pytest.mark.parametrize("turns", range(4))
def test_what_is_equally_near_to_two_objects_belongs_to_both(turns: int) -> None:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[40:56, 20:30] = 1
    mask[40:56, 40:50] = 2
    truth = mask.copy()
    truth[44:52, 30:40] = 1  # between both, and touches both

    found = suspects_of(0, np.rot90(mask, turns).copy(), np.rot90(seen(truth), turns, (1, 2)), 2)

    assert len(found.blobs) == 1
    for name in ("mass", "outer_mass", "ring", "close_ring", "one_sided"):
        first, second = found.components.features[:, NAMES.index(name)]
        assert first == pytest.approx(second)
        assert first > 0
