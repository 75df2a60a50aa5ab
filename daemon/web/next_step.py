"""What the loop does next and why, in one sentence. Pure."""

from __future__ import annotations

from daemon.domain import Source, Stage
from daemon.domain.formatting import count, duration
from daemon.rules.heartbeat import Liveness
from daemon.status.model import RunProgress, Status

_DOES = {
    Stage.EMBED: ("New images are being embedded", "then the next model is trained"),
    Stage.TRAIN: ("A model is being trained", "then it looks at every image of the pool"),
    Stage.SCORE: (
        "The model looks at every image of the pool",
        "then the next batch is chosen where it is unsure and has seen little alike",
    ),
    Stage.SELECT: ("The next batch is being chosen", "then its masks are predicted"),
    Stage.PREDICT: ("Masks of the next batch are being predicted", "then people are asked"),
    Stage.PUSH: ("The batch is being sent", "then people label it"),
}
_FIRST = {
    Stage.EMBED: ("The images are being embedded", "then a varied first batch is chosen"),
    Stage.SELECT: (
        "The first batch is being chosen",
        "then people are asked for it and for the validation images",
    ),
}


def next_step(status: Status) -> str:
    """What happens next and why; what has to be done first where nothing can happen."""
    stopped = status.daemon.state not in (Liveness.RUNNING, Liveness.SILENT)
    if status.ended is not None:
        return f"The loop has ended: {status.ended.words}."
    if stopped and status.cycle is None:
        return "Start the loop with `maskloop run`: it reads the images and asks for a first batch."
    if stopped:
        return "Nothing happens until `maskloop run` is started again: no daemon works here."
    if status.daemon.state is Liveness.SILENT:
        return "Nothing may happen until the daemon is restarted: it has stopped looking."
    if sources := {incident.source for incident in status.incidents}:
        return _hindered(sources, status)
    return _goes_on(status)


def _hindered(sources: set[Source], status: Status) -> str:
    what = " and ".join(f"the {source.value}" for source in sorted(sources))
    runs = "The run that works now goes on. " if status.progress else ""
    works = "works" if len(sources) == 1 else "work"
    return f"{runs}Nothing is sent or read until {what} {works} again; then the loop goes on."


def _goes_on(status: Status) -> str:
    if status.stage is None:
        return "The images are being read; then a first batch is chosen."
    if status.stage is Stage.DONE:
        return _people(status)
    does, after = (_DOES if status.cycle else _DOES | _FIRST)[status.stage]
    return f"{does}{_left(status.progress)}; {after}."


def _people(status: Status) -> str:
    open_images = status.tasks.open
    if not open_images:
        return f"{_sentence(status.waiting or 'The next cycle begins')}."
    newest = "the first model" if not status.cycle else "the next model"
    return (
        f"People label {count(open_images, 'open image')}; {newest} is trained when the batch is "
        f"labeled, since it learns nothing new before."
    )


def _left(progress: RunProgress | None) -> str:
    if progress is None or progress.eta_s is None:
        return ""
    return f", about {duration(progress.eta_s)} left of this step"


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:].rstrip(".")
