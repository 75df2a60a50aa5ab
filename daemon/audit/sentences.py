"""Why a place is suspicious, as one plain sentence."""

from __future__ import annotations

from daemon.domain.label_findings import FindingType

_SENTENCES = {
    FindingType.SWAP: "Labeled {labeled}; the model sees {proposed} here.",
    FindingType.MISSING: "Nothing is labeled here; the model sees {proposed}.",
    FindingType.UNLABELED_PART: "The {proposed} seems to go on beyond its label here.",
    FindingType.OUTSIDE: "Labeled {labeled}; the model sees only {proposed} here.",
    FindingType.SHIFT: "The label of this {labeled} seems to lie beside it.",
}


def reason(type_: FindingType, labeled: str, proposed: str) -> str:
    """The sentence of a finding by a model. labeled, proposed: names of classes."""
    return _SENTENCES[type_].format(labeled=labeled, proposed=proposed)


def conflict(other: str, agreement: dict[str, float]) -> str:
    """Of two identical pictures. other: name of the second one. agreement: class -> IoU."""
    shares = ", ".join(f"{name} {value:.2f}" for name, value in agreement.items())
    return f"The same picture as {other}, labeled differently (IoU: {shares})."
