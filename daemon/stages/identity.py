"""Which known image a found one is: by its key, its address without a signature, or its bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.images.addresses import without_signature
from daemon.domain import FoundImage, KnownImage


@dataclass(frozen=True, kw_only=True)
class Recognised:
    """A known image at an address that is new. further: the image is found under its own key too,
    so that this one is a second address of it."""

    image: KnownImage
    further: bool = False


class Identities:
    """What the store knows, against one listing of the labeling tool.

    former: key that an image had -> its id. asked: task -> the image that was asked by it.
    listed: the keys of the listing; an image whose key is not among them has perhaps moved.
    """

    def __init__(
        self,
        images: Iterable[KnownImage],
        former: Mapping[str, int],
        asked: Mapping[str, int],
        listed: Collection[str],
    ) -> None:
        self._images = {image.id: image for image in images}
        self._keys = {image.key: image.id for image in self._images.values()}
        self._former, self._asked = dict(former), dict(asked)
        self._listed = listed
        self._contents: dict[str, list[int]] = {}
        self._objects: dict[str, list[int]] = {}
        for image in self._images.values():
            self._contents.setdefault(image.sha256, []).append(image.id)
            self._objects.setdefault(without_signature(image.key), []).append(image.id)

    def known(self, found: FoundImage) -> KnownImage | None:
        """The image with this key; or the one that had it, where a task of ours still says so."""
        if found.key in self._keys:
            return self._images[self._keys[found.key]]
        image_id = self._former.get(found.key)
        if image_id is None or found.task is None or self._asked.get(found.task) != image_id:
            return None
        return self._images[image_id]

    def may_be_known(self, new: Sequence[FoundImage]) -> bool:
        """Whether one of these may turn out to be a known image: it is in the task of one, or one
        is missing from the listing."""
        tasks = self._asked.keys() | {image.task for image in self._images.values()}
        missing = any(self._has_left(image) for image in self._images.values())
        return bool(new) and (missing or any(found.task in tasks for found in new if found.task))

    def by_address(self, found: FoundImage) -> Recognised | None:
        """The one image whose address differs in its signature only."""
        address = without_signature(found.key)
        if address == found.key:
            return None
        others = [self._images[i] for i in self._objects.get(address, ())]
        same = [one for one in others if self._is_task_of(found, one) or self._has_left(one)]
        return Recognised(image=same[0]) if len(same) == 1 else None

    def by_content(self, found: FoundImage, sha256: str) -> Recognised | None:
        """The image with these bytes that this is: the one of the same task, else one that was
        asked by this task, else one that is not found under its own key any more."""
        same = [self._images[i] for i in self._contents.get(sha256, ())]
        for image in same:
            if self._is_task_of(found, image):
                return Recognised(image=image)
        for image in same:
            if found.task is not None and self._asked.get(found.task) == image.id:
                return Recognised(image=image, further=not self._has_left(image))
        gone = [image for image in same if self._has_left(image)]
        return Recognised(image=gone[0]) if gone else None

    def move(self, image: KnownImage, found: FoundImage) -> None:
        """This image is known by the key of `found` from now on."""
        self._former[image.key] = image.id
        self._keys.pop(image.key, None)
        self._keys[found.key] = image.id
        self._images[image.id] = replace(image, key=found.key, task=found.task or image.task)

    def _is_task_of(self, found: FoundImage, image: KnownImage) -> bool:
        return found.task is not None and image.task == found.task

    def _has_left(self, image: KnownImage) -> bool:
        return image.key not in self._listed
