"""The daemon as a child: its real ticks, over a pipe, until it is told to end or is killed."""

from __future__ import annotations

import logging
import os
import traceback
from multiprocessing.connection import Connection
from typing import NoReturn

from connectors.label_studio import LabelStudio, changed_tasks, push, tasks
from daemon.config.loading import Config
from daemon.loop.components import folder_source
from daemon.loop.service import Ticker
from daemon.store import sole_writer
from tests.fakes.clock import SharedClock
from tests.fakes.pipe import PipeTransport
from tests.faults.field import TOKEN
from tests.faults.learner import DirectLauncher
from tests.faults.ripper import Ripper
from tests.faults.schedule import Life

LOOK, END = "look", "end"


def live(
    config: Config, pipe: Connection, clock: SharedClock, train_polls: int, life: Life | None
) -> NoReturn:
    """Tick whenever the other end says LOOK. life: says when this process kills itself."""
    try:
        _live(config, pipe, clock, train_polls, life)
    except (EOFError, ConnectionError):
        pass  # the parent is gone
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(1)  # never back into the code of the parent


def _live(
    config: Config, pipe: Connection, clock: SharedClock, train_polls: int, life: Life | None
) -> NoReturn:
    logging.getLogger().addHandler(logging.NullHandler())
    # some tasks fill several pages and requests, as many do in a large project
    tasks.PAGE, changed_tasks.MAX_FULL_TASKS = 5, 2
    push.NEW_TASKS, push.PREDICTIONS = 2, 2
    source = folder_source(config)
    connector = LabelStudio(
        url=config.label_studio.url,
        project=config.label_studio.project,
        token=lambda: TOKEN,
        classes=config.class_set,
        source=source,
        sleep=clock.sleep,
        now=clock.now,
        transport=PipeTransport(pipe),
    )
    ticker = Ticker(config, connector, DirectLauncher(train_polls), clock.now, None)
    if life is not None and life.killed_at_statement is not None:
        Ripper(life.killed_at_statement, life.killed_in).watch()
    with sole_writer(config.state):
        while True:
            pipe.send(LOOK)
            if pipe.recv() == END:
                os._exit(0)
            ticker.tick_and_report()
