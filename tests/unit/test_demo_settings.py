from __future__ import annotations

import argparse
import socket
import stat
from pathlib import Path

import pytest

from daemon.config.loading import load_config
from daemon.demo.credentials import load_credentials, make_credentials, save_credentials
from daemon.demo.dataset import Dataset
from daemon.demo.options import add_options, read_options
from daemon.demo.report import curve, finished, news
from daemon.demo.settings import FIELD_PLAN, TOKEN_ENV, first_config, own_plan, update_config
from daemon.domain import ClassSet, CurvePoint, Evaluation, Stage
from daemon.domain.errors import DemoFailed
from daemon.status.model import LabelBudget
from tests.fakes.statuses import of_points, status

DATASET = Dataset(
    images=Path("/data/images"),
    masks=Path("/data/masks"),
    classes=ClassSet(names=("soil", "crop", "weed"), ignore_label="unsure"),
    pool=(),
    test=("a", "b"),
)


def _settle(tmp_path, budget=64, project=3):
    fresh = first_config(tmp_path, DATASET, FIELD_PLAN)
    path = tmp_path / "config.toml"
    return update_config(path, fresh, url="http://127.0.0.1:9", project=project, budget=budget)


def _options(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return read_options(parser.parse_args(arguments))


def test_three_cycles_on_an_own_folder_ask_for_96_labels_at_most():
    assert own_plan(783).budget(cycles=3) == 96
    assert FIELD_PLAN.budget(cycles=3) == 64


@pytest.mark.parametrize("pool", [12, 39, 100])
def test_a_small_pool_is_not_asked_for_more_than_it_has(pool):
    assert own_plan(pool).budget(cycles=3) <= pool


def test_the_config_names_everything_the_daemon_needs_and_no_secret(tmp_path):
    config = _settle(tmp_path)
    assert config.class_set == DATASET.classes
    assert config.label_studio.project == 3
    assert config.label_studio.token_env == TOKEN_ENV
    assert config.loop.budget_labels == 64
    assert (config.test.images, config.test.ids) == ("/data/images", "test.json:test")


def test_what_a_user_changed_stays_at_the_second_start(tmp_path):
    _settle(tmp_path)
    path = tmp_path / "config.toml"
    path.write_text(path.read_text().replace('strategy = "auto"', 'strategy = "entropy"'))
    again = _settle(tmp_path, budget=96, project=4)
    assert again == load_config(path)
    assert again.selection.strategy == "entropy"
    assert (again.label_studio.project, again.loop.budget_labels) == (4, 96)
    assert _settle(tmp_path, budget=64).loop.budget_labels == 96


def test_a_taken_page_port_is_replaced_by_a_free_one(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        fresh = first_config(tmp_path, DATASET, FIELD_PLAN)
        fresh = fresh.model_copy(update={"web": fresh.web.model_copy(update={"port": taken})})
        path = tmp_path / "config.toml"
        settled = update_config(path, fresh, url="http://127.0.0.1:9", project=1, budget=1)
    assert settled.web.port not in (0, taken)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--images", "x"), "belong together"),
        (("--splits", "x"), "describe your own"),
        (("--cycles", "0"), "expected 1 or more"),
        (("--pace", "-1"), "expected 0 or more"),
    ],
)
def test_options_that_do_not_fit_together_are_refused(arguments, words):
    with pytest.raises(DemoFailed, match=words):
        _options(*arguments)


def test_options_have_useful_defaults():
    options = _options()
    assert (options.folder, options.cycles, options.exit_when_trained) == (Path("demo"), 3, False)


def test_credentials_survive_a_round_trip_in_a_private_file(tmp_path):
    made = make_credentials(8123)
    save_credentials(tmp_path / ".env", made)
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert load_credentials(tmp_path / ".env") == made
    assert made.password not in repr(made)
    assert made.token not in repr(made)


def test_a_file_of_secrets_that_others_can_read_is_refused(tmp_path):
    save_credentials(tmp_path / ".env", make_credentials(8123))
    (tmp_path / ".env").chmod(0o644)
    with pytest.raises(DemoFailed, match="chmod 600"):
        load_credentials(tmp_path / ".env")


def test_a_file_of_secrets_that_lacks_one_is_refused(tmp_path):
    (tmp_path / ".env").touch(mode=0o600)
    with pytest.raises(DemoFailed, match="LABEL_STUDIO_USER_TOKEN"):
        load_credentials(tmp_path / ".env")


POINT = CurvePoint(
    cycle=1,
    labels=32,
    train_labels=16,
    validation=Evaluation(images=16, miou=0.5, iou={"soil": 0.9, "crop": 0.6, "weed": None}),
    test=Evaluation(images=40, miou=0.4, iou={"soil": 0.8, "crop": 0.4, "weed": 0.0}),
)


def _status(points=(POINT,), spent=32, stage=Stage.DONE):
    labels = LabelBudget(total=64, spent=spent, left=64 - spent)
    return status(
        0, cycle=1, stage=stage, waiting="16 images wait", labels=labels, **of_points(list(points))
    )


def test_a_demo_is_finished_when_the_last_cycle_is_measured_and_over():
    assert finished(_status(), cycles=1)
    assert not finished(_status(), cycles=2)
    assert not finished(_status(stage=Stage.SCORE), cycles=1)


def test_news_say_what_changed_and_nothing_else():
    before = _status(stage=Stage.TRAIN, points=(), spent=30)
    assert list(news(None, before)) == []
    assert list(news(before, before)) == []
    assert list(news(before, _status(stage=Stage.SCORE))) == [
        "cycle 1: score",
        "labels: 32 of 64",
        "cycle 1: 32 labels -> mIoU 0.500, on the test images 0.400",
    ]


def test_the_curve_shows_every_class_on_validation_and_on_test():
    head, validation, test = curve(_status())
    assert head.split() == ["cycle", "labels", "mIoU", "soil", "crop", "weed"]
    assert validation.split() == ["1", "32", "validation", "0.500", "0.900", "0.600", "-"]
    assert test.split() == ["1", "32", "test", "0.400", "0.800", "0.400", "0.000"]
