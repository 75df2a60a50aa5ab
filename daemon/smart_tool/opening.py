"""The smart tool of a configuration, with its engines, until a block ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from daemon.config.loading import Config
from daemon.config.smart_tool_secret import smart_tool_secret
from daemon.domain.clock import steady_s
from daemon.smart_tool.click_answers import ClickAnswers
from daemon.smart_tool.clicked_images import ClickedImages
from daemon.smart_tool.walks import Walks


@contextmanager
def open_smart_tool(config: Config) -> Iterator[ClickAnswers]:
    """The smart tool as [smart_tool] says. Raises ConfigError where its password cannot be kept."""
    yield ClickAnswers(
        project=config.label_studio.project,
        secret=smart_tool_secret(config),
        images=ClickedImages(config.state),
        engines=Walks(with_prior=config.smart_tool.engine != "colour_walk"),
        seconds=steady_s,
    )
