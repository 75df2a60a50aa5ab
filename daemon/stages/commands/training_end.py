"""`stop_training` ends a training with its state saved; `finish_training_now` takes its result."""

from __future__ import annotations

from daemon.domain import Stage
from daemon.domain.errors import CommandRefused
from daemon.runs.run_folder import RunFolder
from daemon.stages import pause
from daemon.stages.commands.pausing import NoArguments
from daemon.stages.commands.verb import Verb
from daemon.stages.context import Context


def stop_training(context: Context, _: NoArguments) -> str:
    """Stop the training that runs, with its state saved, until `resume`."""
    cycle, _run = _open_training(context)
    pause.stop_training(context, cycle)
    return (
        f"the training of cycle {cycle} saves its state and stops; it goes on there after "
        f"`maskloop ask resume`; people go on labeling"
    )


def finish_training_now(context: Context, _: NoArguments) -> str:
    """End the training that runs at its next iteration, with a result: it is measured, and the gate
    decides whether its model serves."""
    cycle, run = _open_training(context)
    run.finish.touch()
    later = " once it goes on" if pause.pause_reason(context.store) else ""
    return (
        f"the training of cycle {cycle} ends at its next iteration{later} and measures its model, "
        f"which serves unless it is clearly worse"
    )


def _open_training(context: Context) -> tuple[int, RunFolder]:
    """The cycle that trains now, and its run. Raises CommandRefused where none does."""
    last = context.store.last_cycle()
    if last is not None and last.stage is Stage.TRAIN:
        run = context.run(last.number, Stage.TRAIN)
        if run.request_file.exists() and not run.finished():
            return last.number, run
    raise CommandRefused("no training runs now")


STOP_TRAINING = Verb(
    summary="save the state of the training that runs and stop it until resume",
    arguments=NoArguments,
    carry_out=stop_training,
)
FINISH_TRAINING_NOW = Verb(
    summary="end the training that runs at its next iteration, and take its result",
    arguments=NoArguments,
    carry_out=finish_training_now,
)
