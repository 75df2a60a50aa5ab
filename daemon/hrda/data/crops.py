"""From the files of a request to the minibatch of an iteration, in bounded memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from daemon.config.learner import Settings
from daemon.domain import IGNORE, Mask
from daemon.domain.errors import ConfigError
from daemon.hrda.data.file_reader import FileReader, NoUsableFiles
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.random_crop import Crop, fit_scale, training_crop
from daemon.hrda.data.sampler import Sampler
from daemon.hrda.device import to_device
from daemon.hrda.distributed import SINGLE_PROCESS, Ranks
from daemon.hrda.network.encoders import encoder_spec
from daemon.pixels.masks import counts_of, read_mask, values_of
from daemon.runs.run_folder import FileRole, ImageFile, LabeledFile, TrainRequest

CACHE_BYTES = 256 * 2**20  # of decoded labeled pictures; unlabeled ones are not cached
MAX_REDRAWS = 10  # of a crop that must hold a class: DAFormer's number


class Crops:
    """The minibatches of a training, by iteration.

    pixels: (L, C) pixels of each class in each labeled image. ignored: share of the pixels of the
    labels that are 255, in [0, 1]. labeled: the images that can be read with their masks; sizes:
    their (height, width), pixels. The others are faults of `reader`, as are unlabeled images that
    cannot be read when they are drawn: the next one replaces them. pool_labels: the folder of the
    pool's labels, ID.png, in a second round.
    """

    def __init__(
        self,
        request: TrainRequest,
        settings: Settings,
        device: torch.device,
        ranks: Ranks = SINGLE_PROCESS,
        reader: FileReader | None = None,
    ) -> None:
        if not request.labeled:
            raise ConfigError("request.json: labeled is empty; expected at least one labeled image")
        self.reader = reader or reader_of(request)
        self.labeled: Sequence[LabeledFile] = request.labeled
        self.unlabeled: Sequence[ImageFile] = request.unlabeled if settings.unlabeled_weight else ()
        self.classes, self.settings, self.device = len(request.classes), settings, device
        self.ranks = ranks
        self._fill = [round(channel) for channel in encoder_spec(settings).mean]
        self._cache: OrderedDict[int, tuple[Picture, Mask]] = OrderedDict()
        self._cached_bytes = 0
        self._lock = threading.Lock()  # of the cache: minibatches are computed in several threads
        self._unreadable: set[int] = set()  # unlabeled
        self.pool_labels: Path | None = None
        self.sizes: list[tuple[int, int]] = []
        self.pixels = self._count_pixels()
        self.sampler = Sampler(
            self.pixels,
            len(self.unlabeled),
            request.seed,
            settings.rare_class,
            settings.rare_temperature,
            settings.rare_pixels,
        )

    def labeled_images(self) -> torch.Tensor:
        """(C,): how many labeled images hold each class."""
        return torch.from_numpy((self.pixels > 0).sum(axis=0)).float().to(self.device)

    def labeled_share(self) -> torch.Tensor:
        """(C,): share of the labeled pixels of each class."""
        counts = self.pixels.sum(axis=0)
        return torch.from_numpy(counts / max(1, int(counts.sum()))).float().to(self.device)

    def minibatch(self, iteration: int) -> Minibatch:
        """The crops of an iteration: the same whenever and on whichever machine it is called.

        Each of several processes gets its positions of the minibatch.
        """
        size = self.settings.minibatch
        labeled = [self._labeled(iteration * size + row) for row in self.ranks.positions(size)]
        other = self.settings.unlabeled_minibatch if self.unlabeled else 0
        unlabeled = [
            self._unlabeled(iteration * other + row) for row in self.ranks.positions(other)
        ]
        side = self.settings.context_px
        valid = np.stack([c.valid for c in unlabeled]) if unlabeled else np.zeros((0, side, side))
        return Minibatch(
            image=self._images([crop.image for crop in labeled]),
            label=self._on_device(np.stack([crop.mask for crop in labeled])).long(),
            unlabeled=self._images([crop.image for crop in unlabeled]),
            valid=self._on_device(valid.astype(np.bool_)),
            full_size=(size, other),
            values=tuple(tuple(values_of(crop.mask)) for crop in labeled),
            pool_label=self._pool_label(unlabeled),
        )

    def _pool_label(self, unlabeled: Sequence[Crop]) -> torch.Tensor | None:
        if self.pool_labels is None or not unlabeled:
            return None
        return self._on_device(np.stack([crop.mask for crop in unlabeled])).long()

    def _labeled(self, position: int) -> Crop:
        draw = self.sampler.labeled(position)
        image, mask = self._labeled_picture(draw.image)
        rng = np.random.default_rng(draw.seed)
        if draw.required_class is None or self.settings.rare_crops == "aimed":
            return self._crop(image, mask, draw.required_class, rng)
        return self._redrawn_crop(image, mask, draw.required_class, rng)

    def _redrawn_crop(
        self, image: Picture, mask: Mask, required_class: int, rng: np.random.Generator
    ) -> Crop:
        """A uniform crop, drawn again until it holds enough of the class, as in DAFormer."""
        enough = self.settings.rare_pixels * self.settings.rare_crop_ratio
        crop = self._crop(image, mask, None, rng)
        for _ in range(MAX_REDRAWS):
            if np.count_nonzero(crop.mask == required_class) > enough:
                break
            crop = self._crop(image, mask, None, rng)
        return crop

    def _unlabeled(self, position: int) -> Crop:
        draw = self.sampler.unlabeled(position)
        file, image = self._unlabeled_picture(draw.image)
        area, rng = self._pseudo_label_area(image), np.random.default_rng(draw.seed)
        if self.pool_labels is not None:
            label = read_mask(
                self._pool_label_file(file),
                classes=self.classes,
                size=(area.shape[0], area.shape[1]),
            )
            area = np.where(area == IGNORE, area, label)
        crop = self._crop(image, area, None, rng, largest_class_share=1.0)
        valid = crop.mask != IGNORE
        if not self.settings.mask_padding:
            valid |= ~crop.valid
        return Crop(image=crop.image, mask=crop.mask, valid=valid)

    def _unlabeled_picture(self, index: int) -> tuple[ImageFile, Picture]:
        """The picture at an index, or the next that can be read. Raises NoUsableFiles."""
        for further in range(len(self.unlabeled)):
            file = self.unlabeled[(index + further) % len(self.unlabeled)]
            image = None if self._is_left_out(file) else self.reader.image(file)
            if image is not None:
                return file, image
            self._unreadable.add(file.id)
        raise NoUsableFiles("unlabeled", self.reader.faults(FileRole.POOL))

    def _is_left_out(self, file: ImageFile) -> bool:
        """Whether it could not be read, now or when the pool was labeled."""
        if file.id in self._unreadable:
            return True
        return self.pool_labels is not None and not self._pool_label_file(file).exists()

    def _pool_label_file(self, file: ImageFile) -> Path:
        if self.pool_labels is None:
            raise ValueError("pool_labels is None: this is no second round")
        return self.pool_labels / f"{file.id}.png"

    def _pseudo_label_area(self, image: Picture) -> Mask:
        """(H, W): 0 where pseudo-labels count, 255 in the margins (pseudo_margins_px)."""
        height, width = image.shape[:2]
        top, bottom, left, right = self.settings.pseudo_margins_px
        mask = np.full((height, width), IGNORE, np.uint8)
        mask[top : max(top, height - bottom), left : max(left, width - right)] = 0
        return mask

    def _crop(
        self,
        image: Picture,
        mask: Mask,
        required_class: int | None,
        rng: np.random.Generator,
        largest_class_share: float | None = None,
    ) -> Crop:
        """A training crop. largest_class_share: None means that of the settings."""
        settings, side = self.settings, self.settings.context_px
        most = settings.largest_class_share if largest_class_share is None else largest_class_share
        scales = (settings.scale_low, settings.scale_high)
        if settings.framing == "fit":
            scales = (fit_scale(image, side),) * 2
        return training_crop(
            image, mask, side, scales, required_class, rng, settings.turns, self._fill, most
        )

    def _images(self, pictures: Sequence[Picture]) -> torch.Tensor:
        """(B, 3, P, P) on the device, sent there as bytes."""
        side = self.settings.context_px
        stacked = np.stack(pictures) if pictures else np.zeros((0, side, side, 3), np.uint8)
        return self._on_device(stacked).permute(0, 3, 1, 2).float()

    def _on_device(self, array: npt.NDArray[Any]) -> torch.Tensor:
        """The array as a tensor; nobody waits for the device."""
        return to_device(torch.from_numpy(array), self.device)

    def _labeled_picture(self, index: int) -> tuple[Picture, Mask]:
        """A labeled picture with its mask, from the cache or its files; where it cannot be read any
        more, the next that can. Raises NoUsableFiles."""
        for further in range(len(self.labeled)):
            pair = self._read_labeled((index + further) % len(self.labeled))
            if pair is not None:
                return pair
        raise NoUsableFiles("labeled", self.reader.faults(FileRole.LABELED))

    def _read_labeled(self, row: int) -> tuple[Picture, Mask] | None:
        with self._lock:
            return self._cached_pair(row)

    def _cached_pair(self, row: int) -> tuple[Picture, Mask] | None:
        if row in self._cache:
            self._cache.move_to_end(row)
            return self._cache[row]
        pair = self.reader.labeled_image(self.labeled[row], self.classes)
        if pair is None:
            return None
        self._cache[row] = pair
        self._cached_bytes += _bytes(pair)
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= _bytes(self._cache.popitem(last=False)[1])
        return pair

    def _count_pixels(self) -> npt.NDArray[np.int64]:
        """(L, C), of the labeled images that can be used; the others are left out."""
        counts, usable, all_px = [], [], 0
        self.sizes = []
        for row, file in enumerate(self.labeled):
            pair = self._read_labeled(row)
            if pair is None:
                continue
            usable.append(file)
            self.sizes.append((pair[1].shape[0], pair[1].shape[1]))
            if len(usable) - 1 != row:  # later rows move up
                self._cache[len(usable) - 1] = self._cache.pop(row)
            all_px += pair[1].size
            counts.append(counts_of(pair[1])[: self.classes])
        self.labeled = usable
        if not usable:
            raise NoUsableFiles("labeled", self.reader.faults(FileRole.LABELED))
        pixels = np.stack(counts).astype(np.int64)
        if not pixels.sum():
            raise ConfigError(
                "request.json: every pixel of the labels is 255 (no label); expected a class on "
                "some of them; label an image first"
            )
        self.ignored = 1 - int(pixels.sum()) / all_px
        return pixels


def reader_of(request: TrainRequest) -> FileReader:
    """The reader of all files of a training, with their roles in the request."""
    return FileReader([*request.labeled, *request.validation, *request.unlabeled])


def _bytes(pair: tuple[Picture, Mask]) -> int:
    return pair[0].nbytes + pair[1].nbytes
