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


LEAK = "One of both is for validation: the model is measured on a picture that it learns from."


def conflict(other: str, agreement: dict[str, float]) -> str:
    """Of two identical pictures. other: name of the second one. agreement: class -> IoU."""
    shares = ", ".join(f"{name} {value:.2f}" for name, value in agreement.items())
    return f"{same_picture(other, exact=True)}, labeled differently (IoU: {shares})."


def same_picture(other: str, *, exact: bool) -> str:
    """The beginning of a sentence on a picture and one that is the same, or nearly."""
    return f"The same picture as {other}" if exact else f"Nearly the same picture as {other}"


def odd_one(other: str, others: int, labeled: str, usual: str, agreement: dict[str, float]) -> str:
    """Of a place that the labels of nearly the same pictures, `other` the first, see differently.

    agreement: class -> IoU with the label of the first.
    """
    shares = ", ".join(f"{name} {value:.2f}" for name, value in agreement.items())
    rest = {1: "", 2: " and of another one"}.get(others, f" and of {others - 1} others")
    return (
        f"Labeled {labeled}; {usual} in the label of {other}{rest}, which shows nearly the same "
        f"(IoU: {shares})."
    )
