"""The images that a command names: which exist, and why some of them cannot be taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from daemon.domain import Image
from daemon.domain.errors import CommandRefused
from daemon.domain.formatting import count
from daemon.store import Store

MOST_NAMED = 5  # refused images in one sentence; further ones are counted


class Refusals:
    """Why some images of a command are not taken. reasons: image id -> a verb phrase."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        self.reasons = dict(reasons)

    def others(self, images: Collection[int]) -> set[int]:
        """The images without a refusal. Raises CommandRefused where none is left."""
        left = set(images) - self.reasons.keys()
        if not left:
            raise CommandRefused(f"nothing to do: {self._listed()}")
        return left

    @property
    def words(self) -> str:
        """The end of a sentence that says which images were not taken; "" for none."""
        return f"; not taken: {self._listed()}" if self.reasons else ""

    def _listed(self) -> str:
        named = [f"image {i} {why}" for i, why in sorted(self.reasons.items())[:MOST_NAMED]]
        more = len(self.reasons) - MOST_NAMED
        return "; ".join([*named, *([f"and {count(more, 'further image')}"] if more > 0 else [])])


def require_known(store: Store, image_ids: Sequence[int]) -> Mapping[int, Image]:
    """Image id -> image. Raises CommandRefused where an id belongs to no image."""
    images = store.images_of(image_ids)
    if unknown := sorted(set(image_ids) - images.keys()):
        raise CommandRefused(
            f"got the id {unknown[0]}, which is no image ({len(unknown)} such); expected ids of "
            f"images as pages and `maskloop export` show them; nothing was done"
        )
    return images
