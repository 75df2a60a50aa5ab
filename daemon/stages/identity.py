"""Recognizes known images: by key, by address without its signature, or by bytes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from connectors.images.addresses import without_signature
from daemon.domain import FoundImage, KnownImage


@dataclass(frozen=True, kw_only=True)
class Recognized:
    """A known image at a new address.

    is_second_address: whether the image is still listed under its own key too.
    """

    image: KnownImage
    is_second_address: bool = False


class Identities:
    """The known images, against one listing of the labeling tool.

    former: former key of an image -> its id. asked: task -> id of the image that it asks for.
    listed: keys of the listing; an image whose key is not listed may have moved.
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
        self._ids_by_sha256: dict[str, list[int]] = {}
        self._ids_by_address: dict[str, list[int]] = {}  # without signature
        for image in self._images.values():
            self._ids_by_sha256.setdefault(image.sha256, []).append(image.id)
            self._ids_by_address.setdefault(without_signature(image.key), []).append(image.id)

    def known(self, found: FoundImage) -> KnownImage | None:
        """The image with this key, or the one that had it and whose task still shows it."""
        if found.key in self._keys:
            return self._images[self._keys[found.key]]
        image_id = self._former.get(found.key)
        if image_id is None or found.task is None or self._asked.get(found.task) != image_id:
            return None
        return self._images[image_id]

    def may_be_known(self, new: Sequence[FoundImage]) -> bool:
        """Whether one of these may be a known image: it is in the task of one, or a known image is
        missing from the listing."""
        tasks = self._asked.keys() | {image.task for image in self._images.values()}
        missing = any(self._is_missing(image) for image in self._images.values())
        return bool(new) and (missing or any(found.task in tasks for found in new if found.task))

    def by_address(self, found: FoundImage) -> Recognized | None:
        """The known image whose address differs only in its signature; None if several do."""
        address = without_signature(found.key)
        if address == found.key:
            return None
        others = [self._images[i] for i in self._ids_by_address.get(address, ())]
        same = [
            image for image in others if self._is_task_of(found, image) or self._is_missing(image)
        ]
        return Recognized(image=same[0]) if len(same) == 1 else None

    def by_content(self, found: FoundImage, sha256: str) -> Recognized | None:
        """The known image with these bytes: the one of the same task, else one that this task asks
        for, else one that is missing from the listing; None without such an image."""
        same = [self._images[i] for i in self._ids_by_sha256.get(sha256, ())]
        for image in same:
            if self._is_task_of(found, image):
                return Recognized(image=image)
        for image in same:
            if found.task is not None and self._asked.get(found.task) == image.id:
                return Recognized(image=image, is_second_address=not self._is_missing(image))
        missing = [image for image in same if self._is_missing(image)]
        return Recognized(image=missing[0]) if missing else None

    def move(self, image: KnownImage, found: FoundImage) -> None:
        """Know the image by the key of `found` from now on."""
        self._former[image.key] = image.id
        self._keys.pop(image.key, None)
        self._keys[found.key] = image.id
        self._images[image.id] = replace(image, key=found.key, task=found.task or image.task)

    def _is_task_of(self, found: FoundImage, image: KnownImage) -> bool:
        return found.task is not None and image.task == found.task

    def _is_missing(self, image: KnownImage) -> bool:
        return image.key not in self._listed
