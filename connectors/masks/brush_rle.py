"""BrushLabels masks: Label Studio's run-length code, and back.

The code is thi.ng's rle-pack over the RGBA bytes of a canvas, whose four channels are equal; a
list of bytes that hold one big-endian stream of bits:

    32 bits     how many values follow: height_px * width_px * 4
    5 bits      the bits of a value, less one; a canvas has 8
    4 x 4 bits  the bits of a count, less one, for the kinds 0 to 3; usually 3, 4, 8, 16
    then, until every value is there:
      1 bit     1: a run of one value; 0: literal values
      2 bits    the kind of its count
      ? bits    the count, less one
      ? bits    the value of the run, or each literal value
    zeros up to a whole byte

`encode` writes the same bytes as label_studio_sdk.converter.brush.mask2rle. `decode` reads any
stream of this form: browsers write literals too. Both are written by hand on purpose: they are 30
times faster than the SDK's (tests/benchmarks/brush_rle.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from connectors.unreadable import UnreadableValue, short
from daemon.domain import Mask

CHANNELS = 4
WORD_BITS = 8
COUNT_BITS = np.array([3, 4, 8, 16])  # of the kinds 0 to 3
LONGEST_RUNS = [8, 16, 256]  # of the kinds 0 to 2; a longer run is cut into pieces of at most CUT
CUT = 2**16
HEADER_BITS = 32 + 5 + 4 * 4
HEADER = 0b00111_0010_0011_0111_1111  # the sizes above, each less one
MAX_VALUES = 2**32 - 1
BLOCK_BYTES = 2**16  # of the stream, decoded at a time: the memory does not grow with it
PADDING_BYTES = 16  # zeros behind the stream, so that a window at its end is whole

Ints = npt.NDArray[np.int64]


def encode(mask: Mask) -> list[int]:
    """The bytes of a mask, (height_px, width_px) uint8; 0: not drawn, 255: drawn.

    Raises UnreadableValue for another shape, another type, and a mask without pixels.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8 or not 0 < mask.size * CHANNELS <= MAX_VALUES:
        raise UnreadableValue(
            f"an array {mask.shape} of {mask.dtype}", "a mask of (height_px, width_px) uint8"
        )
    flat = mask.ravel()
    ends = np.append(np.flatnonzero(flat[1:] != flat[:-1]) + 1, flat.size)
    runs = np.diff(ends, prepend=0) * CHANNELS
    kinds = np.searchsorted(LONGEST_RUNS, runs)
    values = flat[ends - 1].astype(np.int64)
    if runs.max() > CUT:
        runs, kinds, values = _cut(runs, kinds, values)
    bits = COUNT_BITS[kinds]
    codes = ((4 | kinds) << bits | (runs - 1)) << WORD_BITS | values
    return _packed(
        np.concatenate([[flat.size * CHANNELS, HEADER], codes]),
        np.concatenate([[32, HEADER_BITS - 32], 3 + bits + WORD_BITS]),
    )


def decode(rle: list[int], height_px: int, width_px: int) -> Mask:
    """The alpha channel of a stream, (height_px, width_px) uint8.

    Memory: the mask, the stream, and a constant. Raises UnreadableValue for a stream that is cut
    off, of another size, or whose counts or rest do not add up.
    """
    stream = _Stream.of(rle, height_px * width_px * CHANNELS)
    alpha = np.empty(height_px * width_px, np.uint8)
    at, done = HEADER_BITS, 0
    while done < stream.total:
        starts, at = stream.walk(at)
        values, ends, last = stream.read(starts, done)
        if ends[-1] >= stream.total:
            stream.check_end(last, int(ends[-1]))
        drawn = ends // CHANNELS  # value 4 j + 3 is the alpha of pixel j
        first = done // CHANNELS
        alpha[first : drawn[-1]] = np.repeat(values, np.diff(drawn, prepend=first))
        done = int(ends[-1])
    return alpha.reshape(height_px, width_px)


def _cut(runs: Ints, kinds: Ints, values: Ints) -> tuple[Ints, Ints, Ints]:
    """Runs in pieces that a count can hold: the last one of a run is what remains."""
    pieces = (runs - 1) // CUT + 1
    cut = np.full(pieces.sum(), CUT)
    cut[np.cumsum(pieces) - 1] = runs - (pieces - 1) * CUT
    return cut, np.repeat(kinds, pieces), np.repeat(values, pieces)


def _packed(codes: Ints, widths: Ints) -> list[int]:
    """Codes of at most 32 bits, one behind the other, and 1 to 8 zeros, as bytes.

    A code touches at most two 32-bit words, and no two codes share a bit, so adding up what
    lies in each word is the same as or-ing it; the sums stay below 2^32, exact in a float.
    """
    ends = np.cumsum(widths)
    starts = ends - widths
    words, shifts = starts >> 5, 64 - (starts & 31) - widths
    shifted = codes.astype(np.uint64) << shifts.astype(np.uint64)
    n_words = int(ends[-1] // 32) + 2
    high = np.bincount(words, shifted >> np.uint64(32), n_words)
    low = np.bincount(words + 1, shifted & np.uint64(2**32 - 1), n_words)
    content = (high + low).astype(">u4").tobytes()
    return list(content[: int(ends[-1]) // 8 + 1])


@dataclass(frozen=True)
class _Stream:
    """A stream whose header was read. total: values that it must hold."""

    content: bytes
    windows: npt.NDArray[np.uint64]  # at each byte: the next eight
    total: int
    n_bits: int
    word_bits: int
    count_bits: tuple[int, ...]

    @classmethod
    def of(cls, rle: list[int], total: int) -> _Stream:
        content = _content(rle)
        stated = int.from_bytes(content[:4], "big")
        if stated != total:
            raise UnreadableValue(f"a brush mask of {stated} values", f"{total}: 4 a pixel")
        sizes = int.from_bytes(content[4:7], "big") >> 3
        padded = content + bytes(PADDING_BYTES)
        return cls(
            content=padded,
            windows=np.ndarray(len(content) + 1, ">u8", padded, strides=(1,)),
            total=total,
            n_bits=len(content) * 8,
            word_bits=(sizes >> 16) + 1,
            count_bits=tuple((sizes >> shift & 15) + 1 for shift in (12, 8, 4, 0)),
        )

    def walk(self, at: int) -> tuple[Ints, int]:
        """Where each piece begins, from bit `at` to the end of a block; where the next would.

        The only part that cannot be done for all pieces at once: a piece begins where the one
        before it ends.
        """
        if at >= self.n_bits:
            raise UnreadableValue("a brush mask that is cut off", f"{self.total} values")
        first = at // 8 * 8
        block = np.frombuffer(self.content, np.uint8)[first // 8 :][: BLOCK_BYTES + 1]
        bits = np.unpackbits(block)
        heads = (bits[:-2] << 2 | bits[1:-1] << 1 | bits[2:]).tobytes()
        steps = [0] * 4 + [3 + bits + self.word_bits for bits in self.count_bits]
        end = min(BLOCK_BYTES * 8, self.n_bits - first)
        starts: list[int] = []
        append = starts.append
        at -= first
        while at < end:
            append(at)
            head = heads[at]
            at += steps[head] or self._literal_step(first + at, head)
        return np.array(starts) + first, first + at

    def _literal_step(self, at: int, head: int) -> int:
        bits = self.count_bits[head]
        start = at + 3
        window = int.from_bytes(self.content[start // 8 : start // 8 + 4], "big")
        count = (window >> (32 - start % 8 - bits) & (1 << bits) - 1) + 1
        return 3 + bits + count * self.word_bits

    def read(self, starts: Ints, done: int) -> tuple[Mask, Ints, int]:
        """The value of each run and the number of values after it; the bit after the last.

        done: values before the first piece. Pieces behind the last value are left out, and
        literals become runs of one.
        """
        heads = self._field(starts, 3)
        bits = np.array(self.count_bits)[heads & 3]
        counts = self._field(starts + 3, bits) + 1
        ends = done + np.cumsum(counts)
        kept = int(np.searchsorted(ends, self.total)) + 1  # up to the one that holds the last
        starts, bits, counts, ends = (rows[:kept] for rows in (starts, bits, counts, ends))
        is_run = heads[:kept] >= 4
        sizes = np.where(is_run, 1, counts)
        value_starts = starts + 3 + bits
        last = int(value_starts[-1] + sizes[-1] * self.word_bits)
        if last > self.n_bits:
            raise UnreadableValue("a brush mask that is cut off", f"{self.total} values")
        if sizes.sum() > sizes.size:
            within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            value_starts = np.repeat(value_starts, sizes) + within * self.word_bits
            counts = np.repeat(np.where(is_run, counts, 1), sizes)
            ends = done + np.cumsum(counts)
        values = self._field(value_starts, self.word_bits)
        if self.word_bits > 8 and values.max() > 255:
            raise UnreadableValue(f"a brush mask with the value {values.max()}", "0 to 255")
        return values.astype(np.uint8), ends, last

    def _field(self, starts: Ints, bits: Ints | int) -> Ints:
        """The number in the `bits` (at most 32) from each start."""
        windows = self.windows[starts >> 3].astype(np.uint64)
        behind = 64 - bits
        shifted = windows << (starts & 7).astype(np.uint64) >> np.uint64(behind)
        return np.asarray(shifted, np.int64)

    def check_end(self, last: int, values: int) -> None:
        """That exactly every value was there, and nothing but zeros behind bit `last`."""
        if values > self.total:
            raise UnreadableValue(f"a brush mask whose counts add up to {values}", f"{self.total}")
        rest = int.from_bytes(self.content[last // 8 :], "big")
        if rest & (1 << (self.n_bits + PADDING_BYTES * 8 - last)) - 1:
            raise UnreadableValue("a brush mask with more behind its last value", "zeros there")


def _content(rle: list[int]) -> bytes:
    if not isinstance(rle, list) or len(rle) * 8 < HEADER_BITS or set(map(type, rle)) != {int}:
        raise UnreadableValue(f"a brush mask {short(rle)}", "a list of at least 7 bytes")
    try:
        return bytes(rle)
    except ValueError as exc:
        raise UnreadableValue(f"a brush mask with {exc}", "bytes, 0 to 255") from exc
