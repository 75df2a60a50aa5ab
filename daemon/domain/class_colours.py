"""The colours of the classes, in the label config of a new project and on pages."""

from __future__ import annotations

from daemon.domain.annotations import ClassSet

# Distinct for colour-blind people too, and none close to leaf green or soil brown.
COLOURS = ("#0072b2", "#d55e00", "#cc79a7", "#f0e442", "#56b4e9", "#e69f00", "#ffffff", "#7b2d8b")
IGNORE_COLOUR = "#808080"


def class_colours(classes: ClassSet) -> dict[int, str]:
    """Pixel value -> "#rrggbb", of the classes that people draw; a background that nobody draws
    has none."""
    first = 1 if classes.unlabeled == 0 else 0
    values = range(first, len(classes.names))
    return {value: COLOURS[row % len(COLOURS)] for row, value in enumerate(values)}
