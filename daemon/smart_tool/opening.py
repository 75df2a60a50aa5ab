"""The smart tool of a configuration, with its engines, until a block ends."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager

from daemon.config.loading import Config
from daemon.config.smart_tool_secret import smart_tool_secret
from daemon.domain.clock import steady_s, utc_now
from daemon.runs.click_worker_messages import SAM
from daemon.runs.run_folder import RunFolder
from daemon.smart_tool.click_answers import ClickAnswers, FindsObjects
from daemon.smart_tool.click_worker_process import ClickWorkerProcess
from daemon.smart_tool.clicked_images import ClickedImages
from daemon.smart_tool.kept_suggestions import FOLDER as FOLDER_OF_SUGGESTIONS
from daemon.smart_tool.kept_suggestions import KeptSuggestions
from daemon.smart_tool.network_first import NetworkFirst
from daemon.smart_tool.next_pictures import NextPictures
from daemon.smart_tool.usual_areas import usual_areas_px
from daemon.smart_tool.walks import Walks
from daemon.smart_tool.wanted_network import wanted_network
from daemon.smart_tool.wanted_sam import named_sam, sam_faults, wanted_sam

FOLDER = "click-worker"  # of the state folder: the worker's run

log = logging.getLogger(__name__)


@contextmanager
def open_smart_tool(config: Config) -> Iterator[ClickAnswers]:
    """The smart tool as [smart_tool] says. Raises ConfigError where its password cannot be kept."""
    secret = smart_tool_secret(config)
    with _engines(config) as engines:
        answers = ClickAnswers(
            project=config.label_studio.project,
            secret=secret,
            images=ClickedImages(config.state),
            engines=engines,
            suggestions=KeptSuggestions(config.state / FOLDER_OF_SUGGESTIONS, utc_now),
            seconds=steady_s,
            continues=config.smart_tool.continue_objects,
        )
        asked = engines if isinstance(engines, NetworkFirst) else None
        pictures = NextPictures(config.state, answers.pictures, answers.idle_s, utc_now, asked)
        with closing(pictures):
            pictures.start()
            yield answers


@contextmanager
def _engines(config: Config) -> Iterator[FindsObjects]:
    settings = config.smart_tool
    walks = Walks(with_prior=settings.engine != "colour_walk")
    if settings.engine == SAM:
        with _sam(config, walks) as engines:
            yield engines
        return
    if settings.engine not in ("auto", "click_net"):
        yield walks
        return
    folder = RunFolder(config.state / FOLDER)
    worker = ClickWorkerProcess(lambda: wanted_network(config), folder, steady_s)
    with closing(worker):
        yield NetworkFirst(worker, walks, settings.deadline_ms / 1000)


@contextmanager
def _sam(config: Config, walks: Walks) -> Iterator[FindsObjects]:
    """SAM in a worker; the walks alone where its files cannot be used."""
    files, faults = named_sam(config), sam_faults(config)
    if files is None or faults:
        log.warning("the engine sam is off, the walks answer clicks: %s", "; ".join(faults))
        yield walks
        return
    folder = RunFolder(config.state / FOLDER)
    areas = usual_areas_px(config.state, config.classes.names)
    with closing(ClickWorkerProcess(wanted_sam(config, files, folder), folder, steady_s)) as worker:
        yield NetworkFirst(worker, walks, config.smart_tool.deadline_ms / 1000, SAM, areas)
