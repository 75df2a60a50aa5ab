"""The arrays of a run on disk: mapped, read-only, refused where something is wrong with them."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np
import pytest

from daemon.domain.errors import RunFailed
from daemon.runs.run_folder import RunFolder, Scores
from daemon.runs.score_columns import mapped_columns, write_columns


def some(rows: int = 5) -> Scores:
    rng = np.random.default_rng(0)
    return Scores(
        ids=np.arange(rows) + 7,
        embeddings=rng.random((rows, 3), np.float32),
        margin=rng.random(rows, np.float32),
    )


def is_mapped(array: np.ndarray) -> bool:
    base = array
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    return isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_scores_come_back_as_they_were_written(tmp_path: Path, rows: int) -> None:
    run, written = RunFolder(tmp_path), some(rows)
    run.write_scores(written)

    read = run.read_scores()

    for name, column in vars(written).items():
        assert np.array_equal(getattr(read, name), column), name
    assert read.border is None
    assert run.read_ids().tolist() == written.ids.tolist()


def test_arrays_are_mapped_aligned_and_not_written_to(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_scores(some())

    for array in (run.read_scores().ids, run.read_scores().embeddings):
        assert is_mapped(array)
        assert array.ctypes.data % 64 == 0
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


def test_mapped_arrays_outlive_their_file(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_scores(some())
    read = run.read_scores()

    run.scores_file.unlink()

    assert np.array_equal(read.embeddings, some().embeddings)


def test_a_file_of_an_earlier_release_is_read(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with run.scores_file.open("wb") as file:
        np.savez(file, ids=some().ids, embeddings=some().embeddings)

    read = run.read_scores()

    assert np.array_equal(read.embeddings, some().embeddings)
    assert read.embeddings.flags.aligned
    assert read.margin is None
    with pytest.raises(ValueError, match="read-only"):
        read.embeddings[0] = 1


def test_an_earlier_release_reads_our_file(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_scores(some())

    with np.load(run.scores_file, allow_pickle=False) as arrays:
        assert {name: arrays[name].tolist() for name in arrays.files} == {
            name: column.tolist() for name, column in vars(some()).items() if column is not None
        }


def test_a_file_that_is_compressed_or_damaged_is_refused_in_words(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_scores(some())
    content = run.scores_file.read_bytes()
    with (tmp_path / "compressed").open("wb") as file:
        np.savez_compressed(file, ids=some().ids, embeddings=some().embeddings)
    at = content.index(b"\x93NUMPY")
    damaged = {
        "cut short": content[: len(content) // 2],
        "empty": b"",
        "other header": content.replace(b"PK\x03\x04", b"PK\x03\x05"),
        "other array": content[:at] + b"\x93NUMPX" + content[at + 6 :],
        "longer shape": content.replace(b"(5, 3)", b"(9, 3)"),
        "compressed": (tmp_path / "compressed").read_bytes(),
    }
    for fault, changed in damaged.items():
        run.scores_file.write_bytes(changed)
        with pytest.raises(RunFailed, match=r"scores\.npz: cannot be read .* remove the folder"):
            pytest.fail(f"{fault}: {run.read_scores()}")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    with run.scores_file.open("wb") as file:
        np.savez(file, ids=np.array([{"a": 1}], dtype=object))

    with pytest.raises(RunFailed, match="no plain array"):
        run.read_scores()


def test_other_columns_than_those_of_scores_are_refused(tmp_path: Path) -> None:
    run, ids = RunFolder(tmp_path), np.arange(2)
    for columns in (
        {"ids": ids},
        {"ids": ids, "embeddings": np.zeros((3, 1), np.float32)},
        {"ids": ids, "embeddings": np.zeros((2, 1), np.float32), "colour": ids},
    ):
        write_columns(run.scores_file, columns)
        with pytest.raises(RunFailed, match="expected ids"):
            run.read_scores()


def test_only_the_columns_that_are_wanted_are_looked_at(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    run.write_scores(some())

    assert list(mapped_columns(run.scores_file, ["margin"])) == ["margin"]
