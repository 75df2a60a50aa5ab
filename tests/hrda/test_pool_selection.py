"""Which pseudo-labels count: ranks of entropy, reliable classes, agreement; all off by default."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from daemon.config.learner import Settings
from daemon.config.learner.pool_learning import PoolLearning
from daemon.hrda.data.minibatch import values_of
from daemon.hrda.data.sampler import seed_all
from daemon.hrda.learning.agreement import at_pixels, second_view, views_agree
from daemon.hrda.learning.entropy_rank import (
    dropped_share,
    lowest_entropy,
    rank_pseudo_labels,
)
from daemon.hrda.learning.learner import Learner
from daemon.hrda.learning.pseudo_selection import selection
from daemon.hrda.learning.reliability import (
    confusion_of,
    gated_dropped,
    gated_thresholds,
    precision,
    running,
)
from daemon.hrda.network.heads import scales_agree
from daemon.hrda.training.checkpoint import ResumeState, load_state, save_state
from daemon.runs.run_folder import RunFolder
from tests.hrda.device_reads import DeviceReads
from tests.hrda.tiny import learner, minibatch, tiny

ONE = torch.ones(3)
EVERY_PIECE = {
    "pseudo_selection": "rank",
    "reliable_precision": 0.8,
    "scales_agree": True,
    "views_agree": True,
    "teacher_restart": True,
    "unlabeled_start": 0.25,
    "unlabeled_ramp": 0.0,
}


def plain_lowest_entropy(
    entropy: torch.Tensor, label: torch.Tensor, valid: torch.Tensor, dropped: list[float]
) -> torch.Tensor:
    """Class by class, with a sorted list of pixels."""
    kept = torch.zeros_like(valid)
    for k, share in enumerate(dropped):
        pixels = [tuple(p) for p in ((label == k) & valid).nonzero().tolist()]
        pixels.sort(key=lambda p: float(entropy[p]))
        for p in pixels[: math.ceil((1 - share) * len(pixels))]:
            kept[p] = True
    return kept


@pytest.mark.parametrize("seed", range(4))
def test_ranks_agree_with_the_slow_version(seed: int) -> None:
    rng = np.random.default_rng(seed)
    entropy = torch.from_numpy(rng.integers(0, 6, (2, 5, 7)) / 6)  # many ties
    label = torch.from_numpy(rng.integers(0, 3, (2, 5, 7)))
    valid = torch.from_numpy(rng.random((2, 5, 7)) < 0.8)
    dropped = [0.8, 0.25, 0.0]

    kept = lowest_entropy(entropy, label, valid, torch.tensor(dropped))

    assert torch.equal(kept, plain_lowest_entropy(entropy, label, valid, dropped))


def test_of_a_rare_class_the_same_share_counts_as_of_a_common_one() -> None:
    sure, unsure = [0.98, 0.01, 0.01], [0.3, 0.4, 0.3]
    pixels = torch.tensor([sure] * 8 + [unsure] * 2).T.reshape(1, 3, 2, 5)

    said = rank_pseudo_labels(pixels, torch.ones(1, 2, 5).bool(), ONE * 0.95, ONE, ONE * 0.5)

    assert [float(said.weight[said.label == k].sum()) for k in (0, 1)] == [4, 1]
    assert said.confidence.tolist() == [1, 0, 0]  # by the threshold, as the log shows it


def test_pixels_outside_the_image_and_absent_classes_have_no_rank() -> None:
    pixels = torch.tensor([[0.9, 0.05, 0.05]] * 4).T.reshape(1, 3, 2, 2)
    nowhere = torch.zeros(1, 2, 2).bool()

    said = rank_pseudo_labels(pixels, nowhere, ONE, ONE, ONE * 0)

    assert said.weight.sum() == 0
    assert (said.label == 255).all()


def test_the_dropped_share_falls_from_the_start_of_unlabeled_images_to_the_end() -> None:
    settings = tiny(iterations=101, unlabeled_start=0.0)
    late = tiny(iterations=100, unlabeled_start=0.5)

    shares = [dropped_share(iteration, settings) for iteration in (0, 50, 100)]

    assert shares == pytest.approx([0.8, 0.5, 0.2])
    assert dropped_share(50, late) == 0.8
    assert dropped_share(99, late) == pytest.approx(0.2)


def test_the_confusion_counts_labeled_pixels_only() -> None:
    label = torch.tensor([[[0, 1, 255], [2, 1, 0]]])
    predicted = torch.tensor([[[0, 1, 1], [1, 0, 0]]])

    assert confusion_of(label, predicted, 3).tolist() == [[2, 0, 0], [1, 1, 0], [0, 1, 0]]


def test_the_precision_is_that_at_the_labeled_shares() -> None:
    # crops show both classes equally often: 10 of 100 pixels of soil are called weed
    confusion = torch.tensor([[90.0, 10.0], [0.0, 100.0]])

    found = precision(confusion, torch.tensor([0.9, 0.1]))

    assert found.tolist() == pytest.approx([1, 0.1 / (0.1 + 0.9 * 0.1)])
    assert precision(torch.zeros(2, 2), torch.tensor([0.9, 0.1])).tolist() == [0, 0]


def test_parts_of_a_minibatch_forget_as_much_as_the_whole() -> None:
    before, nothing = torch.ones(2, 2), torch.zeros(2, 2)

    halves = running(running(before, nothing, 0.5), nothing, 0.5)

    assert torch.allclose(halves, running(before, nothing, 1.0))


def test_an_unreliable_class_is_accepted_strictly() -> None:
    bad = torch.tensor([False, True])

    assert gated_thresholds(torch.tensor([0.9, 0.9]), bad, 0.99).tolist() == pytest.approx(
        [0.9, 0.99]
    )
    assert gated_thresholds(torch.tensor([1.0, 1.0]), bad, 0.99).tolist() == [1, 1]
    assert gated_dropped(0.2, bad, 0.8).tolist() == pytest.approx([0.2, 0.8])


def test_without_the_pieces_the_selection_is_the_one_by_confidence() -> None:
    settings, probability = tiny(), torch.rand(1, 3, 4, 4).softmax(dim=1)
    nobody, valid = torch.zeros(3).bool(), torch.ones(1, 4, 4).bool()

    plain = selection(settings, 0, ONE * 0.3, nobody)(probability, valid, ONE)
    gated = selection(settings, 0, ONE * 0.3, ~nobody)(probability, valid, ONE)

    assert plain.weight.sum() > 0
    assert gated.weight.sum() == 0  # nothing reaches 0.99


def test_views_agree_where_the_mirrored_view_says_the_same() -> None:
    first = torch.tensor([[0.9, 0.2], [0.1, 0.8]]).reshape(1, 2, 1, 2)  # classes 0, 1
    other = torch.tensor([[1.0, 1.0], [0.0, 0.0]]).reshape(1, 2, 1, 2)  # class 0 everywhere

    assert views_agree(first, other, torch.ones(2)).tolist() == [[[True, False]]]
    assert views_agree(first, first.log().flip(3), torch.ones(2)).all()


def test_the_second_view_is_mirrored_and_without_jitter_nothing_else() -> None:
    image = torch.arange(12.0).reshape(1, 3, 2, 2)

    assert torch.equal(second_view(image, 0.0), image.flip(3))


def test_scales_agree_where_both_have_the_same_class() -> None:
    context = torch.tensor([1.0, 0.0]).reshape(1, 2, 1, 1)
    detail = torch.tensor([[3.0, 0.0, 1.0, 1.0], [0.0, 3.0, 0.0, 0.0]]).reshape(1, 2, 2, 2)

    cells = scales_agree(context, detail)

    assert cells.tolist() == [[[True, False], [True, True]]]
    assert at_pixels(cells, torch.Size([4, 4]))[0].long().sum() == 12


def undecided(**changes: Any) -> Learner:
    """A learner whose teacher predicts every class somewhere, with any confidence."""
    one = learner(threshold_foreground=0.0, threshold_background=0.0, **changes)
    logits = one.teacher.logits(minibatch().unlabeled, *one.teacher_windows())
    one.teacher.net.decoder.conv_seg.bias.data -= logits.mean(dim=(0, 2, 3))
    return one


@pytest.mark.parametrize("piece", [{"scales_agree": True}, {"views_agree": True}])
def test_agreement_only_takes_pixels_away(piece: dict[str, bool]) -> None:
    plain, _ = undecided().pseudo_label(minibatch())

    pseudo, _ = undecided(**piece).pseudo_label(minibatch())

    assert torch.equal(pseudo.label, plain.label)
    assert ((pseudo.weight == 0) | (pseudo.weight == plain.weight)).all()
    assert 0 < pseudo.weight.sum() < plain.weight.sum()


def test_the_teacher_restarts_from_the_student_when_unlabeled_images_are_first_used() -> None:
    one = learner(teacher_restart=True, unlabeled_start=0.5, alpha=0.999)
    for iteration in range(2):
        one.step(minibatch(), iteration)
    student = {name: tensor.clone() for name, tensor in one.student.state_dict().items()}
    one.ema_update = lambda finite: None  # type: ignore[method-assign]

    one.step(minibatch(), 2)

    assert all(torch.equal(t, student[n]) for n, t in one.teacher.net.state_dict().items())


def test_a_step_with_every_piece_never_waits_for_the_device() -> None:
    one = learner(**EVERY_PIECE)
    batch = minibatch()
    batch = dataclasses.replace(batch, values=tuple(tuple(v) for v in values_of(batch.label)))
    one.step(batch, 0)  # the moments of the optimizer are made in the first step
    modules = [*one.student.state_dict(keep_vars=True).values(), *one.teacher.state_dict().values()]
    own = [one.labeled_share, one.predicted_share, one.trained_pixels, one.confusion]
    given = [batch.image, batch.label, batch.unlabeled, batch.valid]
    seed_all(1)
    confusion = one.confusion.clone()

    with DeviceReads([*modules, *own, *given, one.class_weights, one.thresholds]) as reads:
        losses = one.step(batch, 4)

    assert reads.places == []
    assert "mixed_fused" in losses
    assert not torch.equal(one.confusion, confusion)


def test_a_saved_state_has_the_running_confusion(tmp_path: Path) -> None:
    one, other = learner(), learner(seed=1)
    one.confusion[1, 2] = 7.0
    folder = RunFolder(tmp_path)

    save_state(folder, one, "origin", ResumeState(iteration=3))
    state = load_state(folder, other, "origin")

    assert state.iteration == 3
    assert torch.equal(other.confusion, one.confusion)


def test_every_piece_is_off_by_default() -> None:
    defaults = PoolLearning()
    switches = {name: value for name, value in vars(defaults).items() if isinstance(value, bool)}

    assert not any(switches.values())
    assert defaults.pseudo_selection == "threshold"
    assert defaults.reliable_precision == 0
    assert vars(Settings()).items() >= vars(defaults).items()
