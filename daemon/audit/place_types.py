"""What a place is called when people see it, and whether it is worth their look."""

from __future__ import annotations

from daemon.audit.component_features import NAMES
from daemon.audit.error_model import Places
from daemon.audit.label_components import BACKGROUND
from daemon.audit.suspects import TYPES, Rows, Suspects
from daemon.domain.label_findings import FindingType

GATE = 0.5  # probability against a label, from which on a component is worth a look
_SAYS_AGAINST = [NAMES.index(name) for name in ("doubt", "ring_peak", "rim_peak")]


def source_of(found: Suspects, places: Places, row: int) -> tuple[Rows, int]:
    """The rows that say what is wrong at a place, and which of them it is."""
    if places.by_blob[row]:
        return found.blobs, int(places.blob[row])
    return found.components, int(places.component[row])


def meaning_of(found: Suspects, places: Places, row: int) -> tuple[FindingType, int, int]:
    """The type of a place with its pair of classes, so that the sentence is true."""
    rows, at = source_of(found, places, row)
    type_ = TYPES[int(places.type[row])]
    labeled, proposed = int(rows.labeled[at]), int(rows.proposed[at])
    if type_ is FindingType.SWAP and proposed == BACKGROUND:
        return FindingType.OUTSIDE, labeled, proposed
    if type_ is FindingType.OUTSIDE:
        return type_, labeled, BACKGROUND
    if type_ in (FindingType.SHIFT, FindingType.UNLABELED_PART) and labeled != BACKGROUND:
        return type_, labeled, labeled
    return type_, labeled, proposed


def types_of(found: Suspects, places: Places) -> list[FindingType]:
    """The types of all places, as people see them."""
    return [meaning_of(found, places, row)[0] for row in range(len(places))]


def is_worth_a_look(found: Suspects, places: Places, row: int) -> bool:
    """Whether the model says anything against the label here."""
    if places.blob[row] >= 0:
        return True
    doubt = found.components.features[int(places.component[row])]
    return bool(max(doubt[_SAYS_AGAINST]) > GATE)
