"""EMBED: a vector for every new image and for the test images; then what each image is for."""

from __future__ import annotations

from daemon.domain import Role, Stage
from daemon.runs import EmbedRequest, PredictResult, RunFolder
from daemon.stages.context import Context, files_of
from daemon.stages.quarantine import set_aside
from daemon.stages.roles import decide_roles
from daemon.stages.test_set import look_at_test_set


def embed(context: Context, cycle: int) -> bool:
    """Embed the images that have no embedding yet; True when done. Then decide their roles.

    Images that cannot be read are set aside after the run. Raises PoolEmpty where validation and
    the test set leave nothing to train on.
    """
    run = _open_run(context, cycle)
    if not run.request_file.exists():
        table = context.embeddings()
        new = [
            image
            for image in context.store.images()
            if image.id not in table and image.role is not Role.EXCLUDED
        ]
        if new:
            run.write_request(context.request(EmbedRequest, images=files_of(new)))
    if run.request_file.exists():
        if not context.launcher.advance(run, "embed"):
            return False
        set_aside(context, Stage.EMBED, run.read_result(PredictResult).faults)
    if not look_at_test_set(context):
        return False
    decide_roles(context)
    return True


def _open_run(context: Context, cycle: int) -> RunFolder:
    """The first run of this cycle that has not finished: images may arrive while the stage waits
    for somebody to correct a setting."""
    run, number = context.run(cycle, Stage.EMBED), 1
    while run.finished():
        number += 1
        run = context.run(cycle, f"{number}-{Stage.EMBED}")
    return run
