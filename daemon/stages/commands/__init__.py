"""What people may ask the loop to do: one file a verb, or a pair of opposite ones.

A verb is a `Verb` (verb.py); its arguments are a pydantic model, its `carry_out` may run twice with
the same effect. `execution.py` carries out what waits in the store, in every tick.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.stages.commands.ask_next import ASK_NEXT
from daemon.stages.commands.exclude import EXCLUDE, INCLUDE
from daemon.stages.commands.pausing import PAUSE, RESUME
from daemon.stages.commands.verb import Verb

VERBS: Mapping[str, Verb] = {
    "ask_next": ASK_NEXT,
    "exclude": EXCLUDE,
    "include": INCLUDE,
    "pause": PAUSE,
    "resume": RESUME,
}

__all__ = ["VERBS", "Verb"]
