"""The Label Studio project: its creation, its settings, its stream, and their repair."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.label_studio import data_manager, label_config, tasks
from connectors.label_studio import guide as guides
from connectors.label_studio.api import Api
from connectors.label_studio.api_errors import ApiRefused
from connectors.label_studio.image_source import FolderSource, Source
from connectors.label_studio.push import Pusher
from connectors.label_studio.smart_tags import with_smart_tag
from daemon.domain import ClassSet, Fault
from daemon.domain.errors import ConnectorRefused, OutcomeUnknown

SAMPLING = "Uncertainty sampling"  # called a feature of another edition; works by the API
MIN_RELEASE = "1.23"
NAMED_TASKS = 5  # in a message
MAX_RETIRED_PER_REPAIR = 100  # takes some 10 s; the others follow at the next ticks
LOCK_ADVICE = (
    "Label Studio keeps a task for whoever opened it for LABEL_STUDIO_TASK_LOCK_TTL seconds, a day "
    "unless that is set, and does not tell how long; start it with 3600, so that an image which "
    "somebody left open goes to the others within the hour"
)

_MARK = re.compile(r"\[maskloop store ([\w-]+)\]")


@dataclass(frozen=True, kw_only=True)
class AdoptedProject:
    """A project that the loop may use. created: whether it is new. faults: what a person still has
    to change. actions: what was set up, in words. notes: on its label config."""

    id: int
    created: bool
    faults: tuple[Fault, ...]
    actions: tuple[str, ...]
    notes: tuple[str, ...] = ()


def create_or_adopt_project(
    *,
    url: str,
    token: Callable[[], str],
    project: int | str,
    classes: ClassSet,
    source: FolderSource | None,
    smart_tool: bool = False,
) -> AdoptedProject:
    """The project with this number or title, ready for the loop; a missing title is created.

    source: the folder whose images the project shows; None for a project that has its images
    already. smart_tool: whether people can click in a project that is created. Running it again
    changes nothing. Raises ConnectorRefused for an unknown number or a title that several have.
    """
    with Api(url, token) as api:
        found = _find(api, project)
        adopted = found or _create(api, str(project), classes, source, smart_tool=smart_tool)
        number = int(adopted["id"])
        actions = [] if found else [f"created project {number} {project!r}"]
        actions += repair_settings(
            api, adopted, required_settings(source), None, classes, smart_tool=smart_tool
        )
        if source is not None:
            actions += _register(api, number, source)
        if found is None:
            actions += data_manager.hide_our_columns(api, number)
        return AdoptedProject(
            id=number,
            created=found is None,
            faults=tuple(config_faults(adopted, classes)),
            actions=tuple(actions),
            notes=label_config.notes(str(adopted["label_config"])),
        )


def required_settings(source: Source | None) -> dict[str, Any]:
    """The project settings that the loop needs, by Label Studio's names."""
    return {
        "sampling": SAMPLING,
        "show_collab_predictions": True,
        "maximum_annotations": source.default_overlap if source else 0,
        "show_skip_button": True,
        "skip_queue": "REQUEUE_FOR_OTHERS",  # an image is dropped when enough people skipped it
        "enable_empty_annotation": True,  # nothing drawn is all background
        "evaluate_predictions_automatically": False,
    }


def repair_settings(
    api: Api,
    project: Mapping[str, Any],
    required: Mapping[str, Any],
    version: str | None,
    classes: ClassSet,
    pause_min: int | None = None,
    *,
    smart_tool: bool = False,
) -> list[str]:
    """Set the settings that differ; returns in words which did.

    version: of the predictions in force. classes, pause_min, smart_tool: for the annotators' guide;
    a guide that only gets another pause is replaced in silence.
    """
    required = {**required, **({"model_version": version} if version else {})}
    changed = {name: value for name, value in required.items() if project.get(name) != value}
    guide, was_missing = _guide(project, classes, pause_min, smart_tool=smart_tool)
    if not changed and not guide:
        return []
    try:
        api.patch(f"api/projects/{project['id']}/", {**changed, **guide})
    except ApiRefused as exc:
        if exc.status != 400 or "model_version" not in changed:
            raise
        rest = {name: value for name, value in required.items() if name != "model_version"}
        deleted = (
            f"the predictions {version!r} were deleted in Label Studio; the next re-rank repairs it"
        )
        again = repair_settings(api, project, rest, None, classes, pause_min, smart_tool=smart_tool)
        return [deleted, *again]
    words = [
        f"{name} was {project.get(name)!r}, now {value!r} again" for name, value in changed.items()
    ]
    added = ["the instructions had no guide for these classes, it was added"] if was_missing else []
    return words + added


def claim(api: Api, project: Mapping[str, Any], owner: str) -> None:
    """Add `[maskloop store OWNER]` to the description. Raises ConnectorRefused where the mark of
    another store is there."""
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


def repair_stream(api: Api, project: int, pusher: Pusher, open_tasks: Collection[str]) -> list[str]:
    """Take tasks that were not pushed out of the stream, and put those back that were; returns in
    words which ones."""
    pushed = {int(task) for task in open_tasks}
    served = {int(task["id"]) for task in tasks.find(api, project, tasks.in_stream(), [])}
    others = sorted(served - pushed)
    pusher.retire(others[:MAX_RETIRED_PER_REPAIR])
    words = []
    if others:
        words.append(f"kept out of the stream, nobody asked for them: {_first_few(others)}")
    if returned := pusher.return_to_stream(sorted(pushed - served)):
        words.append(f"put back into the stream: {_first_few(returned)}")
    return words


def config_faults(project: Mapping[str, Any], classes: ClassSet) -> Sequence[Fault]:
    """Where the label config does not fit config.toml."""
    found = label_config.parse(str(project["label_config"]))
    return [found] if isinstance(found, Fault) else label_config.class_mismatches(found, classes)


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
    if numbers >= [int(part) for part in MIN_RELEASE.split(".")]:
        return []
    return [
        Fault(
            where=api.url,
            got=f"Label Studio {release}",
            expected=f"{MIN_RELEASE} or newer",
            cure="update Label Studio",
        )
    ]


def _guide(
    project: Mapping[str, Any], classes: ClassSet, pause_min: int | None, *, smart_tool: bool
) -> tuple[dict[str, str], bool]:
    """The instructions with the current guide, empty where they have it; and whether they had no
    guide for these classes."""
    found = label_config.parse(str(project["label_config"]))
    colours = {} if isinstance(found, Fault) else found.colours
    instructions = str(project.get("expert_instruction") or "")
    guide = guides.guide(classes, colours, pause_min, smart_tool=smart_tool)
    text = guides.with_guide(instructions, guide)
    change = {} if text is None else {"expert_instruction": text}
    return change, guides.is_missing(instructions, guide)


def _find(api: Api, project: int | str) -> Mapping[str, Any] | None:
    if isinstance(project, int):
        found: Mapping[str, Any] = api.get(f"api/projects/{project}/")
        return found
    rows = api.get("api/projects/", title=project, page_size=100)["results"]
    same = [row for row in rows if row["title"] == project]
    if len(same) > 1:
        numbers = ", ".join(str(row["id"]) for row in same)
        raise ConnectorRefused(
            f"projects {numbers}: got the title {project!r} on each; expected one such project; "
            f"put the number of the right one into config.toml"
        )
    return api.get(f"api/projects/{same[0]['id']}/") if same else None


def _create(
    api: Api, title: str, classes: ClassSet, source: FolderSource | None, *, smart_tool: bool
) -> Mapping[str, Any]:
    config = label_config.render(classes)
    body = {
        "title": title,
        "description": "Label images with the button Label All Tasks.",
        "label_config": with_smart_tag(config) if smart_tool else config,
        "show_instruction": True,
        **required_settings(source),
    }
    try:
        created: Mapping[str, Any] = api.post("api/projects/", body)
    except OutcomeUnknown:
        found = _find(api, title)
        if found is None:
            raise
        created = found
    return created


def _register(api: Api, project: int, source: FolderSource) -> list[str]:
    """Register the folder as local storage, which lets Label Studio serve it; a sync of that
    storage would create tasks."""
    path = str(source.root)
    stored = api.get("api/storages/localfiles/", project=project)
    if any(row["path"] == path for row in stored):
        return []
    body = {"project": project, "path": path, "title": "Maskloop images", "use_blob_urls": True}
    api.post("api/storages/localfiles/", body)
    return [f"registered {path} as local storage"]


def _first_few(numbers: Sequence[int]) -> str:
    shown = ", ".join(str(number) for number in numbers[:NAMED_TASKS])
    rest = len(numbers) - NAMED_TASKS
    return f"{len(numbers)} tasks, {shown}{f' and {rest} more' if rest > 0 else ''}"
