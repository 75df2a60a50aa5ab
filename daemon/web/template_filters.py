"""How numbers, times and states read in templates, as {{ value|filter }}. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from markupsafe import Markup, escape

from daemon.domain.formatting import ABSENT, count, duration, fraction, interval, moment, signed
from daemon.insight.view_model import ViewModel
from daemon.web.burndown_plot import burndown_plots
from daemon.web.cycle_stages import loop_state, stage_steps
from daemon.web.headlines import folded_events, going_on, incident_words, labels_by_person
from daemon.web.next_step import next_step
from daemon.web.people import person

_COMMAND = re.compile(r"`([^`]+)`")


def percent(share: float | None) -> str:
    """A share in [0, 1] as a percentage with one decimal; a dash for what was not measured."""
    return ABSENT if share is None else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def as_json(values: Iterable[ViewModel]) -> list[dict[str, Any]]:
    """Values as a script of the page reads them."""
    return [value.as_json() for value in values]


def with_code(words: str) -> Markup:
    """A sentence in which commands between backticks are set as code, as HTML."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(words))))


_FILTERS = (
    as_json, fraction, interval, percent, count, signed, duration, moment, loop_state, stage_steps,
    folded_events, going_on, incident_words, labels_by_person, person, next_step, burndown_plots,
    with_code,
)  # fmt: skip
FILTERS: dict[str, Callable[..., Any]] = {each.__name__: each for each in _FILTERS}
