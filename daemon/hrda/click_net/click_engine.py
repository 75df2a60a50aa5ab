"""The engine `click_net`: the network on a crop, then what every engine must keep.

Equal questions have equal answers: the crop depends on the clicks and the previous answer alone.
"""

from __future__ import annotations

import numpy as np
import torch

from daemon.clicks.border_edit import border_edit
from daemon.clicks.click import ClickQuestion, FloatMap, ObjectProbability
from daemon.clicks.click_answer import answer_to
from daemon.hrda.click_net.click_crops import (
    Box,
    Crop,
    back_to_image,
    box_inside,
    box_of,
    disks_in,
    picture_in,
    prior_in,
    probability_in,
    union,
)
from daemon.hrda.click_net.click_network import ClickNetwork, on_device

SURROUND = 2.0  # sizes of the previous mask and the clicks along a side of the crop
LEAST_PX = 48  # side of such a crop: small objects are seen larger than at the first click
NEARER = 0.8  # a first mask is computed again in a crop whose side is less than this share
RECROPS = 2  # how often a mask is computed again, since it is small or reaches the border
GROWTH = 1.5  # of the side of a crop whose border a mask reaches


class ClickNetEngine:
    """Answers with the network. first_px: side of the crop at a first click. px: of what the
    network sees. knows_prior: whether it learned what a prior is; else it is shown none."""

    name = "click_net"

    def __init__(
        self,
        net: ClickNetwork,
        device: torch.device,
        *,
        first_px: int,
        px: int,
        knows_prior: bool = True,
    ) -> None:
        self._net = on_device(net, device).eval()
        self._device, self._first_px, self._px = device, first_px, px
        self._knows_prior = knows_prior

    def segment(self, question: ClickQuestion) -> ObjectProbability:
        """The object that the clicks mean; see ClickEngine."""
        edited = border_edit(question)
        return self._found(question) if edited is None else edited

    def _found(self, question: ClickQuestion) -> ObjectProbability:
        size = (question.image.shape[0], question.image.shape[1])
        crop = self._crop(question)
        found = back_to_image(crop, self._seen(question, crop, question.before), size)
        better = self._nearer(question, found, crop)
        for _ in range(RECROPS):
            better = better or self._grown(found, crop, size)
            if better is None:
                break
            crop, better = better, None
            found = back_to_image(crop, self._seen(question, crop, found), size)
        return answer_to(question, found)

    @torch.inference_mode()
    def _seen(
        self, question: ClickQuestion, crop: Crop, previous: ObjectProbability | None
    ) -> FloatMap:
        """(px / 2, px / 2): what the network says of the crop."""
        px = self._px
        picture = torch.from_numpy(picture_in(crop, question.image, px)).permute(2, 0, 1)
        maps = np.stack(
            [
                probability_in(crop, previous, px),
                *disks_in(crop, question.clicks, px),
                prior_in(crop, question.prior if self._knows_prior else None, px),
            ]
        )
        logits = self._net(
            picture[None].float().to(self._device), torch.from_numpy(maps)[None].to(self._device)
        )
        return np.asarray(torch.sigmoid(logits)[0, 0].cpu().numpy(), np.float32)

    def _crop(self, question: ClickQuestion) -> Crop:
        """Around the mask before the last click, and the positive clicks."""
        before = _box(question.before)
        if before is None:
            clicks = _clicks_box(question)
            return clicks.crop(max(self._first_px, SURROUND * clicks.size))
        box = union(_clicks_box(question), before)
        return box.crop(max(LEAST_PX, SURROUND * box.size))

    def _nearer(self, question: ClickQuestion, found: ObjectProbability, crop: Crop) -> Crop | None:
        """A smaller crop, where the first mask is small."""
        mask = _box(found)
        if mask is None or question.before is not None:
            return None
        box = union(_clicks_box(question), mask)
        side = max(LEAST_PX, SURROUND * box.size)
        return box.crop(side) if side < NEARER * crop.side else None

    def _grown(self, found: ObjectProbability, crop: Crop, size: tuple[int, int]) -> Crop | None:
        """A larger crop, where the mask reaches a border of the crop that is none of the image."""
        box = _box(found)
        if box is None:
            return None
        edge = max(1, crop.side // self._px)
        reaches = (
            (box.left < crop.left + edge and crop.left > 0)
            or (box.top < crop.top + edge and crop.top > 0)
            or (box.right > crop.left + crop.side - edge and crop.left + crop.side < size[1])
            or (box.bottom > crop.top + crop.side - edge and crop.top + crop.side < size[0])
        )
        return box.crop(max(SURROUND * box.size, GROWTH * crop.side)) if reaches else None


def _box(found: ObjectProbability | None) -> Box | None:
    return None if found is None else box_inside(found.values >= 0.5, found.left, found.top)


def _clicks_box(question: ClickQuestion) -> Box:
    """Around the positive clicks; around all where none is positive."""
    clicks = [one for one in question.clicks if one.positive] or question.clicks
    return box_of((one.x, one.y) for one in clicks)
