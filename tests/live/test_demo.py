from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from daemon.config.loading import load_config
from daemon.config.rendering import render
from daemon.demo.credentials import load_credentials
from daemon.demo.dataset import own_dataset
from daemon.demo.field import draw_sequence
from daemon.demo.settings import first_config, own_plan
from tests.fakes.status_json import status_json

pytestmark = [pytest.mark.live, pytest.mark.timeout(1200)]

POOL, TEST, SIDE = 12, 2, 96


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A user's folder: small pieces of the field, fourteen of them."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "images").mkdir()
    (folder / "masks").mkdir()
    rng, names = np.random.default_rng(5), []
    for video in range(7):
        for frame in draw_sequence(rng, video, 2):
            names.append(frame.name)
            window = np.s_[100 : 100 + SIDE, 100 : 100 + SIDE]
            Image.fromarray(frame.image[window]).save(folder / "images" / f"{frame.name}.jpg")
            Image.fromarray(frame.mask[window]).save(folder / "masks" / f"{frame.name}.png")
    splits = {"pool": names[:POOL], "test": names[POOL:]}
    (folder / "splits.json").write_text(json.dumps(splits))
    (folder / "classes.json").write_text('["soil", "crop", "broadleaf_weed", "grass_weed"]')
    return folder


def _command(own, folder):
    return [
        *(sys.executable, "-m", "daemon.cli", "demo", "--dir", str(folder), "--exit"),
        *("--images", str(own / "images"), "--masks", str(own / "masks")),
        *("--splits", str(own / "splits.json"), "--cycles", "1", "--pace", "0"),
    ]


@pytest.fixture(scope="module")
def done(own, migrated, tmp_path_factory):
    """The folder of a demo that ran to its end, and what it said."""
    folder = tmp_path_factory.mktemp("demo") / "demo"
    shutil.copytree(migrated, folder)
    dataset = own_dataset(own / "images", own / "masks", own / "splits.json", ())
    config = first_config(folder, dataset, own_plan(POOL))
    training = config.training.model_copy(update={"settings": {"iterations": 2}})
    loop = config.loop.model_copy(update={"budget_labels": 1})
    changed = config.model_copy(update={"training": training, "loop": loop})
    (folder / "config.toml").write_text(render(changed))
    ended = subprocess.run(
        _command(own, folder), capture_output=True, text=True, timeout=1000, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder, ended.stdout


def test_a_demo_on_an_own_folder_ends_with_a_curve(done):
    folder, said = done
    found = status_json(load_config(folder / "config.toml"))
    point = found["evaluations"][0]
    assert [each["cycle"] for each in found["evaluations"]] == [1]
    assert found["labels"] == {"total": 6, "spent": 6, "left": 0}
    assert (point["labels"], point["train_labels"]) == (6, 3)
    assert point["miou"] is not None
    assert point["test_images"] == TEST
    assert "cycle 1: 6 labels -> mIoU" in said
    assert f"{'test':>10}" in said


def test_test_images_never_enter_label_studio(done, own):
    served = {path.stem for path in (done[0] / "files").rglob("*.jpg")}
    splits = json.loads((own / "splits.json").read_text())
    assert served == set(splits["pool"])


def test_a_demo_tells_where_to_look_and_no_secret(done):
    folder, said = done
    known = load_credentials(folder / ".env")
    logs = "".join(path.read_text(errors="replace") for path in folder.glob("*.log"))
    for secret in (known.password, known.token, known.annotator_password):
        assert secret not in said + logs + (folder / "config.toml").read_text()
    assert "http://127.0.0.1:" in said
    assert f"LABEL_STUDIO_PASSWORD in {folder / '.env'}" in said


def test_nothing_is_left_running(done):
    assert _running_in(done[0]) == []


@pytest.mark.long
def test_a_second_start_continues_and_trains_nothing_twice(done, own):
    folder, _ = done
    runs = {path: path.stat().st_mtime_ns for path in (folder / "state" / "runs").glob("*/result*")}
    again = subprocess.run(
        _command(own, folder), capture_output=True, text=True, timeout=600, check=False
    )
    assert again.returncode == 0, again.stdout + again.stderr
    assert "starting Label Studio" in again.stdout
    after = {
        path: path.stat().st_mtime_ns for path in (folder / "state" / "runs").glob("*/result*")
    }
    assert after == runs


def test_a_folder_of_another_data_set_is_refused(done):
    command = [sys.executable, "-m", "daemon.cli", "demo", "--dir", str(done[0]), "--exit"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert ended.returncode == 1
    assert "choose another folder with --dir" in ended.stderr


def test_an_interrupt_ends_everything_and_says_so(own, migrated, tmp_path):
    folder = tmp_path / "demo"
    shutil.copytree(migrated, folder)
    with subprocess.Popen(
        _command(own, folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        for line in demo.stdout:
            if line.startswith("sign in there"):
                break
        time.sleep(2)  # the daemon is at its first tick
        demo.send_signal(signal.SIGINT)
        rest = demo.stdout.read()
        assert demo.wait(240) == 130
    assert "stopped; the same command continues here" in rest
    assert _running_in(folder) == []


def _running_in(folder):
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().decode()
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
        except (OSError, IndexError):
            continue
        if str(folder) in words and state != "Z":
            found.append(words)
    return found
