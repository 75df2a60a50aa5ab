"""`maskloop export`: labels, splits, history and curve out of the store, as plain files."""

from __future__ import annotations

import argparse

from daemon.cli import option_types, terminal
from daemon.cli.console import ERR, say
from daemon.domain.formatting import count

FORMATS = ("png", "coco", "supervisely", "label_studio")
SHOWN_FAULTS = 20  # that are printed; export.json has all


def add_options(parser: argparse.ArgumentParser) -> None:
    """Whereto, in which format, and what beside labels."""
    parser.add_argument(
        "--out",
        type=option_types.path,
        required=True,
        metavar="DIR",
        help="new or empty folder, or that of an earlier export, which is replaced",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="png",
        help="of the labels (default: png, one class index a pixel, 255 = no label)",
    )
    parser.add_argument(
        "--with",
        dest="extras",
        nargs="+",
        choices=("images", "names"),
        default=[],
        help="also the images, hard-linked or copied; also the names of annotators in the history",
    )
    parser.add_argument(
        "--predictions",
        nargs="?",
        const="pool",
        metavar="pool|all|LIST",
        help="also masks by the model that serves: of the pool, of all images, or of those whose "
        "ids or names are in the file LIST; the same command goes on where it was stopped",
    )


def export(options: argparse.Namespace) -> int:
    """Write what the store holds; 1 where a label or an image could not be exported."""
    from daemon.cli.actions import now
    from daemon.config.loading import load_config
    from daemon.datasets.export.export_folder import export_folder
    from daemon.datasets.export.export_report import ExportOptions
    from daemon.launchers.local import LocalLauncher

    wanted = ExportOptions(
        out=options.out,
        format=options.format,
        images="images" in options.extras,
        people="names" in options.extras,
        predictions=options.predictions,
    )
    config = load_config(options.config)
    with terminal.image_progress(ERR) as progress:
        report = export_folder(config, wanted, now(), progress, LocalLauncher())
    for fault in report.faults[:SHOWN_FAULTS]:
        say(f"fault: {fault}")
    if len(report.faults) > SHOWN_FAULTS:
        say(f"and {len(report.faults) - SHOWN_FAULTS} more in export.json")
    say(
        f"{options.out}: {count(report.labels, 'label')} as {report.format}, "
        f"{count(report.images, 'image')}, {count(report.predictions, 'prediction')}, "
        f"{count(len(report.faults), 'fault')}"
    )
    return 1 if report.faults else 0
