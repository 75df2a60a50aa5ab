"""The first page: model, budget, batch, curve, corrections and health. Its JSON is the status."""

from __future__ import annotations

from daemon.status.model import Status
from daemon.web.page import Page


def view(status: Status) -> Status:
    """All of the status."""
    return status


PAGE = Page(
    name="overview",
    title="Overview",
    template="overview.html",
    model=Status,
    view=view,
    address="/",
    old_json_address="/status.json",
)
