from __future__ import annotations

import tracemalloc
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from label_studio_sdk.converter import brush

from connectors.masks.brush_rle import decode, encode
from connectors.unreadable import UnreadableValue
from daemon.domain import Mask

USUAL = (3, 4, 8, 16)
grey = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 20), st.integers(1, 20)),
    elements=st.sampled_from([0, 0, 255]) | st.integers(0, 255),
)


def stream(pieces: list[tuple[int, int, list[int]]], sizes: Any = USUAL, word_bits: int = 8) -> str:
    """Pieces (1 run or 0 literals, kind of count, values) in bits. A run lists its values too."""
    total = sum(len(values) for _, _, values in pieces)
    bits = f"{total:032b}{word_bits - 1:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    for run, kind, values in pieces:
        written = values[:1] if run else values
        bits += f"{run}{kind:02b}{len(values) - 1:0{sizes[kind]}b}"
        bits += "".join(f"{value:0{word_bits}b}" for value in written)
    return bits


def packed(bits: str) -> list[int]:
    bits += "0" * (-len(bits) % 8)
    return [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]


def as_mask(runs: list[int]) -> Mask:
    """Runs of 0 and 255 in turn, in pixels."""
    values = np.arange(len(runs)) % 2 * 255
    return np.repeat(values, runs).astype(np.uint8)[None]


@settings(max_examples=60, deadline=None)
@given(grey)
def test_a_mask_has_the_bytes_that_the_sdk_gives_it(mask: Mask) -> None:
    assert encode(mask) == brush.mask2rle(mask)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([1, 2, 3, 4, 5, 63, 64, 65, 100, 16384, 20000]), min_size=1))
def test_runs_at_the_limits_of_their_counts_have_the_bytes_of_the_sdk(runs: list[int]) -> None:
    mask = as_mask(runs[:12])

    assert encode(mask) == brush.mask2rle(mask)


@pytest.mark.parametrize("pixels", [16383, 16384, 16385, 32768, 32769])
def test_a_long_run_is_cut_where_the_sdk_cuts_it(pixels: int) -> None:
    mask = np.full((1, pixels), 255, np.uint8)

    assert encode(mask) == brush.mask2rle(mask)


@settings(max_examples=60, deadline=None)
@given(grey)
def test_a_mask_comes_back(mask: Mask) -> None:
    assert np.array_equal(decode(encode(mask), *mask.shape), mask)


@settings(max_examples=60, deadline=None)
@given(grey)
def test_reading_agrees_with_the_sdk(mask: Mask) -> None:
    rle = brush.mask2rle(mask)

    theirs = brush.decode_rle(rle).reshape(*mask.shape, 4)[..., 3]

    assert np.array_equal(decode(rle, *mask.shape), theirs)


@st.composite
def browsers(draw: Any) -> tuple[list[int], npt.NDArray[np.uint8]]:
    """A stream with runs and literals of any count and any sizes, and its values."""
    word_bits = draw(st.integers(1, 12))
    sizes = draw(st.tuples(*[st.integers(1, 16)] * 4))
    value = st.integers(0, min(255, 2**word_bits - 1))
    pieces, left = [], 4 * draw(st.integers(1, 40))
    total = left
    while left:
        kind = draw(st.integers(0, 3))
        count = draw(st.integers(1, min(left, 2 ** sizes[kind])))
        run = draw(st.integers(0, 1))
        one = draw(value)
        pieces.append((run, kind, [one if run else draw(value) for _ in range(count)]))
        left -= count
    values = np.array([value for _, _, part in pieces for value in part], np.uint8)
    assert values.size == total
    return packed(stream(pieces, sizes, word_bits)), values


@settings(max_examples=60, deadline=None)
@given(browsers())
def test_literals_and_counts_and_values_of_any_width_are_read(
    written: tuple[list[int], npt.NDArray[np.uint8]],
) -> None:
    rle, values = written

    assert decode(rle, 1, values.size // 4)[0].tolist() == values[3::4].tolist()


def test_a_stream_longer_than_a_block_is_read_with_literals_across_its_edge() -> None:
    rng = np.random.default_rng(3)
    values = rng.integers(0, 256, 4 * 60_000).tolist()
    pieces = [(0, 3, values[at : at + 65_000]) for at in range(0, len(values), 65_000)]

    read = decode(packed(stream(pieces)), 200, 300)

    assert read.ravel().tolist() == values[3::4]


def test_memory_stays_near_the_size_of_the_mask() -> None:
    noise = np.random.default_rng(0).integers(0, 2, (400, 400)).astype(np.uint8) * 255
    rle = encode(noise)

    tracemalloc.start()
    decode(rle, 400, 400)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 8 * 2**20  # however long the stream is


RUN = (1, 1, [255] * 12)
BROKEN: dict[str, tuple[Any, str]] = {
    "nothing": (None, "a list"),
    "text": ("AAAAAAAA", "a list"),
    "an object, as old pages wrote it": ({"0": 1}, "a list"),
    "too short": ([0, 0, 0, 12, 57], "a list"),
    "truth": ([True] * 20, "a list"),
    "halves": ([0.5] * 20, "a list"),
    "no bytes": ([0, 0, 0, 12, 256, 0, 0, 0], "0 to 255"),
    "negative": ([0, 0, 0, 12, -1, 0, 0, 0], "0 to 255"),
    "another size": (packed(stream([RUN, RUN])), "of 24 values; expected 12"),
    "cut off in a value": (packed(stream([RUN]))[:-1], "cut off"),
    "cut off behind a piece": (packed(stream([RUN])[:53] + "1" * 3), "cut off"),
    "no pieces": (packed(stream([RUN])[:53]), "cut off"),
    "a run too long": (packed(stream([RUN]).replace("01" + "1011", "01" + "1101")), "add up to 14"),
    "more behind it": (packed(stream([RUN]) + "0" * 40 + "1"), "more behind"),
    "a value above 255": (packed(stream([(1, 1, [256] * 12)], word_bits=9)), "the value 256"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_stream_is_refused_and_says_why(name: str) -> None:
    rle, words = BROKEN[name]

    with pytest.raises(UnreadableValue, match=words):
        decode(rle, 1, 3)


def test_a_stream_that_claims_a_huge_picture_is_refused_before_it_is_made() -> None:
    with pytest.raises(UnreadableValue, match="of 4294967295 values"):
        decode([255] * 4 + [57, 27, 255, 255], 1000, 1000)


@settings(max_examples=60, deadline=None)
@given(grey, st.data())
def test_damage_is_refused_or_gives_a_mask_of_this_size(mask: Mask, data: Any) -> None:
    rle = encode(mask)
    for _ in range(data.draw(st.integers(1, 3))):
        rle[data.draw(st.integers(0, len(rle) - 1))] = data.draw(st.integers(0, 255))
    rle = rle[: data.draw(st.integers(0, len(rle)))]
    try:
        read = decode(rle, *mask.shape)
    except UnreadableValue:
        return
    assert read.shape == mask.shape


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60))
def test_noise_behind_an_honest_size_never_crashes(noise: bytes) -> None:
    with suppress(UnreadableValue):
        assert decode([0, 0, 0, 48, *noise], 3, 4).shape == (3, 4)


@pytest.mark.parametrize(
    "mask",
    [np.zeros((0, 4), np.uint8), np.zeros(4, np.uint8), np.zeros((2, 2), np.int64)],
)
def test_what_is_no_mask_is_not_written(mask: Any) -> None:
    with pytest.raises(UnreadableValue, match="uint8"):
        encode(mask)
