"""`exclude` leaves images out of the pool for good; `include` takes them back."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from daemon.domain import Exclusion, Image, Role, TaskState
from daemon.domain.errors import CommandPostponed
from daemon.domain.faults import printable
from daemon.domain.formatting import count
from daemon.stages.commands.named_images import Refusals, require_known
from daemon.stages.commands.verb import Arguments, ImageIds, ReasonText, Verb
from daemon.stages.context import Context

_NO_REASON = "left out by a person"


class ExcludeArguments(Arguments):
    """Which images, and why."""

    ids: ImageIds
    reason: ReasonText = ""


class IncludeArguments(Arguments):
    """Which images."""

    ids: ImageIds


def exclude(context: Context, arguments: ExcludeArguments) -> str:
    """Leave these images out of the pool: they are not asked, trained on or scored any more.

    Their open tasks are taken back, and their labels stay but do not count. Validation images and
    copies cannot be left out.
    """
    store = context.store
    images = require_known(store, arguments.ids)
    refusals = Refusals(_not_to_exclude(images, store.excluded()))
    wanted = refusals.others(images)
    if sending := store.pending_ids() & wanted:
        raise CommandPostponed(f"image {min(sending)} is being sent to the labeling tool just now")
    tasks = [task.id for task in store.tasks(TaskState.OPEN) if task.image_id in wanted]
    if tasks:
        context.connector.retire(tasks)
    reason = printable(arguments.reason) or _NO_REASON
    with store.atomic():
        store.exclude(Exclusion.PERSON, dict.fromkeys(sorted(wanted), reason))
        store.set_task_state(tasks, TaskState.RETIRED, context.now())
    taken_back = f"; {count(len(tasks), 'open task')} taken back" if tasks else ""
    return f"{count(len(wanted), 'image')} left out of the pool{taken_back}{refusals.words}"


def include(context: Context, arguments: IncludeArguments) -> str:
    """Take back images that a person left out; the next cycle looks whether they resemble
    validation or test images."""
    store = context.store
    images, excluded = require_known(store, arguments.ids), store.excluded()
    refusals = Refusals(
        {
            image_id: f"is left out for another reason ({why.value})"
            for image_id in images
            if (why := excluded.get(image_id)) not in (None, Exclusion.PERSON)
        }
    )
    wanted = refusals.others(images)
    left_out = [image_id for image_id in sorted(wanted) if image_id in excluded]
    store.readmit(left_out, "taken back by a person")
    return f"{count(len(wanted), 'image')} in the pool again{refusals.words}"


def _not_to_exclude(
    images: Mapping[int, Image], excluded: Mapping[int, Exclusion]
) -> dict[int, str]:
    """Image id -> why it cannot be left out."""
    validation = _with_role(images.values(), Role.VALIDATION)
    copies = {i for i in images if excluded.get(i) is Exclusion.COPY}
    return dict.fromkeys(validation, "measures the model, and validation never moves") | (
        dict.fromkeys(copies, "is a copy, which is not asked; leave out the image that it copies")
    )


def _with_role(images: Collection[Image], role: Role) -> set[int]:
    return {image.id for image in images if image.role is role}


EXCLUDE = Verb(
    summary="leave images out of the pool for good: ids=1,2 reason=TEXT",
    arguments=ExcludeArguments,
    carry_out=exclude,
)
INCLUDE = Verb(
    summary="take back images that were left out by exclude: ids=1,2",
    arguments=IncludeArguments,
    carry_out=include,
)
