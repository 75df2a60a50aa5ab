"""What other people than the author do with a labeled image: look at it once more, label it too."""

from __future__ import annotations

from daemon.intake import DeferredFailures
from daemon.stages.context import Context
from daemon.stages.measured_agreement import measure_agreement
from daemon.stages.reviews import advance_reviews
from daemon.stages.second_labels import advance_second_labels


def ask_other_people(context: Context, failures: DeferredFailures) -> None:
    """Ask for second looks and second labels, read what came of them, and compare the labels.

    failures: collects the errors of the parts, so that one does not stop the others.
    """
    with failures.defer("asking for a second look at labels"):
        advance_reviews(context)
    with failures.defer("asking for second labels of validation images"):
        advance_second_labels(context)
    with failures.defer("measuring how well people agree"):
        measure_agreement(context)
