"""Which project `maskloop init` adopts, and the questions that it asks before it does."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.config.editing import write_setting
from daemon.config.loading import Config, load_config
from daemon.config.sections import Classes
from daemon.domain.errors import ConfigError
from daemon.store import FILE

if TYPE_CHECKING:
    from connectors.label_studio import ServerProject, ServerProjects

MAX_LISTED = 50
DEFAULT_CONFIG = Path("config.toml")
_YES = ("", "y", "yes")


@dataclass(frozen=True, kw_only=True)
class InitOptions:
    """The options of `maskloop init`.

    project: number of the project to adopt. new: create an empty one, also beside others.
    add_reason: show annotators why an image is asked. add_smart_tool: let them click.
    """

    project: int | None = None
    new: bool = False
    add_reason: bool = False
    add_smart_tool: bool = False


@dataclass(frozen=True, kw_only=True)
class Dialog:
    """The dialog of `init` with a person.

    say: shows a line. ask: shows a question and returns the answer; None: nobody can answer, as in
    a script.
    """

    say: Callable[[str], None]
    ask: Callable[[str], str] | None = None

    def confirm(self, question: str) -> bool:
        """Whether a person answers yes, which is the default; False if nobody can answer."""
        return self.ask is not None and self.ask(f"{question} [Y/n] ").strip().lower() in _YES


def command_line(path: Path, name: str) -> str:
    """The command line of `maskloop NAME` for the settings at `path`."""
    option = "" if path == DEFAULT_CONFIG else f"--config {shlex.quote(str(path))} "
    return f"maskloop {option}{name}"


def choose_project(
    path: Path, config: Config, options: InitOptions, dialog: Dialog, server: ServerProjects
) -> ServerProject | None:
    """The project to adopt; None: create a new one.

    Raises ConfigError if neither settings, options nor a person decide it.
    """
    settings = config.label_studio
    if settings.project:
        if options.new or options.project not in (None, settings.project):
            kept = ", and another [project] state_dir" if (config.state / FILE).exists() else ""
            raise ConfigError(
                f"{path}: got [label_studio] project = {settings.project} already; expected no "
                f"other choice; write project = 0 there to choose again{kept}"
            )
        return server.get(settings.project)
    if options.project is not None:
        return server.get(options.project)
    projects = server.list_all()
    same = [project for project in projects if project.title == settings.title]
    if options.new and same:
        raise ConfigError(
            f"project {same[0]} has the title of [label_studio] title already; write another "
            f"title, or adopt it: {command_line(path, f'init --project {same[0].number}')}"
        )
    if options.new or not projects:
        return None
    if len(same) == 1:
        return same[0]
    return _ask_for_project(path, config, projects, dialog)


def _ask_for_project(
    path: Path, config: Config, projects: Sequence[ServerProject], dialog: Dialog
) -> ServerProject | None:
    """The project that a person chooses. Raises ConfigError if nobody can answer, or not so."""
    by_number = {str(project.number): project for project in projects}
    listed = [f"  {project}" for project in projects[-MAX_LISTED:]]
    if len(projects) > MAX_LISTED:
        listed.insert(0, f"  {len(projects) - MAX_LISTED} older ones, and")
    title = config.label_studio.title
    if dialog.ask is not None:
        dialog.say(f"projects of {config.label_studio.url}:")
        for line in listed:
            dialog.say(line)
        question = f"number of the project to adopt, or new for an empty one named {title!r}: "
        answer = dialog.ask(question).strip()
        if answer == "new":
            return None
        if answer in by_number:
            return by_number[answer]
        raise ConfigError(
            f"got {answer!r}; expected the number of one of these projects, or new; run init again"
        )
    raise ConfigError(
        "\n".join(
            [
                f"say which project: {config.label_studio.url} has {len(projects)}, and {path} "
                f"names none of them:",
                *listed,
                f"  to adopt one: {command_line(path, 'init --project NUMBER')}",
                f"  to create an empty one named {title!r}: {command_line(path, 'init --new')}",
            ]
        )
    )


def settle_image_source(
    path: Path, config: Config, project: ServerProject, dialog: Dialog
) -> Config:
    """The settings, after a person decided whether an adopted project uses its own images.

    Raises ConfigError if it does not and no folder for other images is set.
    """
    if not project.tasks or project.owner or config.images.source == "project":
        return config
    tasks = f"project {project.number} has {project.tasks} tasks of its own"
    if dialog.confirm(f'{tasks}: use these images ([images] source = "project")?'):
        write_setting(path, "images", "source", "project")
        dialog.say(f'{path}: source = "project"')
        return load_config(path)
    if not config.label_studio.document_root:
        raise ConfigError(
            f'{tasks}, and {path} says [images] source = "folder": write source = "project" to use '
            f"them; or name the folder that Label Studio serves in [label_studio] document_root, "
            f"and Maskloop makes further tasks from [images] folder"
        )
    dialog.say(f'note: {tasks}; Maskloop makes others from [images] folder, as source = "folder"')
    return config


def settle_class_names(
    path: Path, config: Config, number: int, dialog: Dialog, server: ServerProjects
) -> tuple[Config, Sequence[str]]:
    """The settings, with the class names of the project if a person accepts them, and what to do
    if the two differ. Nothing in the project is changed.
    """
    faults = server.config_faults(number, config.class_set)
    if faults and (text := server.config_to_paste(number, config.class_set)):
        return config, [f"{faults[0]}; for the classes of {path} that is:\n{text}"]
    names = classes_for(config.classes, server.labels(number)) if faults else []
    if not names:
        return config, [str(fault) for fault in faults]
    listed = json.dumps(names, ensure_ascii=False)
    question = f"the project has other labels than {path}: take them as classes, names = {listed}?"
    if not (config.state / FILE).exists() and dialog.confirm(question):
        write_setting(path, "classes", "names", names)
        dialog.say(f"{path}: names = {listed}")
        config = load_config(path)
        return config, [str(fault) for fault in server.config_faults(number, config.class_set)]
    advice = f"to take the labels of project {number} as they are, write names = {listed} in {path}"
    return config, [*map(str, faults), f"{advice}, under [classes]"]


def classes_for(classes: Classes, labels: Sequence[str]) -> list[str]:
    """Class names that fit the labels of a project. Pure.

    Background first, then the names of config.toml in their order, then the others. Empty if the
    present names fit, or if no names would.
    """
    drawn = dict.fromkeys(classes.renamed.get(name, name) for name in labels)
    drawn.pop(classes.ignore_label, None)
    first = classes.names[0]
    if not drawn:
        return []
    if classes.unlabeled == "background":
        if first in drawn and "background" in drawn:
            return []  # people draw the background too: `config_faults` reports that
        first = "background" if first in drawn else first
        drawn = {first: None, **drawn}
    kept = [name for name in classes.names if name in drawn and name != first]
    names = [first, *kept] if first in drawn else kept
    names += [name for name in drawn if name not in names]
    return [] if names == list(classes.names) else names


def show_reason(
    path: Path, number: int, options: InitOptions, dialog: Dialog, server: ServerProjects
) -> None:
    """Show annotators why an image is asked, if the options or a person want it; else say how."""
    obstacles = server.reason_obstacles(number)
    if not obstacles:
        return
    cause = " and ".join(obstacles)
    question = f"people would not see why an image is asked, or asked again: {cause}; change that?"
    if options.add_reason or dialog.confirm(question):
        for line in server.show_reason(number):
            dialog.say(line)
    else:
        dialog.say(
            f"note: people do not see why an image is asked, or asked again: {cause}; "
            f"{command_line(path, 'init --add-reason')} changes that"
        )


def settle_smart_tool(
    path: Path, number: int, options: InitOptions, dialog: Dialog, server: ServerProjects
) -> None:
    """Add the tag that people click with, if the options or a person want it; else say how."""
    faults = server.smart_tool_faults(number) if load_config(path).smart_tool.enabled else ()
    if not faults:
        return
    cause = "; ".join(fault.got for fault in faults)
    question = f"people cannot click with the smart tool: {cause}; change the label config?"
    if options.add_smart_tool or dialog.confirm(question):
        for line in server.add_smart_tool(number):
            dialog.say(line)
    else:
        dialog.say(
            f"note: people cannot click with the smart tool: {cause}; "
            f"{command_line(path, 'init --add-smart-tool')} changes that"
        )
