"""What a training leaves for its page on the way: a history of its figures, and previews."""

from __future__ import annotations

from daemon.hrda.data.file_reader import FileReader
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.loss_report import LossReport
from daemon.hrda.training.history import HistoryWriter
from daemon.hrda.training.previews import Previews
from daemon.runs.run_folder import RunFolder, TrainRequest


class TrainingLog:
    """The history and the previews of one round, written by rank 0.

    before: iterations of an earlier round. done: of this round, by an earlier process.
    """

    def __init__(
        self,
        folder: RunFolder,
        request: TrainRequest,
        reader: FileReader,
        iterations: int,
        *,
        before: int,
        done: int,
    ) -> None:
        self.history = HistoryWriter(folder, request.classes, iterations, before, done)
        self.previews = Previews(folder, request, reader, self.history)

    def iteration(
        self, learner: Learner, losses: LossReport, done: int, seconds: float, ended: bool
    ) -> None:
        """Note an iteration. seconds: of the training so far. ended: it was the last one."""
        rate = float(learner.optimizer.param_groups[0]["lr"])
        self.history.add(done, losses, rate, seconds)
        settings = learner.settings
        if ended or self.previews.due(done, settings.iterations, settings.validations, seconds):
            self.previews.draw(learner, done)
        if ended:
            self.history.write()

    def measured(self, done: int, figure: float | None) -> None:
        """Note what was measured on the way."""
        self.history.measured(done, figure)
