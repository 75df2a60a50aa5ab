"""Which labels a model learned from: those of its training and of every training before it, as far
as one started from the other."""

from __future__ import annotations

from pathlib import Path

from daemon.audit.independence import require_independent
from daemon.domain.errors import RunFailed
from daemon.runs.audit_records import AuditedPart
from daemon.runs.checksums import sha256_of
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest

MAX_ANCESTORS = 10_000  # a chain that is longer goes round in a circle


def learned_files(run: RunFolder) -> list[LabeledFile]:
    """The labeled files of a training and of its ancestors by warm start.

    Raises RunFailed where the request of one of them cannot be read: then it is not known.
    """
    found: list[LabeledFile] = []
    seen: set[Path] = set()
    current: RunFolder | None = run
    while current is not None:
        if current.path in seen or len(seen) > MAX_ANCESTORS:
            raise RunFailed(f"{current.path}: is an ancestor of itself; expected a chain of runs")
        seen.add(current.path)
        request = current.read_request(TrainRequest)
        found += request.labeled
        current = None if request.parent is None else RunFolder(request.parent.parent)
    return found


def require_unseen(part: AuditedPart) -> None:
    """Raise RunFailed if the model of a part of an audit learned from one of its labels, by the
    bytes that the image files have now and by those that the request names."""
    if part.in_fold:
        return
    now = {file.name: sha256_of(file.image) for file in part.files if file.image.exists()}
    for digests in (now, {file.name: file.sha256 for file in part.files}):
        require_independent(digests, part.trained_on)
