from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain import Image
from daemon.domain.errors import ConfigError
from daemon.rules.validation_split import (
    draw_validation,
    group_mates,
    group_of,
    similar_to_any,
    validation_size,
)
from tests.fakes.embeddings import unit


def images(*names: str) -> list[Image]:
    return [
        Image(
            id=number,
            key=name,
            name=name,
            uri=name,
            path=Path(name),
            height_px=1,
            width_px=1,
            sha256=name,
        )
        for number, name in enumerate(names, start=1)
    ]


def test_a_tenth_within_bounds_and_never_more_than_half() -> None:
    size = [
        validation_size(n, share=0.1, at_least=16, at_most=200) for n in (0, 1, 10, 100, 783, 9999)
    ]

    assert size == [0, 0, 5, 16, 78, 200]


@given(st.lists(st.text("abc", min_size=1), unique=True), st.integers(0, 5), st.integers(0, 3))
def test_the_draw_does_not_depend_on_the_order(names: list[str], n: int, seed: int) -> None:
    all_images = images(*names)

    drawn = draw_validation(all_images, n, seed=seed, group_by="")

    assert drawn == draw_validation(all_images[::-1], n, seed=seed, group_by="")
    assert len(drawn) == min(n, len(names))


def test_an_image_that_comes_later_moves_no_other_into_validation() -> None:
    few = images("a", "b", "c", "d")
    more = [*few, *images("a", "b", "c", "d", "e")[4:]]

    drawn = draw_validation(few, 2, seed=0, group_by="")

    assert draw_validation(more, 2, seed=0, group_by="") - {5} <= drawn


def test_groups_are_drawn_whole_and_their_rest_is_known() -> None:
    all_images = images("v1_a", "v1_b", "v1_c", "v2_a", "v2_b", "v2_c")

    drawn = draw_validation(all_images, 2, seed=0, group_by="^(v.)_")

    assert drawn < {1, 2, 3} or drawn < {4, 5, 6}
    assert len(drawn | group_mates(all_images, drawn, "^(v.)_")) == 3


def test_images_like_others_are_found_with_their_similarity() -> None:
    found = similar_to_any(np.array([7, 8]), unit(0, 45), unit(3, 180), similarity=0.99)

    assert list(found) == [7]
    assert found[7] == np.float32(np.cos(np.radians(3)))


def test_a_pattern_that_needs_ages_for_a_name_is_refused_in_words() -> None:
    with pytest.raises(ConfigError, match=r"\(a\|aa\).*within 1 s.*without repeats inside"):
        group_of("a" * 60 + "!", "^(a|aa)+$")


def test_a_group_that_took_no_part_in_the_match_is_no_group() -> None:
    assert group_of("field_7.png", "^(video[0-9]+)?_?") == "field_7.png"
