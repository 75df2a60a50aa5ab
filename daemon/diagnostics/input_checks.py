"""Checks of what comes from outside: the labeling tool, its images, the classes, the quarantine."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from itertools import islice

from connectors.base import HasSmartTool
from daemon.config.loading import Config
from daemon.domain.errors import MaskloopError, RunFailed, StoreTooOld
from daemon.intake import Intake
from daemon.loop.components import open_connector, require_token
from daemon.sam.sam_graphs import load_sam
from daemon.smart_tool.wanted_sam import THREADS, named_sam, sam_faults
from daemon.stages.classes import require_same_classes
from daemon.stages.image_content import CURE, EXPECTED, check_image, fault_location
from daemon.stages.unused_files import faults_and_notes
from daemon.status.snapshot import read_status
from daemon.store import FILE, Store

MAX_IMAGES = 200  # opened by the check; the daemon opens all of them


def class_faults(config: Config) -> Sequence[str]:
    """Whether the labels in the store were read with the classes of config.toml."""
    path = config.state / FILE
    if not path.exists():
        return []
    with Store(path, read_only=True) as store:
        try:
            require_same_classes(store, config)
        except MaskloopError as exc:
            return [str(exc)]
    return []


def labeling_tool_faults(config: Config) -> Sequence[str]:
    """Whether the labeling tool lets us in, and its project is set up as the loop needs it."""
    try:
        require_token(config)
        with closing(open_connector(config)) as connector:
            return [str(fault) for fault in connector.check()]
    except MaskloopError as exc:
        return [str(exc)]


def smart_tool_faults(config: Config) -> Sequence[str]:
    """Whether people can click, where [smart_tool] is enabled."""
    if not config.smart_tool.enabled:
        return []
    if not config.web.enabled:
        return [
            "[smart_tool] enabled = true, [web] enabled = false: Label Studio sends clicks to the "
            "page; expected both enabled, or neither"
        ]
    try:
        require_token(config)
        with closing(open_connector(config)) as connector:
            if not isinstance(connector, HasSmartTool):
                return ["[smart_tool] enabled = true: this labeling tool has no clicks; disable it"]
            return [str(fault) for fault in connector.smart_tool_faults()]
    except MaskloopError as exc:
        return [str(exc)]


def sam_model_faults(config: Config) -> Sequence[str]:
    """Whether the files of SAM that [smart_tool] names can be used; they are loaded for that."""
    files = named_sam(config)
    if files is None or not config.smart_tool.enabled:
        return []
    if faults := sam_faults(config):
        return faults
    try:
        load_sam(files, THREADS)
    except RunFailed as exc:
        return [f"[smart_tool] {exc}"]
    return []


def image_faults(config: Config) -> Sequence[str]:
    """Whether the first MAX_IMAGES images can be opened."""
    try:
        with closing(open_connector(config)) as connector:
            images = list(islice(connector.images(), MAX_IMAGES))
            intake = Intake()
            for image in images:
                with intake.guard(fault_location(image.key), expected=EXPECTED, cure=CURE):
                    check_image(connector, config, image)
            faults = [str(fault) for fault in intake.faults()]
            faults += faults_and_notes(connector.left_out())[0]
    except MaskloopError as exc:
        return [str(exc)]
    return faults if images else ["got no image; expected at least one; correct [images]"]


def quarantine_faults(config: Config) -> Sequence[str]:
    """The inputs in quarantine. None for a store of an older version: a note says what to do."""
    try:
        return [fault.line() for fault in read_status(config).quarantine]
    except StoreTooOld:
        return []
