"""Rows of an import as request bodies of bounded size, encoded while the body before is sent."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from daemon.prefetch import prefetch

CHUNK_BYTES = 8 * 2**20  # of JSON a POST, unless one row alone is larger
ENCODED_AHEAD = 50  # rows that wait for their POST

Row = dict[str, Any]
T = TypeVar("T")


def request_bodies(
    row_of: Callable[[T], Row], inputs: Iterable[T], most: int
) -> Iterator[list[Row]]:
    """Rows of these inputs, in lists of at most `most` rows and CHUNK_BYTES, since masks are large;
    some rows are made while the list before is sent."""
    chunk: list[Row] = []
    chunk_bytes = 0
    for _, row in prefetch(row_of, inputs, ENCODED_AHEAD):
        row_bytes = len(json.dumps(row))
        if chunk and (len(chunk) == most or chunk_bytes + row_bytes > CHUNK_BYTES):
            yield chunk
            chunk, chunk_bytes = [], 0
        chunk.append(row)
        chunk_bytes += row_bytes
    if chunk:
        yield chunk
