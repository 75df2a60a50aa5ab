"""What people asked the loop to do, when, and what became of it."""

from __future__ import annotations

from daemon.insight.asked_commands import CommandsView, commands_view
from daemon.store import FILE
from daemon.web.page import Page, Sources


def build(sources: Sources) -> CommandsView:
    """The newest commands; none before the first run."""
    if sources.read_config is None or not (sources.read_config().state / FILE).exists():
        return commands_view(())
    with sources.store() as store:
        return commands_view(store.commands())


PAGE = Page(
    name="commands", title="Commands", template="commands.html", model=CommandsView, build=build
)
