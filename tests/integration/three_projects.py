"""A server with three projects, the second of them with three images, and a config.toml for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.config.loading import Config
from daemon.config.rendering import render
from tests.fakes.label_studio import FakeLabelStudio
from tests.integration.workbench import paint_images

THEIRS = (
    '<View>\n<Image name="i" value="$image"/>\n<BrushLabels name="b" toName="i">'
    '<Label value="Crop"/><Label value="Weed"/></BrushLabels>\n</View>'
)


@contextmanager
def three_projects(home: Path) -> Iterator[FakeLabelStudio]:
    """The server, which serves its pictures from the folder."""
    paint_images(home / "pictures", 3)
    with FakeLabelStudio(home) as server:
        for title in ("Field trial", "Weeds 2025", "Empty one"):
            server.labeling.create_project({"title": title, "label_config": THEIRS})
        for number in range(3):
            name = f"/data/upload/2/field{number:02d}.png"
            content = (home / "pictures" / f"field{number:02d}.png").read_bytes()
            server.uploads[name] = content
            server.labeling.import_tasks(2, [{"data": {"image": name}}])
        yield server


def written(home: Path, fake: FakeLabelStudio, **tables: Any) -> Path:
    """A config.toml for this server: classes as in the projects, images of the project."""
    named = {"url": fake.url, "token_file": "token", **tables.pop("label_studio", {})}
    (home / "token").write_text(fake.token)
    (home / "token").chmod(0o600)
    settings = {
        "classes": {"names": ("soil", "Crop", "Weed")},
        "images": {"source": "project"},
        "label_studio": named,
        **tables,
    }
    path = home / "config.toml"
    path.write_text(render(Config.model_validate(settings)))
    return path
