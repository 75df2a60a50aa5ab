"""What the daemon asks of a labeling tool. The contract suite is tests/contract."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from daemon.domain import Ask, Changes, Fault, FoundImage


class Connector(Protocol):
    """Eleven verbs. Anything that has them can feed the loop.

    Every verb raises ConnectorUnavailable when the tool does not answer, and
    ConnectorRefused when it answers no. A write whose answer was lost raises
    OutcomeUnknown and is never repeated blindly.
    """

    def check(self) -> Sequence[Fault]:
        """Everything a person must change before the loop can run; empty when all is well."""

    def claim(self, owner: str) -> None:
        """Mark the project as worked by the store `owner`; repeating it changes nothing.

        Raises ConnectorRefused while the mark of another store is there: two stores on one
        project would ask everything twice.
        """

    def images(self) -> Iterable[FoundImage]:
        """Every image of the project, labeled or not, in a stable order, each key once."""

    def read(self, image: FoundImage) -> bytes:
        """The bytes of an image, bounded in size and time. Raises ImageRefused."""

    def fingerprint(self, image: FoundImage) -> str:
        """What the tool tells about an image's bytes without sending them; "" where it tells
        nothing. Two that are equal mean the same bytes. Raises ImageRefused."""

    def changes(
        self,
        cursor: str | None,
        sizes: Mapping[str, tuple[int, int]],
        asked: Collection[str] = (),
    ) -> Changes:
        """What people did since `cursor` (all when None); the same change may come again.

        asked: tasks that are open as far as is known; those that are gone come as lost.
        sizes: image key -> (height_px, width_px). A mask of another size becomes a fault; a
        fault of an annotation says which `answer` it is. Where `more` is set, memory bore no more
        masks: call again at once with the new cursor.
        """

    def push(self, asks: Sequence[Ask], key: str, version: str) -> Mapping[int, str]:
        """Ask people for these images; image id -> task. `key` names this chunk for ever. An
        image whose task was deleted in the tool meanwhile is left out.

        Looks for the key first: pushing the same chunk twice asks once. `version` names the
        predictions; they take effect with the next `rerank`. An ask that is `anew` gets a task of
        its own, which people who answered an earlier one of the image are handed too.
        """

    def rerank(self, version: str, asks: Sequence[Ask]) -> None:
        """Give every open task this order and these predictions, at once for all of them.

        asks: all open tasks, each with its `task`. `version` was never used for a rerank
        before; tasks that `push` already gave a prediction of it are not given a second.
        """

    def retire(self, tasks: Collection[str]) -> None:
        """Hand these tasks out no more; nothing is deleted. Repeating it changes nothing."""

    def forget(self, version: str) -> bool:
        """Delete predictions of a version that is not in force, as many as one look may take;
        whether none is left. Whoever was shown one of them can submit it no more.
        """

    def repair(
        self, version: str | None, open_tasks: Collection[str], pause_min: int | None = None
    ) -> Sequence[str]:
        """Mend settings that somebody changed, and keep every task that is not in
        `open_tasks` out of the annotators' stream; says in words what was mended.

        version: of the predictions in force, None before the first rerank. pause_min: minutes
        that people usually wait for the next batch, which their guide says; None: not known.
        """
