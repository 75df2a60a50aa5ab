from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from daemon.domain.errors import RunFailed
from daemon.runs.ancestry import learned_files, require_unseen
from daemon.runs.audit_records import AuditedFile, AuditedPart
from daemon.runs.run_folder import LabeledFile, RunFolder, TrainRequest


def trained(folder: Path, *ids: int, parent: RunFolder | None = None) -> RunFolder:
    """A training on these labels that started from `parent`."""
    files = tuple(LabeledFile(id=one, image=Path(f"{one}.png"), mask=Path("m")) for one in ids)
    run = RunFolder(folder)
    start = parent.checkpoint if parent else None
    run.write_request(TrainRequest(classes=("a", "b"), labeled=files, parent=start))
    return run


def judged(folder: Path, *, learned: bytes, in_fold: bool = False) -> AuditedPart:
    """One label of a picture `one.png` under a model that learned from other bytes, or the same."""
    image = folder / "one.png"
    image.write_bytes(b"picture")
    file = AuditedFile(id=1, image=image, mask=image, name="one", sha256="0" * 64)
    digests = (hashlib.sha256(learned).hexdigest(),)
    checkpoint = folder / "checkpoint.pth"
    return AuditedPart(checkpoint=checkpoint, trained_on=digests, files=(file,), in_fold=in_fold)


def test_a_model_has_learned_what_its_ancestors_learned(tmp_path: Path) -> None:
    first = trained(tmp_path / "1", 1, 2)
    second = trained(tmp_path / "2", 3, parent=first)
    third = trained(tmp_path / "3", 3, 4, parent=second)

    assert {file.id for file in learned_files(third)} == {1, 2, 3, 4}
    assert {file.id for file in learned_files(first)} == {1, 2}


def test_a_model_of_unknown_ancestry_is_refused(tmp_path: Path) -> None:
    gone = RunFolder(tmp_path / "gone")
    model = trained(tmp_path / "2", 3, parent=gone)
    circle = trained(tmp_path / "3", 1, parent=RunFolder(tmp_path / "3"))

    with pytest.raises(RunFailed, match=r"gone/request\.json"):
        learned_files(model)
    with pytest.raises(RunFailed, match="an ancestor of itself"):
        learned_files(circle)


def test_the_bytes_of_a_picture_decide_whether_a_model_has_seen_it(tmp_path: Path) -> None:
    require_unseen(judged(tmp_path, learned=b"another"))
    require_unseen(judged(tmp_path, learned=b"picture", in_fold=True))

    with pytest.raises(RunFailed, match="trained on 1 of the 1 images"):
        require_unseen(judged(tmp_path, learned=b"picture"))
