"""What holds for every audit of labels (daemon/audit)."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from daemon.audit.audited_image import AuditedImage
from daemon.audit.component_features import NAMES
from daemon.audit.error_model import Places
from daemon.audit.independence import require_independent
from daemon.audit.label_audit import AuditOutcome, LabelAudit
from daemon.audit.label_components import components_of
from daemon.audit.planting import Planted, plant
from daemon.audit.softmin import softmin
from daemon.audit.suspects import mask_picture, suspects_of
from daemon.domain import IGNORE, Mask
from daemon.domain.errors import RunFailed
from daemon.domain.label_findings import FindingType

CLASSES = ("soil", "crop", "weed")
SIDE = 96
seeds = st.integers(0, 2**32 - 1)


def field(seed: int, plants: int = 6) -> Mask:
    """Disks of two classes on background."""
    rng, mask = np.random.default_rng(seed), np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for _ in range(plants):
        y, x = rng.integers(4, SIDE - 4, 2)
        radius = rng.integers(5, 11)
        mask[(rows - y) ** 2 + (columns - x) ** 2 <= radius**2] = rng.integers(1, 3)
    return mask


def disk(row: int, column: int) -> Mask:
    """One round plant."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    inside = (rows - row) ** 2 + (columns - column) ** 2 <= 100
    return inside.astype(np.uint8)


def seen(mask: Mask, sure: float = 1.0) -> np.ndarray:
    """The probabilities of a model that sees this mask."""
    rest = (1 - sure) / (len(CLASSES) - 1)
    return np.stack([np.where(mask == value, sure, rest) for value in range(3)]).astype(np.float32)


def noisy(mask: Mask, seed: int) -> np.ndarray:
    """The probabilities of a model that is often, not always, right."""
    rng = np.random.default_rng(seed)
    odds = 3 * seen(mask) + rng.normal(0, 0.7, (3, SIDE, SIDE))
    shares = np.exp(odds) / np.exp(odds).sum(axis=0)
    return shares.astype(np.float32)


def audited(masks: list[Mask], views: list[np.ndarray]) -> AuditOutcome:
    found = LabelAudit(classes=CLASSES, images=len(masks))
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    for number, (mask, view) in enumerate(zip(masks, views, strict=True)):
        picture = np.full_like(picture, number)
        found.add(AuditedImage(id=number, name=str(number)), picture, mask, view)
    return found.outcome()


@given(seed=seeds)
@settings(max_examples=5, deadline=None)
def test_a_model_that_agrees_with_the_label_gives_no_finding(seed: int) -> None:
    mask = field(seed)

    assert audited([mask], [seen(mask)]).findings == ()


@given(seed=seeds)
@settings(max_examples=20, deadline=None)
def test_a_border_that_lies_a_pixel_off_gives_no_finding(seed: int) -> None:
    mask = field(seed)
    moved = np.zeros_like(mask)
    moved[:, 1:] = mask[:, :-1]

    suspects = suspects_of(0, moved, seen(mask), tolerance_px=2)

    assert len(suspects.blobs) == 0


def test_pixels_without_a_label_say_nothing() -> None:
    nothing = np.full((SIDE, SIDE), IGNORE, np.uint8)
    partly = field(3)
    partly[:40] = IGNORE
    one, other = seen(field(4)), seen(field(4))
    other[:, :40] = seen(field(5))[:, :40]

    found = [suspects_of(0, partly, view, 2) for view in (one, other)]

    assert audited([nothing], [one]).findings == ()
    assert (found[0].components.features == found[1].components.features).all()
    assert (found[0].blobs.features == found[1].blobs.features).all()


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_exchanging_two_classes_everywhere_changes_no_number(seed: int) -> None:
    mask, view = field(seed), noisy(field(seed + 1), seed)
    other = np.array([0, 2, 1], np.uint8)[mask]

    one, two = suspects_of(0, mask, view, 2), suspects_of(0, other, view[[0, 2, 1]], 2)

    for rows, swapped in ((one.components, two.components), (one.blobs, two.blobs)):
        assert np.allclose(_sorted(rows.features), _sorted(swapped.features))


def _sorted(features: np.ndarray) -> np.ndarray:
    return features[np.lexsort(features.round(6).T)]


@given(seed=seeds, share=st.sampled_from([0.3, 1.0]))
@settings(max_examples=25, deadline=None)
def test_planting_is_repeatable_and_leaves_the_label_alone(seed: int, share: float) -> None:
    mask = field(seed)
    before = mask.copy()

    one, two = (plant(mask, 3, share, np.random.default_rng(seed)) for _ in range(2))

    assert (mask == before).all()
    assert (one.mask == two.mask).all()
    assert one.errors == two.errors
    assert ((one.mask != mask) <= (one.footprint > 0)).all()
    assert (one.changed == (one.mask != mask)).all()


def test_with_two_classes_nothing_is_swapped() -> None:
    mask = (field(1) > 0).astype(np.uint8)

    kinds = {
        kind
        for seed in range(20)
        for kind in plant(mask, 2, 1.0, np.random.default_rng(seed)).errors
    }

    assert Planted.SWAP not in kinds
    assert len(kinds) > 3


def test_a_cut_counts_for_more_the_larger_it_is() -> None:
    mean_mass = []
    for share in (0.1, 0.3, 0.5):
        mass = []
        for seed in range(12):
            mask = disk(30 + seed, 40)
            rows, columns = np.nonzero(mask)
            label = mask.copy()
            cut = columns >= np.quantile(columns, 1 - share)
            label[rows[cut], columns[cut]] = 0
            found = suspects_of(0, label, seen(mask, 0.9), 2).components
            mass.append(found.features[0, NAMES.index("mass")])
        mean_mass.append(np.mean(mass))

    assert mean_mass == sorted(mean_mass)
    assert mean_mass[2] > 2 * mean_mass[0]


@given(
    scores=st.lists(st.floats(0, 1), min_size=1, max_size=30),
    temperature=st.sampled_from([0.01, 0.1, 1.0]),
)
def test_softmin_is_that_of_the_formula(scores: list[float], temperature: float) -> None:
    weights = [np.exp((min(scores) - score) / temperature) for score in scores]
    expected = sum(w * s for w, s in zip(weights, scores, strict=True)) / sum(weights)

    found = softmin(np.array(scores), temperature)

    assert found == pytest.approx(expected)
    assert min(scores) - 1e-9 <= found <= max(scores) + 1e-9


def test_ten_thousand_tiny_objects_at_all_borders_are_taken_in() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[::4, ::4] = 1
    mask[-1, :] = 2

    found = suspects_of(0, mask, np.full((3, 400, 400), 1 / 3, np.float32), 2)

    assert len(components_of(mask)) == 10_001
    assert np.isfinite(found.components.features).all()
    assert len(found.components) == 1  # the others are too small to be judged


@pytest.mark.long
def test_swapped_plants_come_first_and_their_probability_is_honest() -> None:
    truths = [field(seed) for seed in range(40)]
    labels = [truth.copy() for truth in truths]
    for number in (5, 17, 29):
        labels[number] = np.array([0, 2, 1], np.uint8)[labels[number]]
    views = [noisy(truth, seed) for seed, truth in enumerate(truths)]

    outcome = audited(labels, views)

    first = outcome.findings[:6]
    assert {one.image_id for one in first} == {5, 17, 29}
    assert {one.type for one in first} == {FindingType.SWAP}
    assert first[0].reason.startswith("Labeled ")
    table = outcome.table
    assert table is not None
    assert table.kinds["swap"].auroc > 0.95
    assert table.top[20].precision > 5 * table.place_rate
    assert abs(table.top[20].precision - table.top[20].expected) < 0.25


def test_a_model_must_not_judge_what_it_learned_from() -> None:
    require_independent({"a": "1"}, ["2"])

    with pytest.raises(RunFailed, match="first b; expected none, ancestors by warm start included"):
        require_independent({"a": "1", "b": "2"}, ["2", "3"])


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_the_picture_of_a_place_is_small_and_exact(seed: int) -> None:
    pixels = field(seed) > 0

    content = base64.b64decode(mask_picture(pixels))

    assert len(content) <= 2048
    assert (np.asarray(Image.open(io.BytesIO(content))) == pixels).all()


def test_what_is_kept_of_an_image_does_not_grow_with_its_size() -> None:
    small, large = field(1), np.kron(field(1), np.ones((8, 8), np.uint8))

    kept = [suspects_of(0, mask, _views(mask), 2) for mask in (small, large)]

    assert len(kept[0].components) == len(kept[1].components)
    sizes = [sum(len(text) for text in one.components.pictures) for one in kept]
    assert sizes[1] < 10 * sizes[0] + 2000


def _views(mask: Mask) -> np.ndarray:
    return np.stack([np.where(mask == value, 0.8, 0.1) for value in range(3)]).astype(np.float32)


def test_large_images_are_compared_at_every_second_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.audit.label_audit.MAX_PIXELS", SIDE * SIDE // 4)
    truth = np.zeros((SIDE, SIDE), np.uint8)
    truth[20:60, 30:70] = 1
    label = np.zeros_like(truth)
    found = LabelAudit(classes=CLASSES, images=1)
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)

    found.add(AuditedImage(id=1, name="one"), picture, label, seen(truth)[:, ::2, ::2])

    missing, odd = sorted(found.outcome().findings, key=lambda one: one.area_px)
    assert (missing.type, missing.box_yxyx) == (FindingType.MISSING, (20, 30, 60, 70))
    assert missing.area_px == 1600
    assert (odd.type, odd.area_px) == (FindingType.RULE, SIDE * SIDE)


def test_a_further_place_of_an_image_comes_later_and_a_larger_place_sooner() -> None:
    nothing = np.zeros(4, np.int64)
    places = Places(
        component=nothing - 1,
        blob=np.arange(4),
        by_blob=np.ones(4, bool),
        score=np.array([0.8, 0.8, 0.5, 0.5]),
        type=nothing,
        truth=nothing,
        image=np.array([0, 0, 1, 2]),
        area=np.array([65_536, 65_536, 65_536, 4096]),
    )

    assert places.priority() == pytest.approx([0.8, 0.4, 0.5, 0.25])
