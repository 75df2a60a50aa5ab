"""Asking Label Studio for tasks: filters instead of whole lists, few fields instead of all.

Measured at 10000 tasks: a filtered page answers in 0.1 to 0.5 s, a list of all tasks with
their data in 8 s, the SDK's own task list in 64 s.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from connectors.label_studio.api import Api, Refused

PAGE = 1000
CHARS = 6000  # of values in an address; servers behind a proxy stop at 8000
TIME = "%Y-%m-%dT%H:%M:%S.%fZ"  # Label Studio answers 500 to a time without microseconds

Task = dict[str, Any]
Condition = dict[str, Any]


def is_since(field: str, moment: datetime) -> Condition:
    """Tasks whose `field` is this moment (UTC) or later."""
    return _condition(field, "greater_or_equal", "Datetime", moment.strftime(TIME))


def in_stream() -> list[Condition]:
    """Tasks that "Label All Tasks" may hand out."""
    return [
        _condition("overlap", "greater", "Number", 0),
        _condition("is_labeled", "equal", "Boolean", False),
    ]


def has_prediction_of(version: str) -> Condition:
    """Tasks with a prediction of this version, or of one whose name contains it."""
    return _condition("predictions_model_versions", "contains", "List", [version])


# No task is left out by it; but asked for so, `annotations_ids` is told, empty without answers.
TELLS_ANSWERS: Condition = {
    "filter": "filter:tasks:annotations_ids",
    "operator": "not_in_list",
    "type": "List",
    "value": [0],
}


def find(
    api: Api, project: int, conditions: Sequence[Condition], fields: Collection[str]
) -> Iterator[Task]:
    """Tasks that meet all conditions, by id, with these fields.

    Each page asks for ids above the last one, so none is missed while others disappear.
    """
    last = 0
    while True:
        above = [*conditions, _condition("id", "greater", "Number", last)]
        found, total = find_page(
            api, project, above, fields, order="tasks:id", page=1, page_size=PAGE
        )
        yield from found
        if total <= len(found) or not found:
            return
        last = found[-1]["id"]


def find_each(
    api: Api,
    project: int,
    field: str,
    values: Collection[str | int],
    fields: Collection[str],
) -> Iterator[Task]:
    """Tasks whose `field` is one of these values. The values travel in the address, so many
    of them take several requests."""
    chunk: list[str | int] = []
    chars = 0
    for value in values:
        length = len(quote(quote(str(value)))) + 10  # as it travels, with its separator
        if chunk and chars + length > CHARS:
            yield from find(api, project, [_condition(field, "in_list", "List", chunk)], fields)
            chunk, chars = [], 0
        chunk.append(value)
        chars += length
    if chunk:
        yield from find(api, project, [_condition(field, "in_list", "List", chunk)], fields)


def find_page(
    api: Api,
    project: int,
    conditions: Sequence[Condition],
    fields: Collection[str],
    *,
    order: str,
    page: int,
    page_size: int,
) -> tuple[list[Task], int]:
    """One page (1-based) of such tasks, and how many there are in all."""
    query = {"ordering": [order], "filters": {"conjunction": "and", "items": list(conditions)}}
    try:
        answer = _page(api, project, query, fields, page, page_size)
    except Refused as exc:
        if exc.status == 404 and "Invalid page" in str(exc):  # the list became shorter meanwhile
            return [], 0
        raise
    return answer["tasks"], answer["total"]


def _page(
    api: Api, project: int, query: object, fields: Collection[str], page: int, page_size: int
) -> Any:
    return api.get(
        "api/tasks",
        project=project,
        query=quote(json.dumps(query)),  # Label Studio unquotes it once more than HTTP does
        fields="all" if {"annotations", "predictions"} & set(fields) else "task_only",
        include=",".join(sorted({"id", *fields})),
        resolve_uri="false",
        page=page,
        page_size=page_size,
    )


def _condition(field: str, operator: str, kind: str, value: object) -> Condition:
    return {
        "filter": f"filter:tasks:{field}",
        "operator": operator,
        "type": kind,
        "value": value,
    }
