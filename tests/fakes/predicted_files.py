"""What the fake learner predicts, as the files of a predict run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image

from daemon.clicks.click import PriorMap
from daemon.runs.durable import atomic_file
from daemon.runs.prior_maps import PRIOR_STRIDE, prior_file, write_prior
from daemon.runs.run_folder import ImageFile, PredictRequest, RunFolder


def write_predicted(
    run: RunFolder,
    request: PredictRequest,
    files: Sequence[ImageFile],
    mask_of: Callable[[ImageFile], npt.NDArray[np.uint8]],
) -> None:
    """Write the masks and, where the request wants them, the prior maps."""
    (run.path / "masks").mkdir(exist_ok=True)
    (run.path / "priors").mkdir(exist_ok=True)
    for file in files:
        mask = mask_of(file)
        with atomic_file(run.mask(file.id)) as part:
            Image.fromarray(mask).save(part, format="PNG")
        if request.priors:
            plants = (mask[::PRIOR_STRIDE, ::PRIOR_STRIDE] > 0) * np.uint8(230)
            prior = PriorMap(values=np.ascontiguousarray(plants), stride=PRIOR_STRIDE)
            write_prior(prior_file(run, file.id), prior)
