"""What each of two processes of test_ranks.py does; `python -m tests.hrda.ranks_child OUT`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from torch import nn

from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.distributed import Ranks, joined_ranks
from daemon.hrda.learning.learner import Learner
from tests.hrda.tiny import learner, minibatch

IMAGES = 4
PLAIN = {
    "detail_px": 64, "minibatch": IMAGES, "unlabeled_minibatch": IMAGES, "dropout": 0.0,
    "labeled_jitter": 0.0, "mixed_jitter": 0.0, "blur": 0.0, "class_balance": 0.0, "dice_loss": 0.0,
    "threshold_background": 0.0, "threshold_foreground": 0.0, "prior_alignment": 0.0,
    "class_mix": 1.0, "unlabeled_start": 0.0, "unlabeled_ramp": 0.0, "clip_norm": 0.0,
}  # fmt: skip


class Still(Learner):
    """A learner whose norms stay in eval and whose weights stay: its gradients can be looked at."""

    def clip_gradients(self) -> torch.Tensor:
        self.gradients = [p.grad.clone() for p in self.student.parameters() if p.grad is not None]
        return torch.tensor(float("inf"))


def part(ranks: Ranks, step: int = 0) -> Minibatch:
    """This process's share; every label has one foreground class, so that ClassMix is sure."""
    whole = minibatch(seed=step, images=IMAGES)
    rows = ranks.positions(IMAGES)
    chosen = slice(rows.start, rows.stop)
    label = torch.where(whole.label == 2, 1, whole.label)
    return Minibatch(
        image=whole.image[chosen],
        label=label[chosen],
        unlabeled=whole.unlabeled[chosen],
        valid=whole.valid[chosen],
        full_size=(IMAGES, IMAGES),
    )


def plain(ranks: Ranks, **changes: object) -> Still:
    made = learner(**{**PLAIN, **changes})
    still = Still(made.student, made.settings, made.labeled_share, made.labeled_images)
    still.ranks = ranks
    for module in still.student.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.train = lambda mode=True, module=module: module  # type: ignore[method-assign]
            module.training = False
    still.student.encoder.drop_connect = 0.0
    return still


def gradients(ranks: Ranks) -> list[torch.Tensor]:
    """Of one step from the same seed in every process: the boxes agree."""
    still = plain(ranks)
    seed_all(0)
    still.step(part(ranks), 0)
    return still.gradients


def trained(ranks: Ranks, steps: int) -> dict[str, object]:
    """Student, teacher and counters after some steps; drop-connect, jitter and dropout on."""
    made = learner(minibatch=IMAGES, unlabeled_minibatch=2, iterations=steps, unlabeled_start=0.2)
    made.ranks = ranks
    for step in range(steps):
        seed_all(1000 * ranks.rank + step)
        given = part(ranks, step)
        if step == 3 and ranks.rank == 1:
            given.image.fill_(float("nan"))
        made.step(given, step)
    return {
        "student": made.student.state_dict(),
        "teacher": made.teacher.state_dict(),
        "shares": [made.predicted_share, made.trained_pixels],
        "skipped": made.skipped,
    }


def main(out: Path) -> None:
    torch.set_num_threads(1)
    with joined_ranks(torch.device("cpu")) as ranks:
        found = {"gradients": gradients(ranks), **trained(ranks, 20)}
        torch.save(found, out / f"{ranks.rank}.pth")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
