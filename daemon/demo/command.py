"""`maskloop demo`: Label Studio, images, annotators and the daemon, from one command in one folder.

DIR/field/          the synthetic data set (without --images)
DIR/files/images/   what Label Studio may read: the pool's images, nothing else
DIR/config.toml     settings of the daemon; DIR/state/ its store, runs and cache
DIR/.env            ports and secrets, mode 0600; DIR/label-studio/ its data
DIR/demo.json       which data set this folder belongs to
DIR/*.log           the output of every process
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
from daemon.demo.dataset import Dataset, copy_pool, field_dataset, own_dataset, write_test_list
from daemon.demo.imported_data import imported_dataset
from daemon.demo.installation import find_executable
from daemon.demo.label_studio_server import LabelStudioServer
from daemon.demo.options import Options, read_options
from daemon.demo.report import curve
from daemon.demo.settings import (
    FIELD_PLAN,
    SERVED_FOLDER,
    TITLE,
    TOKEN_ENV,
    Plan,
    first_config,
    own_plan,
    update_config,
)
from daemon.demo.supervisor import Supervisor
from daemon.demo.truth import Truth, pair_masks
from daemon.demo.watch import Watch
from daemon.demo.web_user import WebUser
from daemon.domain.errors import ConnectorRefused, DemoFailed
from daemon.runs.durable import write_json
from daemon.web.access.sign_in import sign_in_command

OUT = Console(highlight=False, soft_wrap=True)
ANNOTATORS = ("ada@maskloop.local", "ben@maskloop.local")
DAEMON_STOP_S = 30.0
POLL_S = 1.0
INTERRUPTED = 130  # exit code of a shell for Ctrl-C


def run_demo(given: argparse.Namespace) -> int:
    """Run until the cycles are trained (--exit) or until Ctrl-C. Returns the exit code.

    Raises DemoFailed when a part gives up or nothing moves, MaskloopError at the start.
    """
    options = read_options(given)
    done = False
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's `&` leaves SIGINT ignored
        signal.signal(number, _interrupt)
    try:
        with _running_demo(options) as (config, server, watch):
            for line in curve(watch.until_trained(options.cycles)):
                say(line)
            done = True
            for line in _addresses(config, server):
                say(line)
            while not options.exit_when_trained:
                watch.expect_all_alive()
                time.sleep(POLL_S)
    except KeyboardInterrupt:
        say("stopped; the same command continues here")
    return 0 if done else INTERRUPTED


def say(line: str) -> None:
    """Print one line to the terminal, without markup."""
    OUT.print(line, markup=False)


@contextmanager
def _running_demo(options: Options) -> Iterator[tuple[Config, LabelStudioServer, Watch]]:
    """Start server, daemon and annotators; they are stopped at the end of the block."""
    folder = options.folder.resolve()
    executable = find_executable(os.environ)
    _claim_folder(folder, options)
    _log_to_file(folder / "demo.log")
    dataset, plan = _dataset(folder, options)
    copy_pool(dataset, folder / SERVED_FOLDER / "images")
    write_test_list(dataset, folder / "test.json")
    with ExitStack() as stack:
        say("starting Label Studio (a minute the first time)")
        server = stack.enter_context(
            LabelStudioServer(
                folder=folder,
                document_root=folder / SERVED_FOLDER,
                executable=executable,
                port=options.port,
            )
        )
        config = _set_up_project(folder, dataset, plan, options, server)
        for line in _addresses(config, server):
            say(line)
        daemon = _daemon_supervisor(folder, server, options.cycles)
        annotators = _annotators(config, dataset, server, options)
        parts: list[Supervisor | Annotator] = [daemon, *annotators]
        for part in parts:
            stack.callback(part.stop)
            part.start()
        yield config, server, Watch(config, server, daemon, annotators, say)


def _claim_folder(folder: Path, options: Options) -> None:
    """Tie the folder to one data set. Raises DemoFailed if it belongs to another."""
    images = options.data / "images" if options.data else options.images
    wanted = {"images": str(images.resolve()) if images else "field"}
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "demo.json"
    if not path.exists():
        write_json(path, wanted)
    owner = json.loads(path.read_text())
    if owner != wanted:
        raise DemoFailed(
            f"{folder} holds a demo on {owner['images']}; choose another folder with --dir,"
            " or give the same --images or --data again"
        )


def _dataset(folder: Path, options: Options) -> tuple[Dataset, Plan]:
    if options.data:
        say(f"reading {options.data}")
        dataset = imported_dataset(options.data)
        plan = own_plan(len(dataset.pool))
    elif options.images and options.masks:
        say(f"reading {options.images} and {options.masks}")
        dataset = own_dataset(options.images, options.masks, options.splits, options.classes)
        plan = own_plan(len(dataset.pool))
    else:
        say(f"field images in {folder / 'field'}")
        dataset, plan = field_dataset(folder / "field"), FIELD_PLAN
    say(f"{len(dataset.pool)} images to label, {len(dataset.test)} to test on; classes: "
        f"{', '.join(dataset.classes.names)}")  # fmt: skip
    if dataset.left_out:
        say(f"{dataset.left_out} images without a mask are left out: nobody could label them here")
    return dataset, plan


def _set_up_project(
    folder: Path, dataset: Dataset, plan: Plan, options: Options, server: LabelStudioServer
) -> Config:
    """Create or adopt the project; write its number and address into config.toml."""
    from connectors.label_studio import FolderSource, create_or_adopt_project

    adopted = create_or_adopt_project(
        url=server.url,
        token=lambda: server.credentials.token,
        project=TITLE,
        classes=dataset.classes,
        source=FolderSource(folder / SERVED_FOLDER / "images", folder / SERVED_FOLDER),
    )
    if adopted.faults:
        raise DemoFailed("; ".join(map(str, adopted.faults)))
    return update_config(
        folder / "config.toml",
        first_config(folder, dataset, plan),
        url=server.url,
        project=adopted.id,
        budget=plan.budget(options.cycles),
    )


def _daemon_supervisor(folder: Path, server: LabelStudioServer, cycles: int) -> Supervisor:
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


def _annotators(
    config: Config, dataset: Dataset, server: LabelStudioServer, options: Options
) -> Sequence[Annotator]:
    truth = Truth(pair_masks(dataset.pool, dataset.masks))
    credentials = server.credentials
    return [
        Annotator(
            url=server.url,
            person=Person(email=email, password=credentials.annotator_password),
            invite=lambda: _invite_url(server),
            project=config.label_studio.project,
            classes=dataset.classes,
            truth=truth,
            pace_s=options.pace_s,
        )
        for email in ANNOTATORS
    ]


def _invite_url(server: LabelStudioServer) -> str:
    with WebUser(server.url) as admin:
        if not admin.sign_in(server.credentials.username, server.credentials.password):
            raise ConnectorRefused("the administrator cannot sign in")
        return admin.invite_url()


def _addresses(config: Config, server: LabelStudioServer) -> Iterator[str]:
    if config.web.enabled:
        yield f"the page:      http://{config.web.host}:{config.web.port}"
        yield f"to act on it:  {sign_in_command(config)}"
    yield f"Label Studio:  {server.url}/projects/{config.label_studio.project}"
    yield (
        f"sign in there: {server.credentials.username}, the password is LABEL_STUDIO_PASSWORD"
        f" in {server.secrets_file}"
    )


def _log_to_file(path: Path) -> None:
    """Log to a file only: the terminal shows the news of the demo."""
    handler = logging.FileHandler(path)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    for other in list(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
