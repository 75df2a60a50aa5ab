"""`maskloop init` on a server that has projects: it says which one it takes, and asks before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.label_studio import label_config
from daemon.config.loading import load_config
from daemon.domain import ClassSet
from daemon.store import FILE, Store
from tests.fakes.command import Ended, assert_said, run_command
from tests.fakes.label_studio import FakeLabelStudio
from tests.integration.three_projects import THEIRS, three_projects, written


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeLabelStudio]:
    with three_projects(tmp_path) as server:
        yield server


def init(home: Path, *words: str) -> Ended:
    return run_command("init", *words, folder=home)


def test_the_first_init_writes_a_config_and_says_every_next_step(tmp_path: Path) -> None:
    done = init(tmp_path)

    assert done.code == 1
    assert "config.toml: written" in done.out
    for words in (
        "[classes] names",
        "[label_studio] url",
        'source = "project"',
        "run maskloop init",
    ):
        assert words in done.out
    assert done.out.splitlines()[-1].endswith("then run maskloop init again")


def test_an_init_without_a_token_says_where_it_comes_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    init(tmp_path)

    done = init(tmp_path)

    assert (done.code, done.err) == (1, "")
    assert "export LABEL_STUDIO_API_KEY=" in done.out
    assert "Account & Settings" in done.out


def test_a_server_that_is_down_is_the_thing_to_do(tmp_path: Path) -> None:
    with FakeLabelStudio() as gone:
        written(tmp_path, gone)

    done = init(tmp_path)

    assert done.code == 1
    assert "start Label Studio" in done.out


def test_no_project_is_made_beside_others_without_being_told(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    path = written(tmp_path, fake)

    done = init(tmp_path)

    assert done.code == 1
    assert "2  'Weeds 2025', 3 tasks, 0 annotations" in done.out
    assert "maskloop init --project NUMBER" in done.out
    assert "maskloop init --new" in done.out
    assert len(fake.labeling.projects) == 3
    assert load_config(path).label_studio.project == 0


def test_the_named_project_is_adopted_and_said(tmp_path: Path, fake: FakeLabelStudio) -> None:
    path = written(tmp_path, fake)

    done = init(tmp_path, "--project", "2")

    assert done.code == 0, done.out
    assert "adopting project 2  'Weeds 2025', 3 tasks, 0 annotations" in done.out
    assert load_config(path).label_studio.project == 2
    assert fake.labeling.projects[2]["sampling"] == "Uncertainty sampling"
    assert fake.labeling.projects[1]["sampling"] == "Sequential sampling"
    assert init(tmp_path).code == 0
    assert init(tmp_path, "--project", "2").code == 0
    assert "project = 2 already" in init(tmp_path, "--project", "1").out


def test_new_makes_one_beside_others_but_none_of_the_same_title(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    written(tmp_path, fake, label_studio={"title": "Empty one"})
    assert "has the title" in init(tmp_path, "--new").out
    path = written(tmp_path, fake, label_studio={"title": "Mine"})

    done = init(tmp_path, "--new")

    assert "created project 4 'Mine'" in done.out
    assert done.code == 1  # it has no images yet
    assert "got none; expected at least one" in done.out
    assert load_config(path).label_studio.project == 4


def test_a_project_whose_title_stands_in_the_config_is_adopted(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    path = written(tmp_path, fake, label_studio={"title": "Weeds 2025"})

    assert init(tmp_path).code == 0
    assert load_config(path).label_studio.project == 2
    fake.labeling.projects[1]["title"] = "Weeds 2025"
    written(tmp_path, fake, label_studio={"title": "Weeds 2025"})
    assert "say which project" in init(tmp_path).out


def test_a_number_that_no_project_has_is_refused(tmp_path: Path, fake: FakeLabelStudio) -> None:
    written(tmp_path, fake)

    assert "got no project 99" in init(tmp_path, "--project", "99").out
    assert_said(init(tmp_path, "--project", "0"), "1 or more", code=2)
    assert_said(init(tmp_path, "--project", "1", "--new"), "not allowed with", code=2)


def test_other_labels_change_nothing_and_name_the_line_to_write(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    path = written(tmp_path, fake, classes={"names": ("soil", "crop")})
    before = dict(fake.labeling.projects[2])

    done = init(tmp_path, "--project", "2")

    assert done.code == 1
    assert 'write names = ["soil", "Crop", "Weed"]' in done.out
    assert fake.labeling.projects[2] == before
    assert load_config(path).label_studio.project == 2


def test_a_project_without_a_label_config_gets_one_to_paste(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    fake.labeling.projects[2]["label_config"] = "<View></View>"
    written(tmp_path, fake)

    done = init(tmp_path, "--project", "2")

    assert done.code == 1
    assert label_config.render(ClassSet(names=("soil", "Crop", "Weed"))) in done.out


def test_tasks_of_its_own_are_not_passed_over_for_a_folder(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    written(tmp_path, fake, images={})

    done = init(tmp_path, "--project", "2")

    assert done.code == 1
    assert 'project 2 has 3 tasks of its own, and config.toml says [images] source = "folder"' in (
        done.out
    )


def test_reasons_are_shown_only_when_that_is_wished(tmp_path: Path, fake: FakeLabelStudio) -> None:
    written(tmp_path, fake)
    done = init(tmp_path, "--project", "2")
    assert "maskloop init --add-reason changes that" in done.out
    assert fake.labeling.projects[2]["label_config"] == THEIRS

    assert init(tmp_path, "--add-reason").code == 0

    assert label_config.REASON_TAG in fake.labeling.projects[2]["label_config"]
    assert fake.labeling.projects[2]["show_instruction"] is True
    assert "--add-reason" not in init(tmp_path).out


def test_a_project_of_another_store_is_left_alone(tmp_path: Path, fake: FakeLabelStudio) -> None:
    path = written(tmp_path, fake)
    fake.labeling.projects[2]["description"] = "Ours. [maskloop store abc-1]"
    before = dict(fake.labeling.projects[2])

    assert "another Maskloop works on it" in init(tmp_path, "--project", "2").out
    assert fake.labeling.projects[2] == before
    with Store(load_config(path).state / FILE) as store:
        fake.labeling.projects[2]["description"] = f"[maskloop store {store.identity()}]"
    assert init(tmp_path, "--project", "2").code == 0


def test_a_server_with_many_projects_lists_the_newest(
    tmp_path: Path, fake: FakeLabelStudio
) -> None:
    for number in range(250):
        fake.labeling.create_project({"title": f"more {number}", "label_config": THEIRS})
    written(tmp_path, fake)

    out = init(tmp_path).out

    assert "has 253, and" in out
    assert "203 older ones, and" in out
    assert "'more 249'" in out
