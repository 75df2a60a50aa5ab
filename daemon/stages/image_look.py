"""One look at all images: what was found, and what has come of it so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from daemon.domain import FoundImage
from daemon.intake import Intake
from daemon.stages.identity import Identities
from daemon.stages.image_readers import Reader
from daemon.stages.image_reading import Reading


@dataclass(kw_only=True)
class Look:
    """From one listing until all that it asked for is read, or until the next listing.

    identities: what the store held, against the listing. refused: place of an image that could not
    be used -> (mark, when), at the listing. listed: the keys of the listing. rest: the new images
    that have not been looked into, by key. first: how many there were. hold: whether one of them
    may turn out to be a known one.
    """

    identities: Identities
    refused: Mapping[str, tuple[str, str]]
    listed: Collection[str]
    rest: dict[str, FoundImage]
    first: int
    hold: bool
    intake: Intake
    unusable: list[Reading] = field(default_factory=list)
    renamed: list[int] = field(default_factory=list)  # images whose tasks show an old address
    new: int = 0
    moved: int = 0

    @property
    def looked(self) -> int:
        """How many of all images are known or looked into."""
        return len(self.listed) - len(self.rest)


@dataclass(kw_only=True)
class Ingest:
    """How images come in, from tick to tick: who reads them, and the look that is under way.

    through: images that came through since intake broke, see Intake; 0 where it works.
    """

    reader: Reader
    look: Look | None = None
    through: int = 0

    def drop(self) -> None:
        """Forget the look: what was taken and could not be kept is asked for again."""
        self.look = None
        self.reader.ask(())
