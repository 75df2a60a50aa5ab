"""Whatever bytes come: a picture, or a refusal that names it. Never another exception."""

from __future__ import annotations

from tests.fakes.picture_mutations import mutated, outcome, valid


def test_ten_thousand_damaged_pictures_are_read_or_refused() -> None:
    found = [outcome(content) for content in mutated(seed=12, count=10_000)]

    assert len(found) == 10_000
    assert min(found.count("read"), found.count("refused")) > 1000


def test_a_picture_cut_off_anywhere_is_read_or_refused() -> None:
    for content in valid():
        step = max(1, len(content) // 60)
        for length in (*range(min(len(content), 40)), *range(40, len(content), step)):
            outcome(content[:length])
