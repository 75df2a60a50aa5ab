"""Prior maps by the model of the cycle, of pictures that it never learned from."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from daemon.hrda.click_net.click_trial import JudgedObject
from daemon.hrda.click_net.labeled_objects import LabeledPicture
from daemon.hrda.inference.object_prior import prior_of
from daemon.hrda.inference.whole_images import predict_image
from daemon.hrda.training.ready_model import ready_model
from daemon.runs.click_records import TrainClicksRequest


def with_priors(
    judged: Sequence[JudgedObject], teacher: Path, request: TrainClicksRequest
) -> list[JudgedObject]:
    """The objects, each in a picture with a prior map; pictures that have one keep it. Raises
    ConfigError and RunFailed for a teacher that cannot be read."""
    net, _ = ready_model(
        teacher, device=request.device, threads=request.threads, settings=request.settings
    )
    shown: dict[int, LabeledPicture] = {}
    for picture in (one.picture for one in judged):
        if picture.prior is None and id(picture) not in shown:
            prior = prior_of(predict_image(net, picture.image), 1.0)
            shown[id(picture)] = dataclasses.replace(picture, prior=prior)
    return [
        dataclasses.replace(one, picture=shown.get(id(one.picture), one.picture)) for one in judged
    ]
