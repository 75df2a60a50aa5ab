"""The test set: kept out of pool and training, and nothing waits for it."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.diagnostics.figure_checks import overlap_faults
from daemon.diagnostics.figure_checks import test_set_faults as faults_of_test_set
from daemon.domain import Exclusion, Role
from daemon.runs.run_folder import TrainRequest
from tests.fakes.status_json import status_json
from tests.integration.figures import (
    BUDGET,
    TEST,
    cut_short,
    held_out,
    look_again,
    roles,
    trained_on,
    why_excluded,
)
from tests.integration.workbench import (
    configured,
    run_out,
    ticker,
)

IMAGES = 20


def test_test_images_in_the_pool_are_neither_asked_nor_trained_on(home: Path) -> None:
    (home / "held/images").mkdir(parents=True)
    (home / "held/masks").mkdir()
    taken = ["field03.png", "field07.png", "field11.png"]
    for number, name in enumerate(taken):  # under other names
        shutil.copy(home / "images" / name, home / "held/images" / f"other{number}.png")
        shutil.copy(home / "masks" / name, home / "held/masks" / f"other{number}.png")
    config = configured(home, test=TEST, loop=BUDGET)

    assert "3 images of the pool are test images" in " ".join(overlap_faults(config))
    run_out(ticker(config))

    assert why_excluded(config) == dict.fromkeys(taken, Exclusion.TEST_CONTENT)
    assert not trained_on(config) & set(taken)
    found = status_json(config)
    assert {"why": "test_content", "images": 3}.items() <= found["excluded"][0].items()
    assert found["evaluations"][-1]["test_miou"] > 0.5


def test_near_duplicates_of_test_images_are_kept_out_too(home: Path) -> None:
    held_out(home, images=1)
    for name, suffix in (("field04.png", "webp"), ("field09.png", "png")):
        with Image.open(home / "images" / name) as picture:  # the same look, other bytes
            shifted = np.clip(np.asarray(picture).astype(int) + 1, 0, 255).astype(np.uint8)
        target = home / "held/images" / f"{Path(name).stem}.{suffix}"
        Image.fromarray(shifted).save(target, lossless=True)
        shutil.copy(home / "masks" / name, home / "held/masks" / name)
    config = configured(home, test=TEST, loop=BUDGET, selection={"duplicate_similarity": 0.999})

    run_out(ticker(config))

    near = {name for name, why in why_excluded(config).items() if why is Exclusion.NEAR_TEST}
    assert near == {"field04.png", "field09.png"}
    assert not trained_on(config) & near


def test_a_test_image_that_comes_into_the_pool_later_is_kept_out(home: Path) -> None:
    held_out(home)
    config = configured(home, test=TEST, loop={**BUDGET, "budget_labels": 8})
    run_out(ticker(config))

    shutil.copy(home / "held/images/t1.png", home / "images/late.png")
    shutil.copy(home / "held/masks/t1.png", home / "masks/late.png")
    look_again(config)
    config = configured(home, test=TEST, loop={**BUDGET, "budget_labels": 20})
    run_out(ticker(config))

    assert why_excluded(config) == {"late.png": Exclusion.TEST_CONTENT}
    assert "late.png" not in trained_on(config)


def test_a_test_set_named_after_the_first_training_starts_the_next_one_afresh(home: Path) -> None:
    config = configured(home, loop={**BUDGET, "budget_labels": 8})
    run_out(ticker(config))
    name = sorted(name for name in trained_on(config) if roles(config)[name] is Role.POOL)[0]
    held_out(home)
    shutil.copy(home / "images" / name, home / "held/images")
    shutil.copy(home / "masks" / name, home / "held/masks")

    config = configured(home, test=TEST, loop=BUDGET)
    run_out(ticker(config))

    assert why_excluded(config) == {name: Exclusion.TEST_CONTENT}
    request = config.state / "runs/0002-train/request.json"
    assert TrainRequest.model_validate_json(request.read_bytes()).parent is None
    assert any(
        "starts from ImageNet" in event["message"] for event in status_json(config)["events"]
    )


def test_a_broken_test_image_stops_nothing_and_blames_no_image_of_the_pool(home: Path) -> None:
    held_out(home)
    cut_short(home / "held/images/t2.png")
    config = configured(home, test=TEST, loop=BUDGET)

    assert "t2.png" in " ".join(faults_of_test_set(config))
    run_out(ticker(config))

    found = status_json(config)
    assert len(found["evaluations"]) == 2
    for point in found["evaluations"]:
        assert point["miou"] > 0.5
        assert point["test_miou"] is None
        assert point["test_missing"]["miou"]["why"] == "test_files"
        assert "t2.png" in point["test_missing"]["miou"]["words"]
    assert found["quarantine"] == []
    assert Role.EXCLUDED not in roles(config).values()


def test_a_test_image_is_measured_again_when_its_file_is_whole(home: Path) -> None:
    held_out(home)
    whole = (home / "held/images/t2.png").read_bytes()
    cut_short(home / "held/images/t2.png")
    config = configured(home, test=TEST, loop={**BUDGET, "budget_labels": 8})
    run_out(ticker(config))

    (home / "held/images/t2.png").write_bytes(whole)
    config = configured(home, test=TEST, loop=BUDGET)
    run_out(ticker(config))

    first, second = status_json(config)["evaluations"]
    assert first["test_miou"] is None
    assert second["test_miou"] > 0.5


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("no mask", "1 of 4 names have no image or no mask"),
        ("no folder", "holds no image"),
        ("same stem", "would share the mask t1.png"),
        ("unknown name", "1 of 2 names have no image or no mask"),
        ("name twice", "more than once"),
        ("mask of another size", "got the size (10, 10); expected"),
        ("value outside", "got the values [9]"),
        ("no PNG", "expected a PNG"),
        ("list of numbers", "expected a list of names"),
    ],
)
def test_what_is_wrong_with_a_test_set_is_said_by_check_and_beside_its_figure(
    home: Path, fault: str, words: str
) -> None:
    held_out(home)
    test = dict(TEST)
    mask = home / "held/masks/t1.png"
    if fault == "no mask":
        mask.unlink()
    elif fault == "no folder":
        test["images"] = "elsewhere"
    elif fault == "same stem":
        Image.open(home / "held/images/t1.png").save(home / "held/images/t1.bmp")
    elif fault == "mask of another size":
        Image.fromarray(np.zeros((10, 10), np.uint8)).save(mask)
    elif fault == "value outside":
        Image.fromarray(np.full((24, 32), 9, np.uint8)).save(mask)
    elif fault == "no PNG":
        mask.write_bytes(b"no picture")
    else:
        lists = {"unknown name": "t0\nt9\n", "name twice": "t0\nt1\nt0\n"}
        (home / "ids.txt").write_text(lists.get(fault, ""))
        (home / "ids.json").write_text('{"test": [1, 2]}')
        test["ids"] = "ids.json:test" if fault == "list of numbers" else "ids.txt"
    config = configured(home, test=test, loop={**BUDGET, "budget_labels": 8})

    said = " ".join(faults_of_test_set(config))
    run_out(ticker(config))

    assert words in said
    (point,) = status_json(config)["evaluations"]
    assert point["miou"] > 0.5
    assert point["test_miou"] is None
    assert point["test_remarks"]


def test_names_may_hold_blanks(home: Path) -> None:
    held_out(home)
    for part in ("images", "masks"):
        (home / "held" / part / "t0.png").rename(home / "held" / part / "two words.png")
    (home / "ids.txt").write_text("\ufefftwo words\nt1\n", "utf-8")
    config = configured(home, test={**TEST, "ids": "ids.txt"})

    assert faults_of_test_set(config) == []
