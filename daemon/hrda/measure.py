"""A model measured on labeled images, one by one: memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.domain import Evaluation
from daemon.hrda.infer import see
from daemon.hrda.metric import confusion, evaluation
from daemon.hrda.model import HRDASegmentor
from daemon.hrda.pictures import read_labeled
from daemon.hrda.signs import counted
from daemon.runs import LabeledFile, RunFolder


def evaluate(
    folder: RunFolder,
    net: HRDASegmentor,
    files: Sequence[LabeledFile],
    classes: Sequence[str],
    phase: str,
) -> Evaluation | None:
    """How well the model's masks agree with people's; None without any."""
    if not files:
        return None
    matrices = []
    for file in counted(folder, phase, files):
        image, mask = read_labeled(file, len(classes))
        predicted = see(net, image).mask()
        matrices.append(confusion(mask, predicted, len(classes)))
    return evaluation(matrices, classes)
