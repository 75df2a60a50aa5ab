"""The rounds of a training: one, or with `second_round` two; each resumes where it was killed."""

from __future__ import annotations

import dataclasses
import math
import time

import torch

from daemon.config.learner import Settings
from daemon.domain.errors import RunFailed
from daemon.hrda.data.crop_size import with_crops_by_images
from daemon.hrda.data.crops import Crops
from daemon.hrda.device import infers_in_bf16
from daemon.hrda.distributed import Ranks
from daemon.hrda.learning.learner import Learner
from daemon.hrda.training import budget, checkpoint
from daemon.hrda.training.best_model import BestModel, final_model
from daemon.hrda.training.initial_learner import build_learner
from daemon.hrda.training.plateau import Plateau
from daemon.hrda.training.pool_prior import adjust_to_pool_prior, estimation_seconds
from daemon.hrda.training.second_round import (
    FirstRound,
    label_pool,
    labeling_seconds,
    second_request,
)
from daemon.hrda.training.stop_request import FinishRequest, StopRequest
from daemon.hrda.training.training_log import TrainingLog
from daemon.hrda.training.training_loop import EarlierRound, Stopwatch, Training
from daemon.runs.run_folder import RunFolder, TrainRequest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rounds:
    """What the rounds share. started_s: of the monotonic clock, when this process started."""

    folder: RunFolder
    device: torch.device
    ranks: Ranks
    stop: StopRequest
    finish: FinishRequest
    started_s: float

    def train(self, request: TrainRequest, settings: Settings) -> Training:
        """All that is missing; returns the training whose model the run leaves.

        Raises Stopped, with all saved; ConfigError, ImageRefused, MaskRefused, RunFailed or
        OutOfMemory.
        """
        crops = Crops(request, settings, self.device, self.ranks)
        origin = checkpoint.request_digest(request, settings)
        settings = crops.settings = with_crops_by_images(settings, crops.sizes)
        settings = self._within_max_seconds(request, settings, crops, origin)
        if not (settings.second_round and crops.unlabeled):
            training = self._prepared(request, settings, crops, origin)
            training.run()
            return training
        first = FirstRound(self.folder, origin)
        took = first.result()
        if took is None:
            training, wanted_now = self._train_first(first, request, settings, crops)
            if wanted_now:
                return training
            before_s = self.started_s - training.stopwatch.started_s
        else:
            before_s = took.seconds
        return self._train_second(first, second_request(request), settings, crops, before_s)

    def _train_first(
        self, first: FirstRound, request: TrainRequest, settings: Settings, crops: Crops
    ) -> tuple[Training, bool]:
        """The first of two rounds, with all that the second needs of it in files; and whether
        somebody wants the result now: then there is no second, and no such file."""
        training = self._prepared(request, settings, crops, first.origin)
        training.run()
        (wanted_now,) = self.ranks.any_rank(self.finish.requested, device=self.device)
        if self.ranks.is_main and not wanted_now:
            net = training.model()
            adjust_to_pool_prior(self.folder, net, request, crops)
            seconds, count = training.stopwatch.seconds(), training.all_iterations()
            took = EarlierRound(seconds=seconds, iterations=count)
            first.finish(net, request.classes, took)
        self.ranks.barrier()
        return training, wanted_now

    def _train_second(
        self,
        first: FirstRound,
        request: TrainRequest,
        settings: Settings,
        crops: Crops,
        before_s: float,
    ) -> Training:
        """The labels of the pool, then the second round. before_s: of earlier processes."""
        crops = Crops(request, settings, self.device, self.ranks, crops.reader)
        net = first.model(self.device)
        net.bf16 = infers_in_bf16(settings, self.device)
        label_pool(first, net, crops, settings.iterations, self.stop)
        self.ranks.barrier()
        crops.pool_labels = first.labels
        origin, earlier = first.second_origin(), first.result()
        training = self._prepared(request, settings, crops, origin, before_s, earlier)
        training.run()
        return training

    def _prepared(
        self,
        request: TrainRequest,
        settings: Settings,
        crops: Crops,
        origin: str,
        before_s: float = 0.0,
        earlier: EarlierRound | None = None,
    ) -> Training:
        """A training, ready for its first iteration that is missing.

        before_s: seconds of earlier processes, where no saved state has them. earlier: the first
        round, where this is the second.
        """
        best, ranks = BestModel(self.folder, request, crops.reader), self.ranks
        learner = build_learner(request, settings, crops)
        state = checkpoint.load_state(self.folder, learner, origin)
        best.miou = state.best_miou
        differs = ranks.broadcast(state.iteration, self.device) != state.iteration
        if ranks.any_rank(differs, device=self.device)[0]:
            raise RunFailed(
                f"{self.folder.resume}: the processes read different states; expected one; put the "
                f"run folder on a disk that all of them share"
            )
        return Training(
            folder=self.folder,
            request=request,
            learner=learner,
            crops=crops,
            ranks=ranks,
            best=best,
            origin=origin,
            stopwatch=Stopwatch(self.started_s - (state.seconds or before_s)),
            stop=self.stop,
            finish=self.finish,
            plateau=_plateau(settings, state),
            done=state.iteration,
            earlier=earlier,
            log=self._log(request, settings, crops, state.iteration, earlier),
        )

    def _log(
        self,
        request: TrainRequest,
        settings: Settings,
        crops: Crops,
        done: int,
        earlier: EarlierRound | None,
    ) -> TrainingLog | None:
        """What rank 0 leaves for the page; None in other processes."""
        if not self.ranks.is_main:
            return None
        before = earlier.iterations if earlier else 0
        return TrainingLog(
            self.folder, request, crops.reader, settings.iterations, before=before, done=done
        )

    def _within_max_seconds(
        self, request: TrainRequest, settings: Settings, crops: Crops, origin: str
    ) -> Settings:
        """The settings with as many iterations as fit into `max_seconds`: measured once, then
        read."""
        if request.max_seconds is None:
            return settings
        folder, ranks = self.folder, self.ranks
        count = budget.read_schedule(folder.schedule, origin)
        (unknown,) = ranks.any_rank(count is None, device=crops.device)
        if count is None or unknown:
            pace = budget.measure_pace(
                lambda scaled: build_learner(request, scaled, crops),
                crops,
                settings,
                BestModel(folder, request, crops.reader).time_validation,
                lambda learner: _prediction_seconds(learner, request, crops),
                budget.MAX_TIMING_SHARE * request.max_seconds,
            )
            left_s = request.max_seconds - (time.monotonic() - self.started_s) - pace.build_s
            count = int(ranks.broadcast(pace.iterations(left_s, settings), crops.device))
            if ranks.is_main:
                budget.write_schedule(folder.schedule, origin, count, pace)
        return dataclasses.replace(settings, iterations=count)


def _prediction_seconds(learner: Learner, request: TrainRequest, crops: Crops) -> float:
    """The seconds of all predictions after the iterations, in one or two rounds."""
    net = final_model(learner)
    seconds = estimation_seconds(net, request, crops)
    if not crops.settings.second_round:
        return seconds
    return 2 * seconds + labeling_seconds(net, crops, crops.ranks)


def _plateau(settings: Settings, state: checkpoint.ResumeState) -> Plateau:
    """As the saved state left it."""
    return Plateau(
        patience=math.ceil(settings.until_plateau * settings.iterations),
        best=state.plateau_best,
        best_at=state.plateau_at,
        loss_sum=state.loss_sum,
        loss_count=state.loss_count,
    )
