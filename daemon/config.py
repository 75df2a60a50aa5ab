"""config.toml, read once at the start and checked in full.

Its tables are in daemon/sections.py; daemon/config_text.py writes the file from there, so that
file and code cannot differ (tests/unit/test_config.py).
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from daemon.domain import IGNORE, Budget, ClassSet
from daemon.errors import ConfigError
from daemon.sections import (
    Classes,
    ConnectorChoice,
    Images,
    LabelStudioServer,
    Loop,
    Predictions,
    Project,
    Section,
    Selection,
    Storage,
    TestSet,
    Training,
    TruthFolder,
    Validation,
    Web,
)


class Config(Section):
    """The whole file. `home` is the folder that relative paths start from."""

    project: Project = Project()
    classes: Classes = Classes()
    images: Images = Images()
    connector: ConnectorChoice = ConnectorChoice()
    label_studio: LabelStudioServer = LabelStudioServer()
    folder: TruthFolder = TruthFolder()
    loop: Loop = Loop()
    validation: Validation = Validation()
    selection: Selection = Selection()
    predictions: Predictions = Predictions()
    training: Training = Training()
    test: TestSet = TestSet()
    storage: Storage = Storage()
    web: Web = Web()
    home: Path = Field(default=Path(), exclude=True)

    @property
    def state(self) -> Path:
        """Folder of the store, the runs and the image cache."""
        return self.home / self.project.state_dir

    @property
    def class_set(self) -> ClassSet:
        """The classes as the domain has them."""
        return ClassSet(
            names=self.classes.names,
            ignore_label=self.classes.ignore_label,
            unlabeled=0 if self.classes.unlabeled == "background" else IGNORE,
        )

    def budget(self, labels_spent: int) -> Budget:
        """The label budget with so many images labeled."""
        return Budget(labels_total=self.loop.budget_labels, labels_spent=labels_spent)


def load_config(path: Path) -> Config:
    """Return the checked settings of `path`, or raise one ConfigError that lists all faults."""
    try:
        with path.open("rb") as file:
            content = tomllib.load(file)
    except FileNotFoundError as exc:
        raise ConfigError(f"{path}: no such file; `maskloop init` writes one") from exc
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise ConfigError(f"{path}: cannot be read as TOML: {exc}") from exc
    try:
        return Config.model_validate({**content, "home": path.absolute().parent})
    except ValidationError as exc:
        faults = "\n".join(_fault(error) for error in exc.errors())
        raise ConfigError(f"{path}:\n{faults}") from exc


def _fault(error: Any) -> str:
    *tables, key = map(str, error["loc"]) if len(error["loc"]) > 1 else ("", *error["loc"])
    words = {
        "extra_forbidden": "there is no such setting",
        "value_error": str(error.get("ctx", {}).get("error", error["msg"])),
    }.get(error["type"], error["msg"])
    if error["type"] == "value_error":
        return f"  [{'.'.join([*filter(None, tables), str(key)])}] {words}"
    return f"  [{'.'.join(tables) or key}] {key} = {error['input']!r}: {words}"
