"""The masks that a finished model predicts for validation images, small, for the page."""

from __future__ import annotations

from daemon.domain import Mask
from daemon.pixels.small_masks import small_mask_png
from daemon.runs.run_folder import LabeledFile, RunFolder
from daemon.runs.training_history import validation_mask

MOST_MASKS = 200  # of a run: as many as [validation] max_images is by default


class ValidationMasks:
    """Keeps the masks of one run, the first `MOST_MASKS` of them."""

    def __init__(self, run: RunFolder) -> None:
        self.run, self.kept = run, 0

    def keep(self, file: LabeledFile, predicted: Mask) -> None:
        """Write the predicted mask (H, W) of a file."""
        if self.kept >= MOST_MASKS:
            return
        path = validation_mask(self.run, file.id)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(small_mask_png(predicted))
        self.kept += 1
