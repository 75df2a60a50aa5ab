"""README's five steps as a newcomer with a project of 60 images takes them, on a real Label Studio
that has other projects too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.config.editing import write_setting
from daemon.config.loading import load_config
from daemon.demo.label_studio_server import LabelStudioServer
from tests.fakes.command import Ended, run_command
from tests.integration.workbench import paint_images
from tests.live.live_server import MakeUser

pytestmark = pytest.mark.live

IMAGES = 60
THEIRS = (
    '<View>\r\n  <!-- ours > theirs -->\n  <Image name="img" value="$image"/>\n'
    '  <BrushLabels name="tag" toName="img">\n    <Label value="Crop"/>'
    '<Label value="Weed" background="#ff0000"/>\n  </BrushLabels>\n</View>'
)


@pytest.fixture
def api(label_studio: LabelStudioServer) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Token {label_studio.credentials.token}"}
    with httpx.Client(base_url=label_studio.url, headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def projects(api: httpx.Client, tmp_path: Path) -> list[int]:
    """Three projects; the second has the images."""
    paint_images(tmp_path / "pictures", IMAGES)
    numbers = []
    for title in ("Field trial", "Weeds of 2025", "Nothing yet"):
        body = {"title": title, "label_config": THEIRS}
        numbers.append(int(api.post("/api/projects/", json=body).raise_for_status().json()["id"]))
    paths = sorted((tmp_path / "pictures").iterdir())
    for start in range(0, IMAGES, 20):
        files = [(path.name, (path.name, path.read_bytes(), "image/png"))
                 for path in paths[start : start + 20]]  # fmt: skip
        api.post(f"/api/projects/{numbers[1]}/import", files=files).raise_for_status()
    return numbers


@pytest.mark.long
def test_a_newcomer_adopts_a_project_of_60_images_by_the_steps_of_the_readme(
    label_studio: LabelStudioServer,
    api: httpx.Client,
    projects: list[int],
    annotator: MakeUser,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("LABEL_STUDIO_API_KEY", raising=False)
    path, mine = tmp_path / "config.toml", projects[1]

    def maskloop(*words: str) -> Ended:
        return run_command(*words, folder=tmp_path)

    def project(number: int = mine) -> dict[str, Any]:
        return dict(api.get(f"/api/projects/{number}/").raise_for_status().json())

    first = maskloop("init")  # 1. install
    assert (first.code, first.err) == (1, "")
    assert "export LABEL_STUDIO_API_KEY=" in first.out
    write_setting(path, "label_studio", "url", label_studio.url)
    write_setting(path, "images", "source", "project")
    write_setting(path, "storage", "min_free_gb", 0)
    write_setting(path, "selection", "duplicate_similarity", 1.0)  # painted images are alike
    write_setting(path, "web", "port", 0)
    untouched = [project(number) for number in projects]

    monkeypatch.setenv("LABEL_STUDIO_API_KEY", label_studio.credentials.token)  # 2. token

    which = maskloop("init")  # 3. project
    assert which.code == 1
    assert f"{mine}  'Weeds of 2025', {IMAGES} tasks, 0 annotations" in which.out
    assert "init --project NUMBER" in which.out
    other_labels = maskloop("init", "--project", str(mine))
    assert other_labels.code == 1
    assert [project(number) for number in projects] == untouched
    assert 'write names = ["soil", "Crop", "Weed"]' in other_labels.out
    write_setting(path, "classes", "names", ["soil", "Crop", "Weed"])
    ready = maskloop("init", "--add-reason")
    assert ready.code == 0, ready.out
    assert ready.out.splitlines()[-1] == "ready; next: maskloop check"
    assert load_config(path).label_studio.project == mine
    now = project()
    assert now["label_config"].replace('\r\n  <Header value="$maskloop_reason" size="5"/>', "") == (
        THEIRS
    )
    assert now["show_instruction"] is True
    assert [project(number) for number in (projects[0], projects[2])] == untouched[::2]

    checked = maskloop("check")  # 4. check
    assert (checked.code, checked.out.splitlines()[-1]) == (0, "all well"), checked.out
    assert maskloop("once").code == 0

    task = annotator("ada").next_task(mine)  # 5. annotators
    assert task is not None
    assert task.details["data"]["maskloop_reason"]
