"""`draw_map` fits the map of the images anew; otherwise points that are on it never move."""

from __future__ import annotations

from daemon.stages.commands.verb import Arguments, Verb
from daemon.stages.context import Context
from daemon.stages.map_runs import ask_for_new_map


class DrawMapArguments(Arguments):
    """None."""


def draw_map(context: Context, _: DrawMapArguments) -> str:
    """Fit all images anew as soon as no other run works."""
    ask_for_new_map(context.store)
    return "the map is drawn anew as soon as no other run works; until then the present one stays"


DRAW_MAP = Verb(
    summary="fit the map of the images anew; its points move",
    arguments=DrawMapArguments,
    carry_out=draw_map,
)
