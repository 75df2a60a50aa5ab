"""What is said about a mask that cannot be used."""

from __future__ import annotations

from daemon.domain import Fault
from daemon.domain.errors import MaskRefused


class Unreadable(MaskRefused):
    """Something that should hold pixels and does not; what reads it knows no place for it."""

    def __init__(self, got: str, expected: str, cure: str = "label it again") -> None:
        super().__init__(f"got {got}; expected {expected}; {cure}")
        self.got, self.expected, self.cure = got, expected, cure

    def at(self, where: str) -> RegionRefused:
        """The same, with its place."""
        return RegionRefused(
            Fault(where=where, got=self.got, expected=self.expected, cure=self.cure)
        )


class RegionRefused(MaskRefused):
    """A mask that cannot be used, with the parts of its message."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


def shown(value: object) -> str:
    """A value in at most 60 characters."""
    if isinstance(value, list | tuple | dict | str | bytes) and len(value) > 60:
        return f"{type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def kind(value: object) -> str:
    """A value with its type."""
    return f"{type(value).__name__} {shown(value)}"
