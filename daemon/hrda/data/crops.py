"""From the files of a request to the minibatch of an iteration. Memory is bounded."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from daemon.domain import IGNORE, Mask
from daemon.domain.errors import ConfigError
from daemon.hrda.data.crop_geometry import Crop, training_crop, whole_scale
from daemon.hrda.data.guarded_reading import FilesUnusable, Reading
from daemon.hrda.data.image_files import Picture
from daemon.hrda.data.minibatch import Minibatch
from daemon.hrda.data.sampler import Sampler
from daemon.hrda.distributed import ALONE, Ranks
from daemon.hrda.network.encoders import encoder_kind
from daemon.hrda.settings import Settings
from daemon.pixels.masks import counts_of
from daemon.runs.folder import FileRole, ImageFile, LabeledFile, TrainRequest

CACHE_BYTES = 256 * 2**20  # of decoded labeled pictures; the pool is read anew each time
REDRAWS = 10  # of a crop that was to hold a class and does not: DAFormer's number


class Crops:
    """Minibatches by iteration. pixels: (L, C) pixels of each class in each labeled image.

    ignored: share of the labeled pixels that are 255, in [0, 1].
    labeled: the images that can be read with their masks; the others are faults of `reading`, as
    are unlabeled images that cannot be read when their turn comes: the next one takes their place.
    """

    def __init__(
        self,
        request: TrainRequest,
        settings: Settings,
        device: torch.device,
        ranks: Ranks = ALONE,
        reading: Reading | None = None,
    ) -> None:
        if not request.labeled:
            raise ConfigError("request.json: labeled is empty; expected at least one labeled image")
        self.reading = reading or reading_of(request)
        self.labeled: Sequence[LabeledFile] = request.labeled
        self.unlabeled: Sequence[ImageFile] = request.unlabeled if settings.unlabeled_weight else ()
        self.classes, self.settings, self.device = len(request.classes), settings, device
        self.ranks = ranks
        self._fill = [round(channel) for channel in encoder_kind(settings).mean]
        self._cache: OrderedDict[int, tuple[Picture, Mask]] = OrderedDict()
        self._cached_bytes = 0
        self._unreadable: set[int] = set()  # unlabeled
        self.pixels = self._count()
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
        """The crops of an iteration: the same whenever and wherever it is asked for.

        Of several processes each gets its share of the places.
        """
        size = self.settings.minibatch
        labeled = [self._labeled(iteration * size + row) for row in self.ranks.share(size)]
        other = self.settings.unlabeled_minibatch if self.unlabeled else 0
        unlabeled = [self._unlabeled(iteration * other + row) for row in self.ranks.share(other)]
        side = self.settings.context_px
        valid = np.stack([c.valid for c in unlabeled]) if unlabeled else np.zeros((0, side, side))
        return Minibatch(
            image=self._images([crop.image for crop in labeled]),
            label=torch.from_numpy(np.stack([crop.mask for crop in labeled]))
            .long()
            .to(self.device),
            unlabeled=self._images([crop.image for crop in unlabeled]),
            valid=torch.from_numpy(valid).bool().to(self.device),
            whole=(size, other),
        )

    def _labeled(self, position: int) -> Crop:
        draw = self.sampler.labeled(position)
        image, mask = self._read(draw.image)
        rng = np.random.default_rng(draw.seed)
        if draw.wanted is None or self.settings.rare_crops == "aimed":
            return self._crop(image, mask, draw.wanted, rng)
        return self._redrawn(image, mask, draw.wanted, rng)

    def _redrawn(self, image: Picture, mask: Mask, wanted: int, rng: np.random.Generator) -> Crop:
        """A crop from anywhere, drawn again until it holds enough of the class: DAFormer's law."""
        enough = self.settings.rare_pixels * self.settings.rare_crop_ratio
        crop = self._crop(image, mask, None, rng)
        for _ in range(REDRAWS):
            if np.count_nonzero(crop.mask == wanted) > enough:
                break
            crop = self._crop(image, mask, None, rng)
        return crop

    def _unlabeled(self, position: int) -> Crop:
        draw = self.sampler.unlabeled(position)
        image = self._unlabeled_picture(draw.image)
        crop = self._crop(image, self._inner(image), None, np.random.default_rng(draw.seed))
        valid = crop.mask != IGNORE
        if not self.settings.mask_padding:
            valid |= ~crop.valid
        return Crop(image=crop.image, mask=crop.mask, valid=valid)

    def _unlabeled_picture(self, row: int) -> Picture:
        """The picture of a row, or the next that can be read. Raises FilesUnusable without any."""
        for further in range(len(self.unlabeled)):
            file = self.unlabeled[(row + further) % len(self.unlabeled)]
            image = None if file.id in self._unreadable else self.reading.image(file)
            if image is not None:
                return image
            self._unreadable.add(file.id)
        raise FilesUnusable("unlabeled", self.reading.faults(FileRole.POOL))

    def _inner(self, image: Picture) -> Mask:
        """0 where pseudo-labels may be believed, 255 in the margins."""
        height, width = image.shape[:2]
        top, bottom, left, right = self.settings.pseudo_margins_px
        mask = np.full((height, width), IGNORE, np.uint8)
        mask[top : max(top, height - bottom), left : max(left, width - right)] = 0
        return mask

    def _crop(
        self, image: Picture, mask: Mask, wanted: int | None, rng: np.random.Generator
    ) -> Crop:
        settings, side = self.settings, self.settings.context_px
        scales = (settings.scale_low, settings.scale_high)
        if settings.framing == "fit":
            scales = (whole_scale(image, side),) * 2
        return training_crop(image, mask, side, scales, wanted, rng, settings.turns, self._fill)

    def _images(self, pictures: Sequence[Picture]) -> torch.Tensor:
        side = self.settings.context_px
        stacked = np.stack(pictures) if pictures else np.zeros((0, side, side, 3), np.uint8)
        return torch.from_numpy(stacked).to(self.device).permute(0, 3, 1, 2).float()

    def _read(self, row: int) -> tuple[Picture, Mask]:
        """A labeled picture, the most recent ones from memory; where it cannot be read any more,
        the next that can. Raises FilesUnusable without any."""
        for further in range(len(self.labeled)):
            pair = self._read_if_whole((row + further) % len(self.labeled))
            if pair is not None:
                return pair
        raise FilesUnusable("labeled", self.reading.faults(FileRole.LABELED))

    def _read_if_whole(self, row: int) -> tuple[Picture, Mask] | None:
        if row in self._cache:
            self._cache.move_to_end(row)
            return self._cache[row]
        pair = self.reading.labeled(self.labeled[row], self.classes)
        if pair is None:
            return None
        self._cache[row] = pair
        self._cached_bytes += _bytes(pair)
        while self._cached_bytes > CACHE_BYTES and len(self._cache) > 1:
            self._cached_bytes -= _bytes(self._cache.popitem(last=False)[1])
        return pair

    def _count(self) -> npt.NDArray[np.int64]:
        """Also leaves the labeled images out that cannot be used."""
        counts, whole, all_px = [], [], 0
        for row, file in enumerate(self.labeled):
            pair = self._read_if_whole(row)
            if pair is None:
                continue
            whole.append(file)
            if len(whole) - 1 != row:  # the rows behind move up
                self._cache[len(whole) - 1] = self._cache.pop(row)
            all_px += pair[1].size
            counts.append(counts_of(pair[1])[: self.classes])
        self.labeled = whole
        if not whole:
            raise FilesUnusable("labeled", self.reading.faults(FileRole.LABELED))
        pixels = np.stack(counts).astype(np.int64)
        if not pixels.sum():
            raise ConfigError("request.json: every pixel of the labels is 255 (no label)")
        self.ignored = 1 - int(pixels.sum()) / all_px
        return pixels


def reading_of(request: TrainRequest) -> Reading:
    """Of all files that a training reads, each with the role that the request gives it."""
    return Reading([*request.labeled, *request.validation, *request.unlabeled])


def _bytes(pair: tuple[Picture, Mask]) -> int:
    return pair[0].nbytes + pair[1].nbytes
