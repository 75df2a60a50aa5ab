"""A run goes on past files that it cannot use, and says which, each with its role."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.domain import Why
from daemon.domain.errors import RunFailed
from daemon.hrda import predict
from daemon.hrda.__main__ import main
from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.training.checkpoint import write_checkpoint
from daemon.pixels import reader as picture_reader
from daemon.runs.run_folder import (
    EmbedRequest,
    FilePart,
    FileRole,
    ImageFile,
    LabeledFile,
    PredictRequest,
    PredictResult,
    RunFolder,
    TrainRequest,
    TrainResult,
)
from daemon.runs.run_process import DONE
from tests.hrda.test_process import threads, train_request
from tests.hrda.tiny import CHANGES, CLASSES, segmentor, write_field

__all__ = ["threads"]


@pytest.fixture
def files(tmp_path: Path) -> list[LabeledFile]:
    return write_field(tmp_path / "field", 6)


def cut_short(file: ImageFile) -> None:
    file.image.write_bytes(file.image.read_bytes()[:200])


def predicting(tmp_path: Path, **parts: object) -> PredictRequest:
    checkpoint = tmp_path / "checkpoint.pth"
    write_checkpoint(checkpoint, segmentor().eval(), CLASSES)
    return PredictRequest.model_validate(
        {"classes": CLASSES, "device": "cpu", "threads": 1, "checkpoint": checkpoint, **parts}
    )


def run_of(folder: Path, request: PredictRequest | EmbedRequest | TrainRequest) -> RunFolder:
    run = RunFolder(folder)
    run.write_request(request)
    return run


def plain(files: list[LabeledFile]) -> tuple[ImageFile, ...]:
    return tuple(ImageFile(id=file.id, image=file.image) for file in files)


def test_scoring_goes_on_past_several_bad_images_and_names_them(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    cut_short(files[1])
    files[4].image.unlink()
    run = run_of(tmp_path / "run", predicting(tmp_path, score=plain(files), masks=plain(files)))

    assert main(["predict", str(run.path)]) == DONE

    result = run.read_result(PredictResult)
    assert run.read_scores().ids.tolist() == [100, 102, 103, 105]
    assert [(fault.role, fault.id) for fault in result.faults] == [
        (FileRole.POOL, 101),
        (FileRole.POOL, 104),
    ]
    assert not run.mask(101).exists()
    assert run.mask(102).exists()


def test_a_bad_test_image_leaves_out_the_test_figure_and_nothing_else(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    """Its number, 0, is also that of an image of the pool."""
    pool = [file.model_copy(update={"id": place}) for place, file in enumerate(files[:3])]
    test = [file.model_copy(update={"id": place}) for place, file in enumerate(files[3:])]
    cut_short(test[0])
    run = run_of(tmp_path / "run", predicting(tmp_path, score=plain(pool), test=tuple(test)))

    assert main(["predict", str(run.path)]) == DONE

    result = run.read_result(PredictResult)
    assert run.read_scores().ids.tolist() == [0, 1, 2]
    assert [(fault.role, fault.id) for fault in result.faults] == [(FileRole.TEST, 0)]
    assert result.test is not None
    assert result.test.miou is None
    assert result.test.missing["miou"].why is Why.TEST_FILES


def test_a_test_mask_of_another_size_leaves_out_the_test_figure(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    Image.fromarray(np.zeros((10, 10), np.uint8)).save(files[2].mask)
    run = run_of(tmp_path / "run", predicting(tmp_path, test=tuple(files)))

    assert main(["predict", str(run.path)]) == DONE

    result = run.read_result(PredictResult)
    (fault,) = result.faults
    assert (fault.role, fault.id, fault.part) == (FileRole.TEST, 102, FilePart.MASK)
    assert result.test is not None
    assert result.test.miou is None


def test_a_test_set_without_any_readable_image_does_not_fail_the_run(
    tmp_path: Path,
) -> None:
    files = write_field(tmp_path / "many", 24)
    for file in files:
        cut_short(file)
    good = write_field(tmp_path / "good", 2)
    run = run_of(tmp_path / "run", predicting(tmp_path, score=plain(good), test=tuple(files)))

    assert main(["predict", str(run.path)]) == DONE

    result = run.read_result(PredictResult)
    assert run.read_scores().ids.tolist() == [100, 101]
    assert result.test is not None
    assert result.test.missing["miou"].why is Why.TEST_FAILED


def test_embedding_goes_on_past_a_bad_image(files: list[LabeledFile], tmp_path: Path) -> None:
    cut_short(files[0])
    request = EmbedRequest(
        classes=CLASSES, device="cpu", threads=1, settings=CHANGES, images=plain(files)
    )
    run = run_of(tmp_path / "run", request)

    assert main(["embed", str(run.path)]) == DONE

    assert run.read_scores().ids.tolist() == [101, 102, 103, 104, 105]
    assert [fault.id for fault in run.read_result(PredictResult).faults] == [100]


def test_a_training_goes_on_without_bad_images_of_every_role(
    files: list[LabeledFile], tmp_path: Path
) -> None:
    for place in (0, 3, 5):
        cut_short(files[place])
    request = train_request(files).model_copy(
        update={
            "labeled": (*files[:3],),
            "validation": (files[3], files[1]),
            "unlabeled": plain([files[5], files[4]]),
        }
    )
    run = run_of(tmp_path / "run", TrainRequest.model_validate_json(request.model_dump_json()))

    assert main(["train", str(run.path)]) == DONE

    result = run.read_result(TrainResult)
    assert {(fault.role, fault.id) for fault in result.faults} == {
        (FileRole.LABELED, 100),
        (FileRole.VALIDATION, 103),
        (FileRole.POOL, 105),
    }
    assert result.validation is not None
    assert result.validation.images == 1
    assert result.labeled_holding["soil"] == 2


def test_the_same_trouble_with_many_files_is_no_fault_of_theirs(tmp_path: Path) -> None:
    files = write_field(tmp_path / "field", 24)
    for file in files[:5]:
        file.image.unlink()
    run = run_of(tmp_path / "run", predicting(tmp_path, score=plain(files)))

    assert main(["predict", str(run.path)]) != DONE

    error = run.read_error()
    assert error is not None
    assert error.faults == ()
    assert "FileNotFoundError 2 on 5 of 24 pool images" in error.message


def test_four_of_twenty_four_bad_files_are_set_aside(tmp_path: Path) -> None:
    files = write_field(tmp_path / "field", 24)
    reader = FileReader(files)
    for file in files[:4]:
        file.image.unlink()
        assert reader.image(file) is None

    assert [fault.id for fault in reader.faults()] == [100, 101, 102, 103]


def test_a_disk_in_the_network_that_is_away_is_no_fault_of_a_file(
    files: list[LabeledFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stale(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(picture_reader, "opened_file", stale)
    reader = FileReader(files)

    with pytest.raises(RunFailed, match="no fault of the file"):
        reader.image(files[0])

    assert reader.faults() == ()


def test_a_process_that_is_killed_again_and_again_over_the_test_images_gives_them_up(
    files: list[LabeledFile], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by the kernel for want of memory: nothing is said, the run is just not finished."""

    def killed(*_: object, **__: object) -> None:
        raise SystemExit(9)

    monkeypatch.setattr(predict, "evaluate", killed)
    request = predicting(tmp_path, score=plain(files[:2]), test=tuple(files[2:]))
    run = run_of(tmp_path / "run", request)
    for _ in range(3):
        assert main(["predict", str(run.path)]) != DONE

    assert main(["predict", str(run.path)]) == DONE

    result = run.read_result(PredictResult)
    assert run.read_scores().ids.tolist() == [100, 101]
    assert result.test is not None
    assert "ended 3 times" in result.test.missing["miou"].detail
    assert not list(run.path.glob("*.attempts"))
