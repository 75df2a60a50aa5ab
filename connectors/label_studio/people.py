"""The people of a Label Studio server: their names, and who has begun which open task.

Locks cannot be read (1.23.2): a task that somebody has opened and not touched looks like any other.
The drafts of a task are listed for whoever may see it, with the number of their author in
`created_username` ("Ada Lark ada@field.example, 3").
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from connectors.label_studio import tasks
from connectors.label_studio.api import Api
from connectors.label_studio.task_fields import NAME_CHARS, UNKNOWN_TIME, parse_id, parse_time
from daemon.domain import Draft
from daemon.domain.faults import printable

MOST_DRAFTS = 50  # tasks whose drafts are listed at once, a request each
MOST_USERS = 10_000
_AUTHOR = re.compile(r",\s*([0-9]{1,18})\s*$")


def user_names(api: Api) -> dict[str, str]:
    """The number of each user -> full name, else e-mail address; users without either are left
    out."""
    listed = api.get("api/users/")
    rows = listed.get("results") if isinstance(listed, dict) else listed
    listed = rows if isinstance(rows, list) else []
    users = [row for row in listed[:MOST_USERS] if isinstance(row, dict)]
    named = {
        str(parse_id(user.get("id"))): _name(user) for user in users if parse_id(user.get("id"))
    }
    return {number: name for number, name in named.items() if name}


def drafts(api: Api, project: int, open_tasks: Collection[str]) -> Sequence[Draft]:
    """Who has begun which of these tasks, of each task the newest draft."""
    numbers = sorted(int(task) for task in open_tasks if task.isascii() and task.isdigit())
    begun = [
        task["id"]
        for task in tasks.find_each(api, project, "id", numbers, ["draft_exists"])
        if task.get("draft_exists") is True
    ]
    found = []
    for number in begun[:MOST_DRAFTS]:
        listed = list(_drafts_of(number, api.get(f"api/tasks/{number}/drafts")))
        if listed:
            found.append(max(listed, key=lambda draft: draft.since))
    return found


def _drafts_of(number: int, listed: Any) -> Iterator[Draft]:
    for row in listed if isinstance(listed, list) else ():
        if not isinstance(row, dict) or row.get("annotation"):
            continue  # an edit of an annotation that was submitted
        author = _AUTHOR.search(str(row.get("created_username", "")))
        if author is not None:
            since = parse_time(row.get("updated_at")) or parse_time(row.get("created_at"))
            yield Draft(task=str(number), annotator=author[1], since=since or UNKNOWN_TIME)


def _name(user: Mapping[str, Any]) -> str:
    parts = [user.get(name) for name in ("first_name", "last_name")]
    full = " ".join(part.strip() for part in parts if isinstance(part, str) and part.strip())
    email = user.get("email")
    return printable(full or (email.strip() if isinstance(email, str) else ""), NAME_CHARS)
