"""Which project `maskloop init` adopts, and what has to be settled with a person before it does."""

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

SHOWN_PROJECTS = 50
DEFAULT_CONFIG = Path("config.toml")
_YES = ("", "y", "yes")


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What the options of `init` ask for. project: the number of the one to adopt. new: an empty
    one, also beside others. add_reason: that people see why an image is asked."""

    project: int | None = None
    new: bool = False
    add_reason: bool = False


@dataclass(frozen=True, kw_only=True)
class Talk:
    """How `init` speaks. say: shows a line. ask: shows a question and gives the answer; None where
    nobody can answer."""

    say: Callable[[str], None]
    ask: Callable[[str], str] | None = None

    def agreed(self, question: str) -> bool:
        """Whether somebody is there and says yes, which is the default."""
        return self.ask is not None and self.ask(f"{question} [Y/n] ").strip().lower() in _YES


def command(path: Path, name: str) -> str:
    """A command of ours as a person types it for the settings at `path`."""
    place = "" if path == DEFAULT_CONFIG else f"--config {shlex.quote(str(path))} "
    return f"maskloop {place}{name}"


def chosen(
    path: Path, config: Config, wish: Wish, talk: Talk, server: ServerProjects
) -> ServerProject | None:
    """The project to adopt, None for a new one. Raises ConfigError where that is open."""
    named = config.label_studio
    if named.project:
        if wish.new or wish.project not in (None, named.project):
            kept = ", and another [project] state_dir" if (config.state / FILE).exists() else ""
            raise ConfigError(
                f"{path}: got [label_studio] project = {named.project} already; expected no other "
                f"choice; write project = 0 there to choose anew{kept}"
            )
        return server.get(named.project)
    if wish.project is not None:
        return server.get(wish.project)
    there = server.list_all()
    same = [one for one in there if one.title == named.title]
    if wish.new and same:
        raise ConfigError(
            f"project {same[0]} has the title of [label_studio] title already; write another "
            f"title, or adopt it: {command(path, f'init --project {same[0].number}')}"
        )
    if wish.new or not there:
        return None
    if len(same) == 1:
        return same[0]
    return _asked(path, config, there, talk)


def _asked(
    path: Path, config: Config, there: Sequence[ServerProject], talk: Talk
) -> ServerProject | None:
    """The one that a person names. Raises ConfigError where nobody does."""
    numbers = {str(one.number): one for one in there}
    listed = [f"  {one}" for one in there[-SHOWN_PROJECTS:]]
    if len(there) > SHOWN_PROJECTS:
        listed.insert(0, f"  {len(there) - SHOWN_PROJECTS} older ones, and")
    title = config.label_studio.title
    if talk.ask is not None:
        talk.say(f"projects of {config.label_studio.url}:")
        for line in listed:
            talk.say(line)
        question = f"number of the project to adopt, or new for an empty one named {title!r}: "
        answer = talk.ask(question).strip()
        if answer == "new":
            return None
        if answer in numbers:
            return numbers[answer]
        raise ConfigError(
            f"got {answer!r}; expected the number of one of these projects, or new; run init again"
        )
    raise ConfigError(
        "\n".join(
            [
                f"say which project: {config.label_studio.url} has {len(there)}, and {path} names "
                f"none of them:",
                *listed,
                f"  to adopt one: {command(path, 'init --project NUMBER')}",
                f"  to make an empty one named {title!r}: {command(path, 'init --new')}",
            ]
        )
    )


def with_source(path: Path, config: Config, chosen: ServerProject, talk: Talk) -> Config:
    """The settings, after it was settled whether an adopted project keeps its own images."""
    if not chosen.tasks or chosen.owner or config.images.source == "project":
        return config
    found = f"project {chosen.number} has {chosen.tasks} tasks of its own"
    if talk.agreed(f'{found}: use these images ([images] source = "project")?'):
        write_setting(path, "images", "source", "project")
        talk.say(f'{path}: source = "project"')
        return load_config(path)
    if not config.label_studio.document_root:
        raise ConfigError(
            f'{found}, and {path} says [images] source = "folder": write source = "project" to use '
            f"them; or name the folder that Label Studio serves in [label_studio] document_root, "
            f"and Maskloop makes further tasks from [images] folder"
        )
    talk.say(f'note: {found}; Maskloop makes others from [images] folder, as source = "folder"')
    return config


def with_classes(
    path: Path, config: Config, number: int, talk: Talk, server: ServerProjects
) -> tuple[Config, Sequence[str]]:
    """The settings with the classes of the project, where somebody takes them; and what to do
    where they differ: nothing in the project was changed then."""
    faults = server.config_faults(number, config.class_set)
    if faults and (text := server.config_to_paste(number, config.class_set)):
        return config, [f"{faults[0]}; for the classes of {path} that is:\n{text}"]
    names = classes_for(config.classes, server.labels(number)) if faults else []
    if not names:
        return config, [str(fault) for fault in faults]
    said = json.dumps(names, ensure_ascii=False)
    question = f"the project has other labels than {path}: take them as classes, names = {said}?"
    if not (config.state / FILE).exists() and talk.agreed(question):
        write_setting(path, "classes", "names", names)
        talk.say(f"{path}: names = {said}")
        config = load_config(path)
        return config, [str(one) for one in server.config_faults(number, config.class_set)]
    advice = f"to take the labels of project {number} as they are, write names = {said} in {path}"
    return config, [*map(str, faults), f"{advice}, under [classes]"]


def classes_for(classes: Classes, labels: Sequence[str]) -> list[str]:
    """Class names that fit the labels of a project, background first: those of config.toml in
    their order, then the others. Empty where these fit, or where no names would. Pure."""
    drawn = dict.fromkeys(classes.renamed.get(name, name) for name in labels)
    drawn.pop(classes.ignore_label, None)
    first = classes.names[0]
    if not drawn:
        return []
    if classes.unlabeled == "background":
        if first in drawn and "background" in drawn:
            return []  # a project whose background is drawn: the fault says so
        first = "background" if first in drawn else first
        drawn = {first: None, **drawn}
    kept = [name for name in classes.names if name in drawn and name != first]
    names = [first, *kept] if first in drawn else kept
    names += [name for name in drawn if name not in names]
    return [] if names == list(classes.names) else names


def show_reason(path: Path, number: int, wish: Wish, talk: Talk, server: ServerProjects) -> None:
    """Let people see why an image is asked, where that is wished; say how otherwise."""
    hides = server.reason_obstacles(number)
    if not hides:
        return
    words = " and ".join(hides)
    question = f"people would not see why an image is asked, or asked again: {words}; change that?"
    if wish.add_reason or talk.agreed(question):
        for line in server.show_reason(number):
            talk.say(line)
    else:
        talk.say(
            f"note: people do not see why an image is asked, or asked again: {words}; "
            f"{command(path, 'init --add-reason')} changes that"
        )
