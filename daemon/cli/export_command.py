"""`maskloop export`: labels, splits, history and curve out of the store, as plain files; with
--model the model instead."""

from __future__ import annotations

import argparse
from pathlib import Path

from daemon.cli import option_types, terminal
from daemon.cli.console import ERR, say
from daemon.domain.errors import ExportRefused
from daemon.domain.formatting import count

FORMATS = ("png", "coco", "supervisely", "label_studio", "cvat", "datumaro", "yolo")
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
    _add_model_options(parser)


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        nargs="?",
        const="serving",
        metavar="CYCLE|FOLDER",
        help="the model instead of the labels: the one that serves, that of a cycle, or that in "
        "the folder of `maskloop train`; as checkpoint, torch.export file and ONNX, with its card",
    )
    parser.add_argument(
        "--without-onnx",
        action="store_true",
        help="with --model: leave ONNX out, which needs the packages of maskloop[export]",
    )
    parser.add_argument(
        "--threads",
        type=option_types.count,
        default=0,
        help="with --model: of the CPU; 0: all (default)",
    )


def export(options: argparse.Namespace) -> int:
    """Write what the store holds; 1 where a label or an image could not be exported."""
    if options.model is not None:
        return _export_model(options)
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
    for lost in report.losses:
        say(f"not as in the store: {lost}")
    say(
        f"{options.out}: {count(report.labels, 'label')} as {report.format}, "
        f"{count(report.images, 'image')}, {count(report.predictions, 'prediction')}, "
        f"{count(len(report.faults), 'fault')}"
    )
    return 1 if report.faults else 0


def _export_model(options: argparse.Namespace) -> int:
    """Write the folder of one model."""
    from daemon.cli.actions import now
    from daemon.config.loading import load_config
    from daemon.datasets.export.model_export import ModelExportOptions, export_model
    from daemon.datasets.export.model_source import SERVING, model_of_experiment, model_of_loop

    if options.extras or options.format != "png" or options.predictions is not None:
        raise ExportRefused(
            "--model: got --format, --with or --predictions beside it, which are of the images; "
            "export these by a command of their own, into another folder"
        )
    folder = Path(options.model)
    if folder.is_dir():
        source = model_of_experiment(folder)
    elif options.model != SERVING and not options.model.isdecimal():
        raise ExportRefused(
            f"--model {options.model}: no such folder; expected that of `maskloop train --out`, or "
            f"the number of a cycle"
        )
    else:
        source = model_of_loop(load_config(options.config), options.model)
    wanted = ModelExportOptions(
        out=options.out, onnx=not options.without_onnx, threads=options.threads
    )
    with ERR.status("tracing the model and comparing its graphs: a minute or more"):
        card = export_model(source, wanted, now())
    for name, file in card.files.items():
        differs = "" if file.difference is None else f", {file.difference:.1e} from the model"
        say(f"{options.out / name}: {file.bytes / 1e6:.1f} MB{differs}")
    say(f"{options.out}: {card.facts.name}; README.md says how to use it")
    return 0
