"""The classes and their colours, as pages explain their masks. Pure."""

from __future__ import annotations

from daemon.domain import ClassSet
from daemon.domain.class_colours import class_colours
from daemon.insight.view_model import ViewModel


class LegendClass(ViewModel):
    """A class and its colour."""

    name: str
    """Its name."""
    colour: str | None
    """"#rrggbb"; null for a background that nobody draws."""


def legend(classes: ClassSet) -> tuple[LegendClass, ...]:
    """The classes in the order of their pixel values."""
    colours = class_colours(classes)
    return tuple(
        LegendClass(name=name, colour=colours.get(value))
        for value, name in enumerate(classes.names)
    )
