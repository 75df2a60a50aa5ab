"""Reads what a job has saved for the next start of the same command."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from daemon.domain.errors import ExperimentRefused
from daemon.runs.records import Record

AnyRecord = TypeVar("AnyRecord", bound=Record)


def read_saved(path: Path, kind: type[AnyRecord], made_again: Path) -> AnyRecord | None:
    """The record in a file; None where there is none.

    made_again: what the same command makes again once it is deleted. Raises ExperimentRefused for
    a damaged file.
    """
    try:
        return kind.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as exc:
        raise ExperimentRefused(
            f"{path}: cannot be read as {kind.__name__}: {exc}; delete "
            f"{'it' if made_again == path else made_again}, the same command makes it again"
        ) from exc
