"""EMBED: embeds new images and the test images, decides the role of each image, measures them."""

from __future__ import annotations

from daemon.domain import Role, Stage
from daemon.runs.run_folder import EmbedRequest, PredictResult
from daemon.stages.context import Context, image_files
from daemon.stages.pool_measures import measure_pool
from daemon.stages.quarantine import exclude_unusable
from daemon.stages.roles import decide_roles
from daemon.stages.run_settings import write_request
from daemon.stages.test_set import embed_test_set


def embed(context: Context, cycle: int) -> bool:
    """Embed the images without an embedding, then decide roles; True when done.

    Images that the run could not read are excluded. Raises PoolEmpty if validation and the test set
    leave nothing to train on.
    """
    run = context.open_run(cycle, Stage.EMBED)
    if not run.request_file.exists():
        embedded = context.embedded_ids(context.encoder())
        new = [
            image
            for image in context.store.images()
            if image.id not in embedded and image.role is not Role.EXCLUDED
        ]
        if new:
            request = context.request(EmbedRequest, images=image_files(new))
            write_request(context, run, Stage.EMBED, request)
    if run.request_file.exists():
        if not context.launcher.advance(run, "embed"):
            return False
        exclude_unusable(context, Stage.EMBED, run.read_result(PredictResult).faults)
    if not embed_test_set(context):
        return False
    decide_roles(context)
    measure_pool(context)
    return True
