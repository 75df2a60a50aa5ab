"""Prior maps by the model of the cycle, of pictures that it never learned from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from daemon.hrda.click_net.labeled_objects import LabeledPicture
from daemon.hrda.inference.object_prior import prior_of
from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.training.ready_model import ready_model
from daemon.runs.click_records import TrainClicksRequest


def with_priors(
    pictures: Sequence[LabeledPicture], teacher: Path, request: TrainClicksRequest
) -> list[LabeledPicture]:
    """The pictures with a prior map each; those that have one keep it. Raises ConfigError and
    RunFailed for a teacher that cannot be read."""
    net, _ = ready_model(
        teacher, device=request.device, threads=request.threads, settings=request.settings
    )
    return [
        one
        if one.prior is not None
        else dataclasses.replace(one, prior=prior_of(predict_image(net, one.image), 1.0))
        for one in pictures
    ]
