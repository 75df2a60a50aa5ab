"""A scan of all images: what was listed, and what has been read of it so far."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from daemon.domain import FoundImage
from daemon.intake import Intake
from daemon.stages.identity import Identities
from daemon.stages.image_readers import Reader
from daemon.stages.image_reading import ReadResult


@dataclass(kw_only=True)
class Scan:
    """The state of a scan. It lasts until all requested images are read, or the next listing.

    identities: the known images, against the listing. refused: `fault_location` of an image that
    could not be used at the listing -> (stamp, time). listed: keys of the listed images. unread:
    key -> new image that is not read yet. new: how many new images the listing has. blocks_cycle:
    whether an unread image may turn out to be a known one.
    """

    identities: Identities
    refused: Mapping[str, tuple[str, str]]
    listed: Collection[str]
    unread: dict[str, FoundImage]
    new: int
    blocks_cycle: bool
    intake: Intake
    unusable: list[ReadResult] = field(default_factory=list)
    renamed: list[int] = field(default_factory=list)  # images whose tasks show an old address
    added: int = 0
    recognized: int = 0

    @property
    def read(self) -> int:
        """How many of the listed images are known or read."""
        return len(self.listed) - len(self.unread)


@dataclass(kw_only=True)
class Ingest:
    """What the intake of images keeps from tick to tick: the reader, and the scan under way.

    accepted: inputs that could be used since IntakeBroken was raised, see `Intake`; 0 while the
    intake works.
    """

    reader: Reader
    scan: Scan | None = None
    accepted: int = 0

    def discard_scan(self) -> None:
        """Give up the scan; the next one requests what could not be saved."""
        self.scan = None
        self.reader.request(())
