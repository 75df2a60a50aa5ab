"""The Label Studio project as a whole: making it, reading it, and mending what people change."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.label_studio import data_manager, label_config, tasks
from connectors.label_studio import guide as guides
from connectors.label_studio.api import Api, Refused
from connectors.label_studio.image_source import FolderSource, Source
from connectors.label_studio.push import Pusher
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import ConnectorRefused, OutcomeUnknown

SAMPLING = "Uncertainty sampling"
TESTED = "1.23"
SHOWN_TASKS = 5
RETIRED_A_LOOK = 100  # some 10 s; the rest at the next looks, and behind the batch until then
LOCKS = (
    "Label Studio keeps a task for whoever opened it for LABEL_STUDIO_TASK_LOCK_TTL seconds, a day "
    "unless that is set, and does not tell how long; start it with 3600, so that an image which "
    "somebody left open goes to the others within the hour"
)

_MARK = re.compile(r"\[maskloop store ([\w-]+)\]")


@dataclass(frozen=True, kw_only=True)
class Adopted:
    """A project that the loop may use. created: whether it was made just now. faults: what a
    person still has to change. did: what was set up. notes: what to know about its label config."""

    id: int
    created: bool
    faults: tuple[Fault, ...]
    did: tuple[str, ...]
    notes: tuple[str, ...] = ()


def create_or_adopt_project(
    *,
    url: str,
    token: Callable[[], str],
    project: int | str,
    classes: ClassSet,
    source: FolderSource | None,
) -> Adopted:
    """The project with this number or title, ready for the loop; a missing title is created.

    source: the folder whose images the project shows; None for a project that has its images
    already. Running it again changes nothing. Raises ConnectorRefused for an unknown number
    or a title that several projects have.
    """
    api = Api(url, token)
    try:
        found = _find(api, project)
        adopted = found or _create(api, str(project), classes, source)
        number = int(adopted["id"])
        did = [] if found else [f"created project {number} {project!r}"]
        did += mend_settings(api, adopted, settings(source), None, classes)
        if source is not None:
            did += _register(api, number, source)
        if found is None:
            did += data_manager.hide_ours(api, number)
        faults = tuple(config_faults(adopted, classes))
        notes = label_config.notes(str(adopted["label_config"]))
        return Adopted(id=number, created=found is None, faults=faults, did=tuple(did), notes=notes)
    finally:
        api.close()


def settings(source: Source | None) -> dict[str, Any]:
    """What the loop needs the project to be set to."""
    return {
        "sampling": SAMPLING,
        "show_collab_predictions": True,
        "maximum_annotations": source.resting_overlap if source else 0,
        "show_skip_button": True,
        "skip_queue": "REQUEUE_FOR_OTHERS",  # an image is dropped when enough people skipped it
        "enable_empty_annotation": True,  # nothing drawn is all background
        "evaluate_predictions_automatically": False,
    }


def mend_settings(
    api: Api,
    project: Mapping[str, Any],
    wanted: Mapping[str, Any],
    version: str | None,
    classes: ClassSet,
    pause_min: int | None = None,
) -> list[str]:
    """Set what differs; says in words what did. version: of the predictions in force. classes and
    pause_min: what the guide for annotators is about; that the pause became another is not said."""
    wanted = {**wanted, **({"model_version": version} if version else {})}
    off = {name: value for name, value in wanted.items() if project.get(name) != value}
    guide, lacked = _guide(project, classes, pause_min)
    if not off and not guide:
        return []
    try:
        api.patch(f"api/projects/{project['id']}/", {**off, **guide})
    except Refused as exc:
        if exc.status != 400 or "model_version" not in off:
            raise
        rest = {name: value for name, value in wanted.items() if name != "model_version"}
        gone = f"the predictions {version!r} are gone from Label Studio; the next re-rank mends it"
        return [gone, *mend_settings(api, project, rest, None, classes, pause_min)]
    said = [f"{name} was {project.get(name)!r}, now {value!r} again" for name, value in off.items()]
    return said + (
        ["the instructions had no guide for these classes, it was added"] if lacked else []
    )


def claim(api: Api, project: Mapping[str, Any], owner: str) -> None:
    """Add `[maskloop store OWNER]` to the description; raise where another owner stands there."""
    found = owner_of(project)
    if not found:
        marked = f"{project.get('description') or ''} [maskloop store {owner}]".strip()
        api.patch(f"api/projects/{project['id']}/", {"description": marked})
    elif found != owner:
        raise ConnectorRefused(
            f"project {project['id']}: got the mark of the store {found}; expected "
            f"{owner}: another Maskloop works on it; stop that one, or, if its state is lost, take "
            f"the mark out of the project's description in Label Studio"
        )


def owner_of(project: Mapping[str, Any]) -> str:
    """The store whose mark is in the description, "" where none is."""
    found = _MARK.search(str(project.get("description") or ""))
    return found.group(1) if found else ""


def mend_stream(api: Api, project: int, pusher: Pusher, open_tasks: Collection[str]) -> list[str]:
    """Take tasks that were not asked out of the stream, and put those back that were."""
    wanted = {int(task) for task in open_tasks}
    served = {int(task["id"]) for task in tasks.find(api, project, tasks.in_stream(), [])}
    strangers = sorted(served - wanted)
    pusher.retire(strangers[:RETIRED_A_LOOK])
    words = []
    if strangers:
        words.append(f"kept out of the stream, nobody asked for them: {_some(strangers)}")
    if back := pusher.reveal(sorted(wanted - served)):
        words.append(f"put back into the stream: {_some(back)}")
    return words


def config_faults(project: Mapping[str, Any], classes: ClassSet) -> Sequence[Fault]:
    """Where the label config does not fit config.toml."""
    found = label_config.read(str(project["label_config"]))
    return [found] if isinstance(found, Fault) else label_config.disagreements(found, classes)


def sampling_fault(project: Mapping[str, Any]) -> Sequence[Fault]:
    """A fault when tasks would be handed out in another order than ours."""
    if project["sampling"] == SAMPLING:
        return []
    return [
        Fault(
            where=f"settings of project {project['id']}",
            got=f"sampling {project['sampling']!r}",
            expected=repr(SAMPLING),
            cure="nothing to do: the daemon sets it at its next tick",
        )
    ]


def version_fault(api: Api) -> Sequence[Fault]:
    """A fault for a Label Studio that is older than the tested one."""
    release = str(api.get("api/version").get("release", "?"))
    numbers = [int(part) if part.isdigit() else 0 for part in release.split(".")[:2]]
    if numbers >= [int(part) for part in TESTED.split(".")]:
        return []
    return [
        Fault(
            where=api.url,
            got=f"Label Studio {release}",
            expected=f"{TESTED} or newer",
            cure="update Label Studio",
        )
    ]


def _guide(
    project: Mapping[str, Any], classes: ClassSet, pause_min: int | None
) -> tuple[dict[str, str], bool]:
    """The guide behind what people wrote themselves, empty where it stands already; and whether
    there was none for these classes."""
    found = label_config.read(str(project["label_config"]))
    colours = {} if isinstance(found, Fault) else found.colours
    theirs = str(project.get("expert_instruction") or "")
    ours = guides.guide(classes, colours, pause_min)
    text = guides.instructions(theirs, ours)
    return ({} if text is None else {"expert_instruction": text}), guides.lacks(theirs, ours)


def _find(api: Api, project: int | str) -> Mapping[str, Any] | None:
    if isinstance(project, int):
        found: Mapping[str, Any] = api.get(f"api/projects/{project}/")
        return found
    rows = api.get("api/projects/", title=project, page_size=100)["results"]
    same = [row for row in rows if row["title"] == project]
    if len(same) > 1:
        numbers = ", ".join(str(row["id"]) for row in same)
        raise ConnectorRefused(
            f"projects {numbers} all have the title {project!r}; put the number of the right one "
            f"into config.toml"
        )
    return api.get(f"api/projects/{same[0]['id']}/") if same else None


def _create(
    api: Api, title: str, classes: ClassSet, source: FolderSource | None
) -> Mapping[str, Any]:
    body = {
        "title": title,
        "description": "Label images with the button Label All Tasks.",
        "label_config": label_config.config(classes),
        "show_instruction": True,
        **settings(source),
    }
    try:
        made: Mapping[str, Any] = api.post("api/projects/", body)
    except OutcomeUnknown:
        found = _find(api, title)
        if found is None:
            raise
        made = found
    return made


def _register(api: Api, project: int, source: FolderSource) -> list[str]:
    """Let Label Studio serve the folder: registering is enough, a sync would make tasks."""
    path = str(source.root)
    stored = api.get("api/storages/localfiles/", project=project)
    if any(row["path"] == path for row in stored):
        return []
    body = {"project": project, "path": path, "title": "Maskloop images", "use_blob_urls": True}
    api.post("api/storages/localfiles/", body)
    return [f"registered {path} as local storage"]


def _some(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:SHOWN_TASKS])
    rest = len(numbers) - SHOWN_TASKS
    return f"{len(numbers)} tasks, {shown}{f' and {rest} more' if rest > 0 else ''}"
