"""The masks of an arm for the images that the report shows, by its model of its first seed."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.experiment.jobs.job import JobParts
from daemon.experiment.recipes.experiment_records import ShownImage
from daemon.experiment.recipes.recipe_job import RecipeJob, request_fields
from daemon.experiment.recipes.shown_images import key_of
from daemon.runs.run_folder import PredictRequest


class PictureJob(RecipeJob):
    """Writes masks into a run folder."""

    def __init__(self, parts: JobParts, arm: str, shown: Sequence[ShownImage]) -> None:
        super().__init__(parts)
        self.arm, self.name, self._shown = arm, f"pictures of {arm}", shown
        self.seed = self.parts.plan.recipe.seeds_of(arm)[0]
        self._run = self.parts.plan.folder.pictures(arm, key_of(shown))

    def done(self) -> bool:
        """Whether the masks are there."""
        return self._run.finished()

    def trained(self) -> int:
        """Nothing is trained."""
        return 0

    def run(self) -> None:
        """Predict the masks that are missing."""
        plan = self.parts.plan
        request = PredictRequest(
            checkpoint=plan.folder.train(self.arm, self.seed).checkpoint,
            masks=plan.folders.image_files(one.image for one in self._shown),
            **request_fields(plan, self.arm, self.seed, self.parts.threads()),
        )
        self._run.write_request(request)
        self.run_to_end(self._run, "predict", self.parts.poll_s)
