"""Values from outside that cannot be used: the errors that say what was got and expected.

Code that reads one value (a stroke, a polygon, a field) does not know which annotation it belongs
to: it raises UnreadableValue, and whoever knows the position turns that into AnnotationRefused.
"""

from __future__ import annotations

from daemon.domain import Fault
from daemon.domain.errors import MaskRefused
from daemon.domain.formatting import short_repr

REPR_CHARS = 60  # of a value in a message


class UnreadableValue(MaskRefused):
    """A value of the wrong type, size or range; its position is not known here."""

    def __init__(self, got: str, expected: str, cure: str = "label it again") -> None:
        super().__init__(got=got, expected=expected, cure=cure)

    def at(self, where: str, part: str = "") -> AnnotationRefused:
        """The same with its position: "annotation 12 of task 3", and the part "region 2" of it."""
        return AnnotationRefused(
            Fault(where=where, part=part, got=self.got, expected=self.expected, cure=self.cure)
        )


class AnnotationRefused(MaskRefused):
    """An annotation, or the task that holds it, cannot be used. fault: the parts of the message."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault), got=fault.got, expected=fault.expected, cure=fault.cure)
        self.fault = fault


def short(value: object) -> str:
    """A value from outside in one short line."""
    return short_repr(value, REPR_CHARS)


def typed(value: object) -> str:
    """A value from outside with its type; of a long text only its length, as it may hold a secret
    or megabytes."""
    if isinstance(value, str) and len(value) > REPR_CHARS:
        return f"str of {len(value)} characters"
    return f"{type(value).__name__} {short(value)}"
