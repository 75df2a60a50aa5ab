"""The audit of many labels, one image at a time: what is kept of each is rows of numbers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from daemon.audit import error_model, sentences
from daemon.audit.audited_image import AuditedImage
from daemon.audit.component_features import NAMES
from daemon.audit.error_model import ErrorModel, Places
from daemon.audit.label_components import BACKGROUND
from daemon.audit.label_rules import odd_mask
from daemon.audit.picture_conflicts import PictureConflicts
from daemon.audit.plant_tables import PlantTable, plant_table
from daemon.audit.planting import Planted, plant
from daemon.audit.suspects import TYPES, Rows, Suspects, joined, suspects_of
from daemon.domain import Mask
from daemon.domain.label_findings import Finding, FindingType

MAX_PIXELS = 4_000_000  # of an image as it is compared; larger ones are read at every second pixel
MAX_FINDINGS = 50  # of an image
MAX_KEPT = 2000  # findings of all images
MAX_MASKS = 10  # findings of an image that keep the picture of their pixels
PLANTED_OBJECTS = 4000  # components that copies with planted errors should have, all together
MAX_ROUNDS = 8  # copies of an image with planted errors
OBJECTS = 15  # of a usual image
GATE = 0.5  # probability against a label, from which on a component is worth a look
SAYS_AGAINST = [NAMES.index(name) for name in ("doubt", "ring_peak", "rim_peak")]
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
    seed: of the planted errors.
    """

    classes: tuple[str, ...]
    images: int
    tolerance_px: int = 2
    plant_share: float = 0.1
    seed: int = 0
    _seen: list[AuditedImage] = field(default_factory=list)
    _found: list[Suspects] = field(default_factory=list)
    _planted: list[list[Suspects]] = field(default_factory=list)
    _errors: list[tuple[int, Planted]] = field(default_factory=list)
    _rules: list[Finding] = field(default_factory=list)
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
        step = step_of(mask.shape)
        mask = mask[::step, ::step]
        if mask.shape != probability.shape[1:]:
            raise ValueError(
                f"{image.name}: every {step}th pixel of the mask has the size {mask.shape}, the "
                f"probabilities {probability.shape[1:]}; expected equal ones"
            )
        number = len(self._seen)
        self._seen.append(image)
        self.conflicts.add(image, picture)
        found = suspects_of(number, mask, probability, self.tolerance_px)
        self._found.append(_scaled(found, step))
        self._check_rules(image, mask, probability, step)
        self._plant(number, mask, probability)

    def outcome(self) -> AuditOutcome:
        """Fit to the planted errors and rank the places of all images."""
        if not self._seen:
            return AuditOutcome(findings=(), table=None)
        found = _together(self._found)
        model, table = self._fitted()
        findings = list(self._rules)
        if model is not None:
            places = model.places(found)
            findings += self._findings(found, places, calibrated=True)
        else:
            findings += self._findings(found, by_weight(found), calibrated=False)
        findings.sort(key=lambda one: (-one.score, one.image_id, one.box_yxyx))
        return AuditOutcome(findings=tuple(findings[:MAX_KEPT]), table=table)

    def _check_rules(
        self, image: AuditedImage, mask: Mask, probability: Probability, step: int
    ) -> None:
        model = probability.argmax(axis=0).astype(np.uint8)
        for odd in odd_mask(mask, model, probability.max(axis=0)):
            self._rules.append(
                Finding(
                    image_id=image.id,
                    type=FindingType.RULE,
                    labeled="",
                    proposed="",
                    box_yxyx=(0, 0, mask.shape[0] * step, mask.shape[1] * step),
                    area_px=mask.size * step * step,
                    score=odd.score,
                    expected_precision=None,
                    reason=odd.sentence,
                    weak=image.weak,
                )
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

    def _fitted(self) -> tuple[ErrorModel | None, PlantTable | None]:
        planted = _together([one for kept in self._planted for one in kept])
        count = len(self._seen)
        model = error_model.fit(planted, count)
        judged = _together(self._planted[0])
        places = error_model.held_out_places(planted, judged, count) if model else None
        if places is None:
            return model, None
        return model, plant_table(judged, places, self._errors, count, self._digest.hexdigest())

    def _findings(self, found: Suspects, places: Places, *, calibrated: bool) -> Iterator[Finding]:
        count: dict[int, int] = {}
        priority = places.priority()
        for row in np.argsort(-priority, kind="stable"):
            image = int(places.image[row])
            if not _worth_a_look(found, places, int(row)) or count.get(image, 0) >= MAX_FINDINGS:
                continue
            count[image] = count.get(image, 0) + 1
            finding = self._finding(found, places, int(row), self._seen[image])
            keeps = count[image] <= MAX_MASKS
            yield replace(
                finding,
                score=float(priority[row]),
                expected_precision=finding.score if calibrated else None,
                mask_png=finding.mask_png if keeps else "",
            )

    def _finding(self, found: Suspects, places: Places, row: int, image: AuditedImage) -> Finding:
        by_blob = bool(places.by_blob[row])
        rows = found.blobs if by_blob else found.components
        at = int(places.blob[row] if by_blob else places.component[row])
        type_, labeled, proposed = _meaning(
            TYPES[int(places.type[row])], int(rows.labeled[at]), int(rows.proposed[at])
        )
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


def _worth_a_look(found: Suspects, places: Places, row: int) -> bool:
    """Whether the model says anything against the label here."""
    if places.blob[row] >= 0:
        return True
    doubt = found.components.features[int(places.component[row])]
    return bool(max(doubt[SAYS_AGAINST]) > GATE)


def _meaning(type_: FindingType, labeled: int, proposed: int) -> tuple[FindingType, int, int]:
    """The type with its pair of classes, so that the sentence is true."""
    if type_ is FindingType.SWAP and proposed == BACKGROUND:
        return FindingType.OUTSIDE, labeled, proposed
    if type_ is FindingType.OUTSIDE:
        return type_, labeled, BACKGROUND
    if type_ in (FindingType.SHIFT, FindingType.UNLABELED_PART) and labeled != BACKGROUND:
        return type_, labeled, labeled
    return type_, labeled, proposed


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
