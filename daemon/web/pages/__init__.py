"""The pages, in the order of the navigation. README.md of daemon/web says how to add one."""

from __future__ import annotations

from daemon.web.page import Page
from daemon.web.pages import batch, command_list, curve, image_map, overview, suspects, trainings

PAGES: tuple[Page, ...] = (
    overview.PAGE,
    curve.PAGE,
    batch.PAGE,
    image_map.PAGE,
    trainings.PAGE,
    suspects.PAGE,
    command_list.PAGE,
)
