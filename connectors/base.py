"""The contract of a labeling tool. tests/contract/test_connectors.py runs it on every connector."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from daemon.domain import Changes, Draft, Fault, FoundImage, TaskRequest
from daemon.domain.reviews import ReviewRequest
from daemon.pixels.folders import LeftOut


class Connector(Protocol):
    """Fourteen methods. A class that has them can feed the loop.

    Every method raises ConnectorUnavailable when the tool does not answer, and
    ConnectorRefused when it answers no. A write whose answer was lost raises
    OutcomeUnknown and is never repeated blindly. Whoever opens a connector closes it.
    """

    def check(self) -> Sequence[Fault]:
        """Every fault that a person must correct before the loop can run; empty for none."""

    def notes(self) -> Sequence[str]:
        """What a person should know though nothing has to be changed, one line each."""

    def claim(self, owner: str) -> None:
        """Mark the project as used by the store `owner`; repeating it changes nothing.

        Raises ConnectorRefused while the mark of another store is there: two stores on one
        project would push every image twice.
        """

    def images(self) -> Iterable[FoundImage]:
        """Every image of the project, labeled or not, in a stable order, each key once."""

    def left_out(self) -> Sequence[LeftOut]:
        """Files of an image folder that the last listing did not use, and why; empty without a
        folder."""

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image, bounded in size and time. Raises ImageRefused."""

    def fingerprint(self, image: FoundImage) -> str:
        """A text that changes with an image's bytes, found without reading them, such as an ETag;
        "" where the tool has none. Equal fingerprints mean equal bytes. Raises ImageRefused."""

    def changes(
        self,
        cursor: str | None,
        sizes: Mapping[str, tuple[int, int]],
        asked: Collection[str] = (),
    ) -> Changes:
        """What people did since `cursor` (everything when None); a change may be reported twice.

        asked: tasks that the store knows as open; those that are deleted come as `lost_tasks`.
        sizes: image key -> (height_px, width_px). A mask of another size becomes a fault; the
        fault of an annotation has its `answer`. While `has_more` is set, call again with the new
        cursor.
        """

    def push(self, asks: Sequence[TaskRequest], key: str, version: str) -> Mapping[int, str]:
        """Ask people for these images; image id -> task. An image whose task was deleted in the
        tool meanwhile is left out.

        key: names this chunk for ever. The connector looks for it first, so pushing the same
        chunk twice asks once. version: of the predictions; it takes effect with the next `rerank`.
        An ask that `needs_new_task` gets a new task, which is also handed to people who answered
        an earlier task of the image.
        """

    def rerank(self, version: str, asks: Sequence[TaskRequest]) -> None:
        """Give every open task its new position and prediction, all of them by one switch.

        asks: all open tasks, each with its `task`. `version` was never used for a rerank
        before; a task that `push` already gave a prediction of it gets no second one.
        """

    def retire(self, tasks: Collection[str]) -> None:
        """Stop handing these tasks out; nothing is deleted. Repeating it changes nothing."""

    def delete_predictions(self, version: str) -> bool:
        """Delete predictions of a version that is not in force, as many as one tick may take;
        returns whether none is left. People who still see one of them cannot submit it any more.
        """

    def repair(
        self, version: str | None, open_tasks: Collection[str], pause_min: int | None = None
    ) -> Sequence[str]:
        """Put settings back that somebody changed, and keep every task that is not in
        `open_tasks` out of the annotators' stream; returns what was repaired, in words.

        version: of the predictions in force, None before the first rerank. pause_min: minutes
        that people usually wait for the next batch, for the annotators' guide; None: not known.
        """

    def close(self) -> None:
        """Close the connections. Repeating it changes nothing."""


@runtime_checkable
class KnowsPeople(Protocol):
    """What a connector may offer beside: who people are, and what they have begun. Both raise as
    the methods above; a refusal costs names on pages only."""

    def people(self) -> Mapping[str, str]:
        """Annotator, as annotations name them -> name."""

    def drafts(self, open_tasks: Collection[str]) -> Sequence[Draft]:
        """Who has begun which of these tasks without submitting it, one draft a task."""


@runtime_checkable
class OpensReviews(Protocol):
    """What a connector may offer beside: another person gets an answered task, with its label to
    look at once more, or with an empty page to label it too."""

    def open_reviews(self, version: str, requests: Sequence[ReviewRequest]) -> Collection[str]:
        """Hand these tasks to one person each who has not answered them, with the regions of the
        request to begin with; returns the tasks for which that is possible now. Twice asks once.

        version: of the predictions in force; after another one came into force, call it again.
        """

    def keep_reviews_open(self, answers: Mapping[str, int]) -> Collection[str]:
        """Put reviews that nobody answered back into the stream; returns the tasks that are gone.

        answers: task -> finished annotations that it had before its review.
        """

    def withdraw_reviews(self, tasks: Collection[str]) -> None:
        """Take reviews back. Repeating it changes nothing."""


@runtime_checkable
class HasSmartTool(Protocol):
    """What a connector may offer beside: people click, and the daemon draws the mask."""

    def smart_tool_faults(self) -> Sequence[Fault]:
        """Why people cannot click, though the loop can run; empty for nothing."""

    def connect_smart_tool(self, target: str, password: str) -> Sequence[str]:
        """Let the tool send clicks to the address `target` with this password; returns what was
        done, in words. Repeating it changes nothing. Raises ConnectorRefused where the tool cannot
        reach it."""
