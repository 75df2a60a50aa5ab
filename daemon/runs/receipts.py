"""The receipt of a choice: all that is needed to compute it again, and what came out.

receipt.json, with ids.npz, lies in the run folder of the choice, NNNN-select, or NNNN-25-select for
further images of a cycle from rank 25 on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from daemon.domain import Pick
from daemon.domain.errors import RunFailed
from daemon.runs.durable import write_json
from daemon.runs.id_lists import IdArray, IdLists, sha256_of_ids
from daemon.runs.records import Record, SelectRequest, SelectResult

FILE = "receipt.json"


class ListDigest(Record):
    """A list of ids: how many, and the sha256 of them in rising order as little-endian int64."""

    count: int = Field(ge=0)
    sha256: str


class Receipt(Record):
    """receipt.json. request: what was asked. config: the values of config.toml that it came from,
    by "[table] name"; config_sha256: of them as JSON. candidates, labeled, asked, compared,
    distinct: digests of the lists in ids.npz. files: run folder and file that were read -> sha256.
    versions: name of a package -> its version. picks: what was chosen, best first. left_out: those
    of them that were labeled or asked before the batch was saved. batch: how many of the others
    were asked at once; they follow each other, and the reserve goes on behind them."""

    format: Literal[1] = 1
    request: SelectRequest
    config: Mapping[str, Any]
    config_sha256: str
    candidates: ListDigest
    labeled: ListDigest
    asked: ListDigest
    compared: ListDigest
    distinct: ListDigest
    files: Mapping[str, str]
    versions: Mapping[str, str]
    picks: tuple[Pick, ...]
    left_out: tuple[int, ...] = ()
    batch: int = Field(ge=0)


def receipt_of(
    request: SelectRequest,
    lists: IdLists,
    result: SelectResult,
    config: Mapping[str, Any],
    left_out: tuple[int, ...],
    n: int,
) -> Receipt:
    """The receipt of a choice. n: the largest number of images that may be asked at once."""
    return Receipt(
        request=request,
        config=config,
        config_sha256=sha256_of_json(config),
        candidates=digest_of(lists.candidates),
        labeled=digest_of(lists.labeled),
        asked=digest_of(lists.asked),
        compared=digest_of(lists.compared),
        distinct=digest_of(lists.distinct),
        files=result.files,
        versions=result.versions,
        picks=result.picks,
        left_out=left_out,
        batch=min(n, len(result.picks) - len(left_out)),
    )


def digest_of(ids: IdArray) -> ListDigest:
    """The digest of a list of ids (N,)."""
    return ListDigest(count=len(ids), sha256=sha256_of_ids(ids))


def sha256_of_json(content: Mapping[str, Any]) -> str:
    """64 hexadecimal digits of values, whatever the order of their names."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_receipt(folder: Path, receipt: Receipt) -> None:
    """Write the receipt of a run folder, whole or not at all; an earlier one is replaced."""
    write_json(folder / FILE, receipt.model_dump(mode="json"))


def read_receipt(folder: Path) -> Receipt:
    """The receipt of a run folder. Raises RunFailed where it cannot be read."""
    path = folder / FILE
    try:
        return Receipt.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as exc:
        raise RunFailed(f"{path}: cannot be read as a receipt: {exc}") from exc
