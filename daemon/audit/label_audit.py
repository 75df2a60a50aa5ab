"""The audit of many labels, one image at a time: what is kept of each is rows of numbers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain

import numpy as np
import numpy.typing as npt

from daemon.audit import error_model, sentences
from daemon.audit.audited_image import AuditedImage
from daemon.audit.error_model import ErrorModel, Places
from daemon.audit.finding_order import in_order
from daemon.audit.label_components import FloatArray
from daemon.audit.label_rules import ClassUse, Oddity, odd_mask
from daemon.audit.picture_conflicts import PictureConflicts
from daemon.audit.place_types import GATE, is_worth_a_look, meaning_of, source_of, types_of
from daemon.audit.plant_tables import PlantTable, plant_table
from daemon.audit.planting import Planted, plant
from daemon.audit.review_calibration import ReviewCalibration, fitted_to_reviews
from daemon.audit.suspects import CLEAN, UNCLEAR, Rows, Suspects, joined, suspects_of
from daemon.audit.work_rules import odd_work
from daemon.domain import Mask
from daemon.domain.label_findings import Finding, FindingType, ReviewedPlace

MAX_PIXELS = 4_000_000  # of an image as it is compared; larger ones are read at every second pixel
MAX_FINDINGS = 50  # of an image
MAX_KEPT = 2000  # findings of all images
MAX_MASKS = 10  # findings of an image that keep the picture of their pixels
PLANTED_OBJECTS = 4000  # components that copies with planted errors should have, all together
MAX_ROUNDS = 8  # copies of an image with planted errors
OBJECTS = 15  # of a usual image
Picture = npt.NDArray[np.uint8]
Probability = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class AuditOutcome:
    """What an audit found. findings: the most suspicious first. table: how well planted errors were
    found; None where too few could be planted."""

    findings: tuple[Finding, ...]
    table: PlantTable | None


@dataclass(kw_only=True)
class LabelAudit:
    """Takes in images one by one, then ranks what it found.

    classes: names by value, background first. images: how many will come. tolerance_px: how far
    borders may differ. plant_share: of the components in which an error is planted, in copies.
    seed: of the planted errors. hasty_below_s: see `work_rules.hasty_below_s`. reviewed: see
    `review_calibration`.
    """

    classes: tuple[str, ...]
    images: int
    tolerance_px: int = 2
    plant_share: float = 0.1
    seed: int = 0
    hasty_below_s: float = 0.0
    reviewed: tuple[ReviewedPlace, ...] = ()
    _seen: list[AuditedImage] = field(default_factory=list)
    _found: list[Suspects] = field(default_factory=list)
    _planted: list[list[Suspects]] = field(default_factory=list)
    _errors: list[tuple[int, Planted]] = field(default_factory=list)
    _rules: list[tuple[int, Oddity]] = field(default_factory=list)
    _sizes: list[tuple[int, int]] = field(default_factory=list)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)

    @cached_property
    def conflicts(self) -> PictureConflicts:
        """Of pictures that are the same, or nearly, and differ in their labels."""
        return PictureConflicts(classes=self.classes, tolerance_px=self.tolerance_px)

    @property
    def rounds(self) -> int:
        """Copies of each image in which errors are planted: more where there are few images."""
        wanted = math.ceil(PLANTED_OBJECTS / (OBJECTS * max(self.images, 1)))
        return min(max(wanted, 1), MAX_ROUNDS)

    def add(
        self, image: AuditedImage, picture: Picture, mask: Mask, probability: Probability
    ) -> None:
        """Compare one label with a model's view.

        picture: (H, W, 3). mask: (H, W), class indices. probability: (C, h, w), of every
        `step_of`-th pixel. They stay as they are, and nothing of their size is kept. Raises
        ValueError for sizes that differ.
        """
        step, size = step_of(mask.shape), (mask.shape[0], mask.shape[1])
        mask = mask[::step, ::step]
        if mask.shape != probability.shape[1:]:
            raise ValueError(
                f"{image.name}: every {step}th pixel of the mask has the size {mask.shape}, the "
                f"probabilities {probability.shape[1:]}; expected equal ones"
            )
        number = len(self._seen)
        self._seen.append(image)
        self._sizes.append(size)
        self.conflicts.add(image, picture)
        found = suspects_of(number, mask, probability, self.tolerance_px)
        self._found.append(_scaled(found, step))
        self._check_rules(image, mask, probability)
        self._plant(number, mask, probability)

    def outcome(self, conflicts: Iterable[Finding] = ()) -> AuditOutcome:
        """Fit to the planted errors and rank the places of all images.

        conflicts: what `self.conflicts` found.
        """
        if not self._seen:
            return AuditOutcome(findings=(), table=None)
        found = _together(self._found)
        model, table, reviews = self._fitted()
        findings = [*self._odd(), *conflicts]
        places = by_weight(found) if model is None else model.places(found)
        planted = None if model is None else places.score
        if reviews is not None:
            score = reviews.probability(places.score, types_of(found, places))
            places = replace(places, score=score)
        findings += self._findings(found, places, planted)
        return AuditOutcome(findings=in_order(findings, MAX_KEPT), table=table)

    @cached_property
    def _class_use(self) -> ClassUse:
        return ClassUse(classes=self.classes)

    def _check_rules(self, image: AuditedImage, mask: Mask, probability: Probability) -> None:
        model, sure = probability.argmax(axis=0).astype(np.uint8), probability.max(axis=0)
        number = len(self._seen) - 1
        found = (*odd_mask(mask, model, sure), *odd_work(image.work, self.hasty_below_s))
        self._rules += [(number, odd) for odd in found]
        self._class_use.add(number, image.work.annotator, mask, model, sure)

    def _odd(self) -> Iterator[Finding]:
        """Oddities of labels and of how they were made, each of a whole image."""
        for number, odd in chain(self._rules, self._class_use.oddities()):
            height, width = self._sizes[number]
            yield Finding(
                image_id=self._seen[number].id,
                type=FindingType.RULE,
                labeled="",
                proposed="",
                box_yxyx=(0, 0, height, width),
                area_px=height * width,
                score=odd.score,
                expected_precision=None,
                reason=odd.sentence,
                weak=self._seen[number].weak,
            )

    def _plant(self, number: int, mask: Mask, probability: Probability) -> None:
        while len(self._planted) < self.rounds:
            self._planted.append([])
        for turn, kept in enumerate(self._planted):
            rng = np.random.default_rng([self.seed, turn, number])
            made = plant(mask, len(self.classes), self.plant_share, rng)
            kept.append(
                suspects_of(number, made.mask, probability, self.tolerance_px, planted=made)
            )
            if turn == 0:
                self._errors += [(number, kind) for kind in made.errors]
                self._digest.update(np.ascontiguousarray(made.mask).tobytes())

    def _fitted(self) -> tuple[ErrorModel | None, PlantTable | None, ReviewCalibration | None]:
        planted = _together([one for kept in self._planted for one in kept])
        count = len(self._seen)
        model = error_model.fit(planted, count)
        judged = _together(self._planted[0])
        places = error_model.held_out_places(planted, judged, count) if model else None
        if places is None:
            return model, None, None
        table = plant_table(judged, places, self._errors, count, self._digest.hexdigest())
        return model, table, self._by_reviews(judged, places)

    def _by_reviews(self, judged: Suspects, places: Places) -> ReviewCalibration | None:
        """places: of `judged`, which have planted errors, held out."""
        rows = np.flatnonzero(places.truth != UNCLEAR)
        types = types_of(judged, places)
        return fitted_to_reviews(
            places.score[rows],
            [types[row] for row in rows],
            places.truth[rows] > CLEAN,
            self.reviewed,
        )

    def _findings(
        self, found: Suspects, places: Places, planted: FloatArray | None
    ) -> Iterator[Finding]:
        """planted: (N,), the probabilities by planted errors alone; None: there were too few."""
        count: dict[int, int] = {}
        urgency = places.urgency()
        for row in np.argsort(-urgency, kind="stable"):
            image = int(places.image[row])
            if not is_worth_a_look(found, places, int(row)) or count.get(image, 0) >= MAX_FINDINGS:
                continue
            count[image] = count.get(image, 0) + 1
            finding = self._finding(found, places, int(row), self._seen[image])
            keeps = count[image] <= MAX_MASKS
            yield replace(
                finding,
                score=float(urgency[row]),
                expected_precision=None if planted is None else finding.score,
                planted_precision=None if planted is None else float(planted[row]),
                mask_png=finding.mask_png if keeps else "",
            )

    def _finding(self, found: Suspects, places: Places, row: int, image: AuditedImage) -> Finding:
        rows, at = source_of(found, places, row)
        type_, labeled, proposed = meaning_of(found, places, row)
        top, left, bottom, right = map(int, rows.box[at])
        names = self._name(labeled), self._name(proposed)
        return Finding(
            image_id=image.id,
            type=type_,
            labeled=names[0],
            proposed=names[1],
            box_yxyx=(top, left, bottom, right),
            area_px=int(rows.area[at]),
            score=float(places.score[row]),
            expected_precision=None,
            reason=sentences.reason(type_, *names),
            weak=image.weak,
            mask_png=str(rows.pictures[at]),
        )

    def _name(self, value: int) -> str:
        return self.classes[value] if value < len(self.classes) else str(value)


def step_of(shape: tuple[int, ...]) -> int:
    """Pixels from one to the next that is compared, for an image of this (H, W, ...)."""
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] / MAX_PIXELS)))


def by_weight(found: Suspects) -> Places:
    """The places ordered without a model: by doubt of components and weight of blobs, in [0, 1)."""
    own = found.components.features[:, 0] if len(found.components) else np.zeros(0)
    weight = found.blobs.features[:, 0] if len(found.blobs) else np.zeros(0)
    return error_model.merged(
        found.components, found.blobs, own * GATE, found.components.type, weight / (1 + weight)
    )


def _scaled(found: Suspects, step: int) -> Suspects:
    """Boxes and areas in pixels of the whole image."""
    if step == 1:
        return found
    parts = [
        Rows(**{**vars(rows), "box": rows.box * step, "area": rows.area * step * step})
        for rows in (found.components, found.blobs)
    ]
    return Suspects(components=parts[0], blobs=parts[1])


def _together(parts: Sequence[Suspects]) -> Suspects:
    """The rows of many images; the owners of blobs count on."""
    before, blobs = 0, []
    for part in parts:
        owner = part.blobs.owner
        blobs.append(
            Rows(**{**vars(part.blobs), "owner": np.where(owner >= 0, owner + before, -1)})
        )
        before += len(part.components)
    return Suspects(components=joined([part.components for part in parts]), blobs=joined(blobs))
