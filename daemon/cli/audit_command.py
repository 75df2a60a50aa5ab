"""`maskloop audit`: which labels a person should look at again."""

from __future__ import annotations

import argparse

from daemon.cli.console import ERR, OUT


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of the audit of folders, and of the loop's labels."""
    from daemon.experiment.auditing import audit_options

    audit_options.add_options(parser)


def audit(options: argparse.Namespace) -> int:
    """Audit the labels of a folder, or those of the loop."""
    if options.images is None:
        from daemon.cli.actions import now
        from daemon.config.loading import load_config
        from daemon.experiment.auditing.loop_labels import audit_loop

        config = load_config(options.config)
        return audit_loop(config, options.out, now(), (OUT, ERR), planted=options.plant)
    from daemon.experiment.auditing.audit_options import read_options
    from daemon.experiment.auditing.folder_audit import run_audit

    return run_audit(read_options(options), OUT, ERR)
