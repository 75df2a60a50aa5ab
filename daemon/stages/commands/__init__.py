"""What people may ask the loop to do: one file a verb, or a pair of opposite ones.

A verb is a `Verb` (verb.py); its arguments are a pydantic model, its `carry_out` may run twice with
the same effect. `execution.py` carries out what waits in the store, in every tick.
"""

from __future__ import annotations

from collections.abc import Mapping

from daemon.stages.commands.ask_next import ASK_NEXT
from daemon.stages.commands.draw_map import DRAW_MAP
from daemon.stages.commands.exclude import EXCLUDE, INCLUDE
from daemon.stages.commands.model_choices import APPROVE_MODEL, NOTE_MODEL, SERVE_MODEL
from daemon.stages.commands.pausing import PAUSE, RESUME
from daemon.stages.commands.training_end import FINISH_TRAINING_NOW, STOP_TRAINING
from daemon.stages.commands.verb import Verb

VERBS: Mapping[str, Verb] = {
    "ask_next": ASK_NEXT,
    "draw_map": DRAW_MAP,
    "exclude": EXCLUDE,
    "include": INCLUDE,
    "pause": PAUSE,
    "resume": RESUME,
    "stop_training": STOP_TRAINING,
    "finish_training_now": FINISH_TRAINING_NOW,
    "serve_model": SERVE_MODEL,
    "approve_model": APPROVE_MODEL,
    "note_model": NOTE_MODEL,
}

__all__ = ["VERBS", "Verb"]
