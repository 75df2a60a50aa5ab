"""`maskloop demo`: everything on real parts, from one command, in one folder.

DIR/field/          the synthetic data set (without --images)
DIR/files/images/   what Label Studio may read: the pool's images, nothing else
DIR/config.toml     of the daemon; DIR/state/ its store, runs and cache
DIR/.env            ports and secrets, mode 0600; DIR/label-studio/ its data
DIR/demo.json       which data set this folder is for
DIR/*.log           what everybody said
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from daemon.config.loading import Config
from daemon.demo.annotators import Annotator, Person
from daemon.demo.dataset import Dataset, field_dataset, list_test, own_dataset, serve
from daemon.demo.installation import find_executable
from daemon.demo.options import Options, read_options
from daemon.demo.report import curve
from daemon.demo.server import LabelStudioServer
from daemon.demo.settings import (
    FIELD_PLAN,
    SERVED,
    TITLE,
    TOKEN_ENV,
    Plan,
    first_config,
    own_plan,
    settle_config,
)
from daemon.demo.supervisor import Supervisor
from daemon.demo.truth import Truth, pair
from daemon.demo.watch import Watch
from daemon.demo.web_user import WebUser
from daemon.domain.errors import ConnectorRefused, DemoFailed
from daemon.runs.durable import write_json

OUT = Console(highlight=False, soft_wrap=True)
ANNOTATORS = ("ada@maskloop.local", "ben@maskloop.local")
DAEMON_STOP_S = 30.0
INLINE_READ_S = 1.0
INTERRUPTED = 130  # the shell's code for Ctrl-C


def run_demo(given: argparse.Namespace) -> int:
    """Run until the cycles are trained (--exit) or Ctrl-C. Raises MaskloopError."""
    options = read_options(given)
    done = False
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's `&` leaves SIGINT ignored
        signal.signal(number, _interrupt)
    try:
        with _everything(options) as (config, server, watch):
            for line in curve(watch.until_trained(options.cycles)):
                say(line)
            done = True
            for line in _addresses(config, server):
                say(line)
            while not options.leave:
                watch.expect_all_alive()
                time.sleep(INLINE_READ_S)
    except KeyboardInterrupt:
        say("stopped; the same command continues here")
    return 0 if done else INTERRUPTED


def say(line: str) -> None:
    """One line to the terminal, as it is."""
    OUT.print(line, markup=False)


@contextmanager
def _everything(options: Options) -> Iterator[tuple[Config, LabelStudioServer, Watch]]:
    """Data, server, project, daemon and people; all of it is gone afterwards."""
    folder = options.folder.resolve()
    executable = find_executable(os.environ)
    _claim(folder, options)
    _log_to_file(folder / "demo.log")
    dataset, plan = _dataset(folder, options)
    serve(dataset, folder / SERVED / "images")
    list_test(dataset, folder / "test.json")
    with ExitStack() as stack:
        say("starting Label Studio (a minute the first time)")
        server = stack.enter_context(
            LabelStudioServer(
                folder=folder,
                document_root=folder / SERVED,
                executable=executable,
                port=options.port,
            )
        )
        config = _settle(folder, dataset, plan, options, server)
        for line in _addresses(config, server):
            say(line)
        daemon = _daemon(folder, server, options.cycles)
        people = _people(config, dataset, server, options)
        parts: list[Supervisor | Annotator] = [daemon, *people]
        for part in parts:
            stack.callback(part.stop)
            part.start()
        yield config, server, Watch(config, server, daemon, people, say)


def _claim(folder: Path, options: Options) -> None:
    """A folder belongs to one data set for ever. Raises DemoFailed for another."""
    mine = {"images": str(options.images.resolve()) if options.images else "field"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.json"
    if not path.exists():
        write_json(path, mine)
    known = json.loads(path.read_text())
    if known != mine:
        raise DemoFailed(
            f"{folder} holds a demo on {known['images']}; choose another folder with --dir,"
            " or give the same --images again"
        )


def _dataset(folder: Path, options: Options) -> tuple[Dataset, Plan]:
    if options.images and options.masks:
        say(f"reading {options.images} and {options.masks}")
        found = own_dataset(options.images, options.masks, options.splits, options.classes)
        plan = own_plan(len(found.pool))
    else:
        say(f"field images in {folder / 'field'}")
        found, plan = field_dataset(folder / "field"), FIELD_PLAN
    say(f"{len(found.pool)} images to label, {len(found.test)} to test on; classes: "
        f"{', '.join(found.classes.names)}")  # fmt: skip
    return found, plan


def _settle(
    folder: Path, dataset: Dataset, plan: Plan, options: Options, server: LabelStudioServer
) -> Config:
    """The project and the config.toml that names it."""
    from connectors.label_studio import FolderSource, create_or_adopt_project

    adopted = create_or_adopt_project(
        url=server.url,
        token=lambda: server.credentials.token,
        project=TITLE,
        classes=dataset.classes,
        source=FolderSource(folder / SERVED / "images", folder / SERVED),
    )
    if adopted.faults:
        raise DemoFailed("; ".join(map(str, adopted.faults)))
    return settle_config(
        folder / "config.toml",
        first_config(folder, dataset, plan),
        url=server.url,
        project=adopted.id,
        budget=plan.budget(options.cycles),
    )


def _daemon(folder: Path, server: LabelStudioServer, cycles: int) -> Supervisor:
    loopback = dict.fromkeys(("no_proxy", "NO_PROXY"), "127.0.0.1,localhost")
    return Supervisor(
        name="the daemon",
        command=[
            *(sys.executable, "-m", "daemon.cli", "--config", str(folder / "config.toml")),
            *("run", "--cycles", str(cycles)),
        ],
        environment={**os.environ, **loopback, TOKEN_ENV: server.credentials.token},
        folder=folder,
        log_file=folder / "daemon.log",
        stop_s=DAEMON_STOP_S,
    )


def _people(
    config: Config, dataset: Dataset, server: LabelStudioServer, options: Options
) -> Sequence[Annotator]:
    truth = Truth(pair(dataset.pool, dataset.masks))
    known = server.credentials
    return [
        Annotator(
            url=server.url,
            person=Person(email=email, password=known.annotator_password),
            invite=lambda: _invite(server),
            project=config.label_studio.project,
            classes=dataset.classes,
            truth=truth,
            pace_s=options.pace_s,
        )
        for email in ANNOTATORS
    ]


def _invite(server: LabelStudioServer) -> str:
    with WebUser(server.url) as admin:
        if not admin.sign_in(server.credentials.username, server.credentials.password):
            raise ConnectorRefused("the administrator cannot sign in")
        return admin.invite_url()


def _addresses(config: Config, server: LabelStudioServer) -> Iterator[str]:
    if config.web.enabled:
        yield f"the page:      http://{config.web.host}:{config.web.port}"
    yield f"Label Studio:  {server.url}/projects/{config.label_studio.project}"
    yield (
        f"sign in there: {server.credentials.username}, the password is LABEL_STUDIO_PASSWORD"
        f" in {server.secrets_file}"
    )


def _log_to_file(path: Path) -> None:
    """The terminal is for the story; the details of who waited for whom go to a file."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    for known in list(root.handlers):
        root.removeHandler(known)
    root.addHandler(handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
