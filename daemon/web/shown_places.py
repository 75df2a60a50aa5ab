"""Places of images as pages show them: where they are, and what of the image is around them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.config.loading import Config
from daemon.domain import Image
from daemon.insight.view_model import Count, ViewModel

CONTEXT = 0.75  # around a place on its picture, of its longer side
MIN_CONTEXT_PX = 96


class Frame(ViewModel):
    """The part of an image that the page shows, pixels."""

    left: Count
    top: Count
    width: Count
    height: Count


class ShownPlace(ViewModel):
    """A place of an image."""

    image: Count
    """Number of the image, as in /images/NUMBER/thumbnail.jpg."""
    image_name: str
    width_px: Count
    height_px: Count
    top: Count
    left: Count
    bottom: Count
    right: Count
    area_px: Count
    mask_png: str
    """1-bit PNG of the place in its box, base64; empty where it was not kept."""
    frame: Frame
    task_url: str | None
    """The label in Label Studio; null for other connectors."""


def place_fields(
    image: Image,
    box_yxyx: tuple[int, int, int, int],
    area_px: int,
    mask_png: str,
    task_url: str | None,
) -> dict[str, Any]:
    """The fields of a `ShownPlace`. Pure."""
    top, left, bottom, right = box_yxyx
    return {
        "image": image.id,
        "image_name": image.name,
        "width_px": image.width_px,
        "height_px": image.height_px,
        "top": top,
        "left": left,
        "bottom": bottom,
        "right": right,
        "area_px": area_px,
        "mask_png": mask_png,
        "frame": frame_of(box_yxyx, image),
        "task_url": task_url,
    }


def frame_of(box_yxyx: tuple[int, int, int, int], image: Image) -> Frame:
    """A square around the place, inside the image. Pure."""
    top, left, bottom, right = box_yxyx
    longest = max(bottom - top, right - left)
    side = round(max(longest * (1 + 2 * CONTEXT), MIN_CONTEXT_PX))
    width, height = min(side, image.width_px), min(side, image.height_px)
    return Frame(
        left=max(0, min((left + right - width) // 2, image.width_px - width)),
        top=max(0, min((top + bottom - height) // 2, image.height_px - height)),
        width=width,
        height=height,
    )


def task_url(config: Config, tasks: Mapping[int, str]) -> Callable[[int], str | None]:
    """Image id -> address of the task of its label in Label Studio."""
    server = config.label_studio

    def url_of(image_id: int) -> str | None:
        task = tasks.get(image_id)
        if config.connector.kind != "label_studio" or task is None or not task.isdecimal():
            return None
        return f"{server.url.rstrip('/')}/projects/{server.project}/data?task={task}"

    return url_of
