"""config.toml, read once at the start and checked in full.

sections.py and loop_sections.py have its tables; rendering.py writes the file from them, so that
file and code cannot differ (tests/unit/test_config.py).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from daemon.config.loop_sections import (
    Audit,
    Loop,
    Predictions,
    Selection,
    TestSet,
    Training,
    Validation,
)
from daemon.config.redaction import Redactor
from daemon.config.section import Section
from daemon.config.sections import (
    Classes,
    ConnectorChoice,
    Images,
    LabelStudioServer,
    Project,
    SmartTool,
    Storage,
    TruthFolder,
    Web,
)
from daemon.config.setting_faults import faults_in_words, setting_faults
from daemon.config.toml_lines import Lines, lines_of, read_toml
from daemon.domain import IGNORE, Budget, ClassSet
from daemon.domain.errors import ConfigError


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
    audit: Audit = Audit()
    storage: Storage = Storage()
    web: Web = Web()
    smart_tool: SmartTool = SmartTool()
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
            renamed=self.classes.renamed,
        )

    def budget(self, labels_spent: int) -> Budget:
        """The label budget with so many images labeled."""
        return Budget(labels_total=self.loop.budget_labels, labels_spent=labels_spent)


def load_config(path: Path) -> Config:
    """Return the checked settings of `path`, or raise one ConfigError that lists all faults."""
    text, content = read_content(path)
    return checked_config(content, path, lines_of(text))


def read_content(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a file and what it says as TOML, unchecked. Raises ConfigError."""
    text = read_toml(path)
    try:
        return text, tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as exc:
        raise ConfigError(f"{path}: cannot be read as TOML: {exc}; correct that line") from exc


def checked_config(content: Mapping[str, Any], path: Path, lines: Lines) -> Config:
    """The settings of a parsed file, or one ConfigError that lists all faults.

    path: where the file is, or would be; relative paths start from its folder. lines: where each
    setting stands in it.
    """
    faults = setting_faults(content)
    try:
        config = Config.model_validate({**_without_home(content), "home": path.absolute().parent})
    except ValidationError as exc:
        faults = [*faults_in_words(Config, exc), *faults]
    if faults:
        words = "\n".join(fault.sentence(lines) for fault in faults)
        raise ConfigError(f"{path}:\n{Redactor(()).words(words)}")
    return config


def _without_home(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """The content; a `home` of the file is kept under a name that is refused, not overwritten."""
    return {("[home]" if name == "home" else name): value for name, value in content.items()}
