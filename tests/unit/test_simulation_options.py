"""What `maskloop simulate` refuses, in words, before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.domain.errors import ExperimentRefused
from daemon.experiment.simulation.home_settings import home_config
from daemon.experiment.simulation.simulation_plan import Plan, make_plan, settle_request
from tests.integration.simulated_field import options_of

NAMES = [f"f{number:02}" for number in range(14)]
TRAIN, TEST = NAMES[:11], NAMES[11:]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """14 images with masks of two classes; 11 are to train on."""
    for folder in ("images", "masks", "out"):
        (tmp_path / folder).mkdir()
    rng = np.random.default_rng(0)
    for name in NAMES:
        picture = rng.integers(0, 255, (4, 4, 3), np.uint8)
        Image.fromarray(picture).save(tmp_path / f"images/{name}.png")
        Image.fromarray(np.eye(4, dtype=np.uint8)).save(tmp_path / f"masks/{name}.png")
    write_splits(tmp_path, train=TRAIN, test=TEST)
    return tmp_path


def write_splits(home: Path, **lists: list[str]) -> None:
    (home / "splits.json").write_text(json.dumps(lists))


def plan(home: Path, **changes: str) -> Plan:
    return make_plan(options_of(home, **{"cycles": "2", "classes": "", **changes}))


def refusal(home: Path, *words: str, **changes: str) -> str:
    """What the command says."""
    with pytest.raises(ExperimentRefused) as refused:
        make_plan(options_of(home, *words, **{"cycles": "2", "classes": "", **changes}))
    return str(refused.value)


def test_labels_are_counted_per_model(home: Path) -> None:
    found = plan(home, seeds="3,4,04", replicates="2", full="hrda")

    assert [found.train_labels(cycle) for cycle in (1, 2)] == [4, 7]
    assert found.labels_wanted() == 11
    assert found.trainings() == 2 * (1 + 2 * 1 + 2 * 2) + 1
    assert found.classes == ("0", "1")


def test_too_few_images_are_counted(home: Path) -> None:
    words = refusal(home, cycles="3")

    assert "11 training images" in words
    assert "4 of --validation, 4 of --initial and 2 batches of 3 are 14" in words


def test_a_pool_list_is_the_training_list(home: Path) -> None:
    write_splits(home, pool=TRAIN, test=TEST)

    assert plan(home).train == tuple(TRAIN)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"arms": "random,entrpy"}, "--arms entrpy: unknown strategy; did you mean entropy?"),
        ({"arms": ","}, "--arms: is empty"),
        ({"initial-by": "kcentre"}, "--initial-by kcentre: unknown strategy; did you mean kcenter"),
        ({"seeds": "0,-1"}, "--seeds '-1': expected a whole number from 0"),
        ({"seeds": "9" * 5000}, "--seeds '999"),
        ({"cycles": "0"}, "--cycles 0: expected a whole number from 1"),
        ({"random-share": "nan"}, "--random-share nan: expected a number from 0 to 1"),
        ({"parallel": "many"}, "--parallel many: expected auto, or a whole number"),
        ({"device": "tpu"}, "--device 'tpu': expected"),
        ({"full": "hdra"}, "--full hdra: unknown method; did you mean hrda?"),
        ({"preset": "cpus"}, "--preset: preset = 'cpus': expected one of cpu"),
        ({"images": "/nowhere"}, "/nowhere: no such folder"),
        ({"splits": "/nowhere.json"}, "--splits /nowhere.json: cannot be read"),
    ],
)
def test_a_wrong_option_is_named_with_what_was_expected(
    home: Path, changes: dict[str, str], expected: str
) -> None:
    assert expected in refusal(home, **changes)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("wdith=8", "--set: wdith: unknown setting; did you mean width?"),
        ("loop.batch_images=4", "--set loop.batch_images: use --batch"),
        ("loop.done_share=0.5", "--set loop.done_share: a simulation needs its own"),
        ("loop.pol_s=1", "--set loop.pol_s: [loop] has no such setting; did you mean poll_s?"),
        ("web.port=80", "--set web.port: expected one of the tables loop, validation"),
        ("preset=gpu", "--set preset=gpu: use --preset"),
    ],
)
def test_a_wrong_setting_is_named(home: Path, setting: str, expected: str) -> None:
    assert expected in refusal(home, "--set", setting)


def test_all_wrong_options_are_said_at_once(home: Path) -> None:
    words = refusal(home, arms="entrpy", seeds="x", cycles="-1")

    assert all(option in words for option in ("--arms", "--seeds", "--cycles"))


def test_a_value_out_of_range_is_refused_when_settings_are_made(home: Path) -> None:
    chosen = options_of(home, "--set", "selection.duplicate_similarity=2.0", cycles="2")

    with pytest.raises(ExperimentRefused, match=r"duplicate_similarity = 2.0"):
        home_config(make_plan(chosen), home / "arm", seed=0, arm="random", threads=0)


def test_lists_without_test_images_are_refused(home: Path) -> None:
    write_splits(home, train=TRAIN)

    assert "has no list test; got train" in refusal(home)


def test_an_image_in_both_lists_is_refused(home: Path) -> None:
    write_splits(home, train=TRAIN, test=[*TEST, "f03"])

    assert "1 images are in train and in test, first 'f03'" in refusal(home)


def test_a_missing_mask_is_named(home: Path) -> None:
    (home / "masks/f04.png").unlink()

    assert "1 of 11 images have no mask" in refusal(home)
    assert "add f04.png" in refusal(home)


def test_a_mask_that_is_no_picture_is_named(home: Path) -> None:
    (home / "masks/f04.png").write_bytes(b"P6 no picture")

    assert "f04.png" in refusal(home)


def test_the_same_request_goes_on_and_another_is_refused_with_what_differs(home: Path) -> None:
    _, first = settle_request(plan(home))
    _, same = settle_request(plan(home))

    with pytest.raises(ExperimentRefused) as refused:
        settle_request(plan(home, batch="2", initial="5"))

    assert same == first
    assert "holds another simulation, which differs in batch, initial;" in str(refused.value)


def test_arms_and_seeds_may_be_added_later(home: Path) -> None:
    settle_request(plan(home, arms="random"))

    merged, request = settle_request(plan(home, arms="kcenter", seeds="5", replicates="1"))

    assert merged.options.arms == ("random", "kcenter")
    assert merged.options.seeds == (0, 5)
    assert request["arms"] == ["random", "kcenter"]
    assert request["replicates"] == 1


def test_the_arm_of_the_replicates_is_one_of_the_arms(home: Path) -> None:
    with pytest.raises(ExperimentRefused, match=r"--replicate-arm kcenter: is none of --arms"):
        settle_request(plan(home, **{"replicates": "1", "replicate-arm": "kcenter"}))


def test_a_damaged_request_is_named(home: Path) -> None:
    for content in ("{", "[]", '{"arms": 3}'):
        (home / "out/request.json").write_text(content)

        with pytest.raises(ExperimentRefused, match=r"request.json"):
            settle_request(plan(home, arms="random"))
